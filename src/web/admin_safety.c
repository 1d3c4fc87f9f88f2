#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/date.h"
#include "web/admin.h"

/*
 * Safety: the audit and its head, backups and when one was last verified, the
 * custodians.  Backups lie in the folder backups of the register; that one was
 * verified stands in the audit, where nobody can put it afterwards.
 */

#define FOLDER "backups"
#define BACKUP_DAYS 7		/* older than that is warned of */
#define VERIFY_DAYS 30
#define NAME_BYTES RX_VAULT_NAME

/* ---- names of backups ---- */

/* Where backups lie, to be freed: the folder of the schedule, or that of the
 * register; and where their keys. */
static rx_err
folders(char **dir, char **keys, const struct rx_request *q,
    struct rx_status *st)
{
	struct rx_schedule s;

	rx_web_schedule(q->web, &s);
	*keys = NULL;
	if ((s.dir != NULL ? asprintf(dir, "%s", s.dir) :
	    asprintf(dir, "%s/" FOLDER, q->dir)) < 0) {
		*dir = NULL;
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	if (asprintf(keys, "%s", s.dir != NULL ? s.keys : *dir) < 0) {
		*keys = NULL;
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

/* The paths of the two files of backup ${name}, to be freed. */
static rx_err
backup_paths(char **path, char **other, const struct rx_request *q,
    const char *name, struct rx_status *st)
{
	char *dir, *keys;
	rx_err rc;

	*path = NULL;
	*other = NULL;
	if ((rc = folders(&dir, &keys, q, st)) != RX_OK)
		goto done;
	if (asprintf(path, "%s/%s", dir, name) < 0) {
		*path = NULL;
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	} else if (asprintf(other, "%s/%s.keys", keys, name) < 0) {
		*other = NULL;
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	}
done:
	free(dir);
	free(keys);
	return (rc);
}

/* "2026-01-31 08:30:00" from a name. */
static void
name_time(char out[RX_TIME_TEXT], const char *name)
{

	(void)snprintf(out, RX_TIME_TEXT, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s",
	    name + 7, name + 11, name + 13, name + 16, name + 18, name + 20);
}

/* ---- the list ---- */

struct note {			/* a backup that was verified */
	char name[NAME_BYTES];
	int64_t time;
};

struct notes {
	struct note *v;
	size_t n, cap;
	int64_t made;		/* when the audit last had one made; 0: never */
};

static rx_err
note_each(void *cookie, int64_t time, const char *user, const char *name,
    struct rx_status *st)
{
	struct notes *all = cookie;
	struct note *grown;

	(void)user;
	if (name == NULL)
		all->made = time;
	if (name == NULL || !rx_vault_is_name(name))
		return (RX_OK);
	if (all->n == all->cap) {
		all->cap = all->cap == 0 ? 16 : 2 * all->cap;
		if ((grown = reallocarray(all->v, all->cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		all->v = grown;
	}
	rx_text_copy(all->v[all->n].name, NAME_BYTES, name);
	all->v[all->n++].time = time;
	return (RX_OK);
}

static int64_t
verified_at(const struct notes *notes, const char *name)
{
	size_t i;

	for (i = notes->n; i-- > 0;)
		if (strcmp(notes->v[i].name, name) == 0)
			return (notes->v[i].time);
	return (0);
}

static rx_err
put_size(json_t *o, off_t bytes, struct rx_status *st)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.1f MB",
	    (double)bytes / (1024 * 1024));
	return (rx_put_text(o, "size", text, st));
}

struct backups {
	struct rx_request *q;
	json_t *data;
	const struct notes *notes;
	size_t odd;		/* not of this register */
};

/* One of the list. */
static rx_err
put_backup(json_t *o, const struct backups *l, const struct rx_vault_file *f,
    const struct stat *content, const struct stat *keys, struct rx_status *st)
{
	const int64_t verified = verified_at(l->notes, f->name);
	char made[RX_TIME_TEXT];
	rx_err rc;

	name_time(made, f->name);
	if (f->ours)
		rx_time_format(f->made, made);
	if ((rc = rx_put_text(o, "file", f->name, st)) != RX_OK ||
	    (rc = rx_put_text(o, "made", made, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "half", keys == NULL, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "odd", !f->ours, st)) != RX_OK ||
	    (rc = put_size(o, content->st_size + (keys != NULL ?
	    keys->st_size : 0), st)) != RX_OK)
		return (rc);
	return (verified != 0 ? rx_put_time(o, "verified", verified, st) :
	    rx_put_text(o, "verified", "", st));
}

static rx_err
backup_each(void *cookie, const struct rx_vault_file *f, struct rx_status *st)
{
	struct backups *l = cookie;
	char *path = NULL, *keys = NULL;
	struct stat content, other;
	json_t *o;
	rx_err rc;

	if ((rc = backup_paths(&path, &keys, l->q, f->name, st)) == RX_OK &&
	    stat(path, &content) == 0 &&	/* not gone meanwhile */
	    (rc = rx_put_item(l->data, "backups", &o, st)) == RX_OK)
		rc = put_backup(o, l, f, &content, stat(keys, &other) == 0 ?
		    &other : NULL, st);
	l->odd += !f->ours;
	free(path);
	free(keys);
	return (rc);
}

/* The newest first, what is not of this register last. */
static rx_err
put_backups(struct rx_request *q, json_t *data, const struct notes *notes,
    struct rx_status *st)
{
	struct backups l = { q, data, notes, 0 };
	char *folder, *keys;
	struct stat sb;
	rx_err rc;

	/* The analysers do not see that it is set. */
	if ((rc = folders(&folder, &keys, q, st)) == RX_OK &&
	    folder != NULL && (stat(folder, &sb) == 0 || errno != ENOENT) &&
	    (rc = rx_vault_each(q->session, folder, backup_each, &l, st)) ==
	    RX_OK && l.odd > 0)
		rc = rx_put_say_int(data, "odd_said", q,
		    RX_MSG_WEB_BACKUP_ODD, "n", (int64_t)l.odd, st);
	free(folder);
	free(keys);
	return (rc != RX_OK ? rc : rx_put_shown(data, "backups", st));
}

/* How many days ago the local ${date} was: ${key}_age, and ${key}_old beyond
 * ${limit} days. */
static rx_err
put_age(json_t *data, const struct rx_request *q, const char *age,
    const char *old, int32_t date, int limit, struct rx_status *st)
{
	const int32_t days = rx_date_today() - date;
	rx_err rc;

	rc = days <= 0 ? rx_put_say(data, age, q, RX_MSG_WEB_TODAY, NULL, NULL,
	    st) : rx_put_say_int(data, age, q, RX_MSG_WEB_DAYS_AGO, "n", days,
	    st);
	if (rc != RX_OK || days <= limit)
		return (rc);
	return (rx_put_say_int(data, old, q, RX_MSG_WEB_BACKUP_OLD, "n",
	    limit, st));
}

/* That the audit has a backup made on a later day than the ${listed} one: with
 * the command line, it may lie anywhere. */
static rx_err
put_elsewhere(json_t *data, const struct rx_request *q,
    const struct notes *notes, int32_t listed, struct rx_status *st)
{
	char time[RX_TIME_TEXT];

	if (notes->made == 0 || rx_date_of_time(notes->made) <= listed)
		return (RX_OK);
	rx_time_format(notes->made, time);
	return (rx_put_say(data, "made_elsewhere", q,
	    RX_MSG_WEB_BACKUP_ELSEWHERE, "time", time, st));
}

/* When the newest whole backup was made, which the list has on top, and when one
 * was last verified. */
static rx_err
put_ages(json_t *data, const struct rx_request *q, const struct notes *notes,
    struct rx_status *st)
{
	const json_t *list = json_object_get(data, "backups"), *o;
	const char *made;
	char day[RX_DATE_TEXT];
	int32_t date, listed = INT32_MIN;
	size_t i;
	rx_err rc;

	json_array_foreach(list, i, o) {
		made = json_string_value(json_object_get(o, "made"));
		(void)snprintf(day, sizeof(day), "%.10s", made);
		if (json_is_true(json_object_get(o, "half")) ||
		    json_is_true(json_object_get(o, "odd")) ||
		    !rx_date_parse(day, &date))
			continue;
		if ((rc = rx_put_text(data, "last_made", made, st)) != RX_OK ||
		    (rc = put_age(data, q, "made_age", "made_old", date,
		    BACKUP_DAYS, st)) != RX_OK)
			return (rc);
		listed = date;
		break;
	}
	if ((rc = put_elsewhere(data, q, notes, listed, st)) != RX_OK)
		return (rc);
	if (notes->n == 0)
		return (RX_OK);
	if ((rc = rx_put_time(data, "last_verified",
	    notes->v[notes->n - 1].time, st)) != RX_OK)
		return (rc);
	return (put_age(data, q, "verified_age", "verified_old",
	    rx_date_of_time(notes->v[notes->n - 1].time), VERIFY_DAYS, st));
}

/* The schedule: how often, where to, and whether the last attempt failed. */
static rx_err
put_schedule(json_t *data, const struct rx_request *q, struct rx_status *st)
{
	struct rx_schedule s;
	char time[RX_TIME_TEXT];
	rx_err rc;

	rx_web_schedule(q->web, &s);
	if (s.dir == NULL)
		return (RX_OK);
	if ((rc = rx_put_say_int(data, "schedule", q, RX_MSG_WEB_BACKUP_EVERY,
	    "n", s.every, st)) != RX_OK ||
	    (rc = rx_put_text(data, "schedule_dir", s.dir, st)) != RX_OK ||
	    (rc = rx_put_text(data, "schedule_keys", s.keys, st)) != RX_OK ||
	    (rc = rx_put_bool(data, "together", strcmp(s.dir, s.keys) == 0,
	    st)) != RX_OK || s.failed == 0)
		return (rc);
	rx_time_format(s.failed, time);
	if ((rc = rx_put_say(data, "schedule_failed", q,
	    RX_MSG_WEB_BACKUP_FAILED, "time", time, st)) != RX_OK)
		return (rc);
	return (rx_put_say(data, "schedule_why", q, s.why, NULL, NULL, st));
}

rx_err
rx_admin_put_verified(json_t *data, const struct rx_request *q,
    struct rx_status *st)
{
	int64_t at;
	rx_err rc;

	if ((rc = rx_web_verified(q->web, q->session, &at, st)) != RX_OK)
		return (rc);
	if (at == 0)
		return (rx_put_bool(data, "never_verified", true, st));
	if ((rc = rx_put_time(data, "last_verified", at, st)) != RX_OK)
		return (rc);
	return (put_age(data, q, "verified_age", "verified_old",
	    rx_date_of_time(at), VERIFY_DAYS, st));
}

/* ---- custodians ---- */

struct custody {
	struct rx_request *q;
	json_t *data;		/* NULL: only count */
	bool want;		/* held, or not held */
	unsigned n[2];		/* not held, held */
};

static rx_err
custody_each(void *cookie, const char unit[RX_UNIT_BYTES], bool held,
    struct rx_status *st)
{
	char name[256], text[RX_UNIT_TEXT];
	struct custody *c = cookie;
	json_t *o;
	rx_err rc;

	c->n[held]++;
	if (c->data == NULL || held != c->want)
		return (RX_OK);
	rx_unit_text(text, unit);
	if ((rc = rx_unit_name(c->q->session, unit, name, sizeof(name),
	    st)) != RX_OK ||
	    (rc = rx_put_item(c->data, "units", &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "name", name, st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "code", text, st));
}

rx_err
rx_admin_custody(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct custody c = { .q = q, .data = a->data,
	    .want = strcmp(rx_field(q, "what"), "missing") != 0 };
	int64_t made;
	rx_err rc;

	a->page = "admin/custody";
	if ((rc = rx_custody_each(q->session, &made, custody_each, &c, st)) !=
	    RX_OK || (rc = rx_put_shown(a->data, "units", st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "held", c.want, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, c.want ?
	    RX_MSG_WEB_CUSTODY_HELD : RX_MSG_WEB_CUSTODY_MISSING, NULL, NULL,
	    st));
}

static rx_err
put_custody(struct rx_request *q, json_t *data, struct rx_status *st)
{
	struct custody c = { .q = q };
	int64_t made;
	rx_err rc;

	if ((rc = rx_custody_each(q->session, &made, custody_each, &c, st)) !=
	    RX_OK || (rc = rx_put_time(data, "codes_made", made, st)) !=
	    RX_OK || (rc = rx_put_int(data, "held", c.n[1], st)) != RX_OK ||
	    (rc = rx_put_int(data, "missing", c.n[0], st)) != RX_OK)
		return (rc);
	return (rx_put_bool(data, "any_missing", c.n[0] > 0, st));
}

static rx_err
rotation_each(void *cookie, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{

	(void)unit;
	(void)st;
	(*(int64_t *)cookie)++;
	return (RX_OK);
}

/* data.rotation: how many units wait for new keys, when any does. */
static rx_err
put_rotation(struct rx_request *q, json_t *data, struct rx_status *st)
{
	int64_t n = 0;
	rx_err rc;

	if ((rc = rx_rotation_each(q->session, rx_session_unit(q->session),
	    rotation_each, &n, st)) != RX_OK || n == 0)
		return (rc);
	return (rx_put_int(data, "rotation", n, st));
}

/* ---- the page ---- */

static rx_err
put_head(struct rx_request *q, json_t *data, struct rx_status *st)
{
	char hex[2 * RX_HASH_BYTES + 1], text[2 * RX_HASH_BYTES + 32];
	struct rx_audit_head head;
	rx_err rc;

	if ((rc = rx_audit_head(q->session, &head, st)) != RX_OK)
		return (rc);
	rx_hex(hex, head.hash, sizeof(head.hash));
	(void)snprintf(text, sizeof(text), "%llu-%s",
	    (unsigned long long)head.seq, hex);
	if ((rc = rx_put_text(data, "head", text, st)) != RX_OK)
		return (rc);
	return (rx_put_time(data, "head_time", head.time, st));
}

static rx_err
put_safety(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct notes notes = { NULL, 0, 0, 0 };
	rx_err rc;

	a->page = "admin/safety";
	if ((rc = put_head(q, a->data, st)) != RX_OK ||
	    (rc = put_custody(q, a->data, st)) != RX_OK ||
	    (rc = put_rotation(q, a->data, st)) != RX_OK ||
	    (rc = rx_backup_notes(q->session, note_each, &notes, st)) !=
	    RX_OK || (rc = put_backups(q, a->data, &notes, st)) != RX_OK)
		goto done;
	if ((rc = put_ages(a->data, q, &notes, st)) == RX_OK &&
	    (rc = rx_put_copies(a->data, q, st)) == RX_OK &&
	    (rc = put_schedule(a->data, q, st)) == RX_OK)
		rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_NAV_SAFETY,
		    NULL, NULL, st);
done:
	free(notes.v);
	return (rc);
}

rx_err
rx_admin_safety(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_safety(q, a, st));
}

/* The answer to a form whose failure is shown above the page. */
static rx_err
put_again(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_put_error(a, q, st)) != RX_OK)
		return (rc);
	return (put_safety(q, a, st));
}

/* How the entries were verified. */
static rx_err
put_how(json_t *data, const struct rx_request *q,
    const struct rx_audit_check *check, struct rx_status *st)
{
	char time[RX_TIME_TEXT], text[512];
	struct rx_status say;

	rx_status_clear(&say);
	say.msg = RX_MSG_CLI_AUDIT_FULL;
	if (check->from != 0) {
		rx_time_format(check->by.time, time);
		rx_status_arg(&say, "from", "%llu",
		    (unsigned long long)check->from);
		rx_status_arg(&say, "rest", "%llu",
		    (unsigned long long)(check->head.seq - check->from));
		rx_status_arg(&say, "user", "%s", check->by.user);
		rx_status_arg(&say, "time", "%s", time);
		say.msg = RX_MSG_WEB_AUDIT_FROM;
	}
	rx_status_text(&say, q->lang, text, sizeof(text));
	return (rx_put_text(data, "how", text, st));
}

rx_err
rx_admin_verify(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	static const char *const keep[] = { "anchor", NULL };
	const char *anchor = rx_field(q, "anchor");
	struct rx_audit_check check = { .trust = rx_field_set(q, "full") ?
	    RX_TRUST_NOBODY : RX_TRUST_OTHERS };
	rx_err rc;

	anchor += strspn(anchor, " \n\t");
	if ((rc = rx_put_form(a->data, q, keep, st)) != RX_OK)
		return (rc);
	check.anchor = *anchor != '\0' ? anchor : NULL;
	if (rx_audit_check(q->session, &check, NULL, NULL, st) != RX_OK)
		return (put_again(q, a, st));
	if ((rc = rx_put_say_int(a->data, "intact", q, *anchor != '\0' ?
	    RX_MSG_WEB_AUDIT_ANCHORED : RX_MSG_WEB_AUDIT_INTACT, "n",
	    (int64_t)check.head.seq, st)) != RX_OK ||
	    (rc = put_how(a->data, q, &check, st)) != RX_OK)
		return (rc);
	return (put_safety(q, a, st));
}

/* ---- making and verifying a backup ---- */

/* The folder, mode 0700. */
static rx_err
make_folder(const char *folder, struct rx_status *st)
{
	struct stat sb;

	if ((mkdir(folder, 0700) == 0 || errno == EEXIST) &&
	    lstat(folder, &sb) == 0 && S_ISDIR(sb.st_mode))
		return (RX_OK);
	rx_status_arg(st, "file", "%s", FOLDER);
	return (rx_fail(st, RX_EIO, RX_MSG_FILE_NO_ACCESS));
}

rx_err
rx_admin_backup(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char name[RX_VAULT_NAME], *dir, *keys;
	struct rx_backup *b = NULL;
	struct rx_vault_file top;
	bool whole;
	rx_err rc;

	if ((rc = folders(&dir, &keys, q, st)) == RX_OK &&
	    (rc = make_folder(dir, st)) == RX_OK &&
	    (rc = rx_vault_newest(q->session, dir, &top, st)) == RX_OK &&
	    (rc = rx_backup_take(&b, q->session, RX_BACKUP_KEEP, st)) ==
	    RX_OK && (rc = rx_vault_write(b, dir, keys, &top, name, &whole,
	    st)) == RX_OK)
		rc = rx_vault_prove(b, dir, keys, name, st);
	rx_backup_release(b);
	free(dir);
	free(keys);
	if (rc != RX_OK)
		return (put_again(q, a, st));
	rx_redirect_with(a, RX_MSG_WEB_BACKUP_MADE, "/safety");
	return (RX_OK);
}

/* The form that asks for the passphrase. */
static rx_err
put_backup_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char made[RX_TIME_TEXT];
	rx_err rc;

	if (!rx_vault_is_name(q->arg[0]))
		return (rx_fail(st, RX_ENOENT, RX_MSG_WEB_NOT_FOUND));
	name_time(made, q->arg[0]);
	a->page = "admin/backup";
	if ((rc = rx_put_text(a->data, "file", q->arg[0], st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "made", made, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_BACKUP_VERIFY,
	    NULL, NULL, st));
}

rx_err
rx_admin_backup_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_backup_form(q, a, st));
}

/* Both files of the backup are there: the page says so in its own words, without
 * a path of the machine. */
static rx_err
both_there(struct rx_request *q, const char *name, struct rx_status *st)
{
	char *path, *keys;
	struct stat sb;
	rx_err rc;

	if ((rc = backup_paths(&path, &keys, q, name, st)) == RX_OK &&
	    (stat(path, &sb) != 0 || stat(keys, &sb) != 0))
		rc = rx_fail(st, RX_ENOENT, RX_MSG_WEB_BACKUP_GONE);
	free(path);
	free(keys);
	return (rc);
}

/* Whether the backup opens: ${cookie} is where its audit head goes. */
static rx_err
try_backup(void *cookie, struct rx_request *q, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	struct rx_restore ask = { .user = user, .passphrase = passphrase };
	struct rx_restored got;
	char *path, *keys;
	rx_err rc;

	if ((rc = backup_paths(&path, &keys, q, q->arg[0], st)) == RX_OK) {
		ask.file = path;
		ask.keys = keys;
		rc = rx_backup_restore(&ask, &got, st);
		*(struct rx_audit_head *)cookie = got.head;
	}
	free(path);
	free(keys);
	return (rc);
}

rx_err
rx_admin_backup_verify(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_audit_head head;
	rx_err rc;

	if ((rc = put_backup_form(q, a, st)) != RX_OK)
		return (rc);
	/* Whoever sits at an open page cannot try passphrases here without
	 * end. */
	if ((rc = both_there(q, q->arg[0], st)) == RX_OK &&
	    (rc = rx_try_passphrase(q, a, rx_session_user(q->session),
	    "passphrase", try_backup, &head, st)) == RX_OK)
		rc = rx_backup_note(q->session, q->arg[0], &head, st);
	if (rc != RX_OK)
		return (rx_put_error(a, q, st));
	rx_redirect_with(a, RX_MSG_WEB_BACKUP_VERIFIED, "/safety");
	return (RX_OK);
}
