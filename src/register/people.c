#include <stdlib.h>

#include "base/date.h"
#include "register/internal.h"

/* Who belongs where: enrolment, revocation, the list of people; and units. */

#define PASSPHRASE_MIN 8	/* characters */

rx_err
rx_user_name_check(const char *user, struct rx_status *st)
{
	const size_t n = strlen(user);
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)user[i] <= ' ' || user[i] == 0x7f)
			break;
	if (n == 0 || n >= RX_USER_NAME_BYTES || i < n ||
	    !rx_utf8_valid(user, n))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_USER_NAME_INVALID));
	return (RX_OK);
}

bool
rx_passphrase_short(const struct rx_secret *passphrase)
{

	return (rx_utf8_count((const char *)passphrase->b, passphrase->len) <
	    PASSPHRASE_MIN);
}

/* The name in a row can be edited, the one in a certificate is signed: the two
 * must agree, or a role that is meant for one person would go to another. */
static rx_err
user_certified(const struct rx_session *s, const char *user,
    const uint8_t *id, struct rx_status *st)
{
	size_t i;

	for (i = 0; i < s->nmembers; i++) {
		const struct rx_cert *c = &s->members[i].cert;

		if (c->role != RX_ROLE_RECOVERY &&
		    (strcmp(c->name, user) == 0) != (id != NULL &&
		    memcmp(c->user, id, RX_ID_BYTES) == 0))
			return (rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT));
	}
	return (RX_OK);
}

rx_err
rx_user_find(struct rx_session *s, const char *user, uint8_t id[RX_ID_BYTES],
    bool *found, struct rx_status *st)
{
	struct rx_value arg = rx_text(user);
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_USER_BY_NAME, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found &&
	    (p = rx_col_bytes(cur, 0, &n)) != NULL && n == RX_ID_BYTES)
		memcpy(id, p, RX_ID_BYTES);
	rx_query_close(cur);
	return (rc != RX_OK ? rc :
	    user_certified(s, user, *found ? id : NULL, st));
}

/* A unit that exists here: listed, or the own work of a listed prefecture. */
static rx_err
unit_known(struct rx_session *s, const char *unit_text,
    char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	char code[RX_UNIT_BYTES];
	struct rx_value arg;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_unit_parse(unit, unit_text, st)) != RX_OK)
		return (rc);
	memcpy(code, unit, RX_UNIT_BYTES);
	if (rx_unit_level(unit) == RX_LEVEL_SELF)
		rx_unit_ancestor(code, unit, RX_LEVEL_PREFECTURE);
	arg = rx_text(code);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_UNIT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	rc = rx_query_next(cur, &row, st);
	rx_query_close(cur);
	if (rc == RX_OK && !row) {
		rx_status_arg(st, "unit", "%.32s", unit_text);
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_UNKNOWN);
	}
	return (rc);
}

rx_err
rx_unit_require(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	char text[RX_UNIT_TEXT], again[RX_UNIT_BYTES];

	rx_unit_text(text, unit);
	return (unit_known(s, text, again, st));
}

/* Which levels a role can be enrolled at. */
static rx_err
role_level_check(enum rx_role role, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	const enum rx_level level = rx_unit_level(unit);

	if (role == RX_ROLE_DIRECTOR ||
	    (role == RX_ROLE_SUPERVISOR && level <= RX_LEVEL_TOWNSHIP) ||
	    (role == RX_ROLE_STATISTICIAN && level <= RX_LEVEL_COUNTY))
		return (RX_OK);
	return (rx_fail(st, RX_EUSAGE, role == RX_ROLE_SUPERVISOR ?
	    RX_MSG_SUPERVISOR_LEVEL : RX_MSG_STATISTICIAN_LEVEL));
}

/* A new seed for ${cert}->user under ${passphrase}, in the row of his keyblob;
 * the public keys go into ${cert}.  Not while the session trusts a recovery key
 * that is over: the old one vouches for the new to those alone who were there
 * when it went. */
static rx_err
seed_put(struct rx_session *s, struct rx_cert *cert,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	uint8_t box[RX_KEYBLOB_BYTES];
	struct rx_secret *mem, *id_mem;
	struct rx_identity *id;
	struct rx_keyblob *blob;
	struct rx_value v[3];
	rx_err rc;

	if (rx_recovery_live(s, s->blob->recovery_public) == NULL)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_SESSION_STALE));
	if ((rc = rx_secret_new(&mem, sizeof(*blob), st)) != RX_OK)
		return (rc);
	if ((rc = rx_secret_new(&id_mem, sizeof(*id), st)) != RX_OK)
		goto err0;
	blob = (struct rx_keyblob *)(void *)mem->b;
	id = (struct rx_identity *)(void *)id_mem->b;
	memset(blob, 0, sizeof(*blob));
	rx_random(blob->seed, 32);
	memcpy(blob->root_public, s->blob->root_public, 32);
	memcpy(blob->recovery_public, s->blob->recovery_public, 32);
	rx_identity_derive(id, blob->seed);
	if ((rc = rx_keyblob_seal(box, blob, passphrase, s->store_id,
	    cert->user, &rx_kdf_default, st)) != RX_OK)
		goto err1;
	v[0] = rx_bytes(cert->user, RX_ID_BYTES);
	v[1] = rx_text(cert->name);
	v[2] = rx_bytes(box, sizeof(box));
	if ((rc = rx_store_replace(s->store, RX_TABLE_USER, v, st)) != RX_OK)
		goto err1;
	memcpy(cert->box_public, id->box_public, 32);
	memcpy(cert->sign_public, id->sign_public, 32);
err1:
	rx_secret_free(id_mem);
err0:
	rx_secret_free(mem);
	return (rc);
}

/* A person who is here already: his public keys, unless he has that very role
 * or was disabled. */
static rx_err
person_reuse(struct rx_session *s, struct rx_cert *cert,
    const uint8_t user[RX_ID_BYTES], struct rx_status *st)
{
	const size_t first = rx_member_first(s, user);
	const struct rx_member *m = rx_member_newest(s, first);
	size_t i;

	if (m == NULL)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_USER_DISABLED));
	for (i = first; i < rx_member_next(s, first); i++)
		if (rx_member_live(&s->members[i]) &&
		    s->members[i].cert.role == cert->role &&
		    memcmp(s->members[i].cert.unit, cert->unit,
		    RX_UNIT_BYTES) == 0)
			return (rx_fail(st, RX_ECONFLICT, RX_MSG_USER_EXISTS));
	memcpy(cert->user, user, RX_ID_BYTES);
	memcpy(cert->box_public, m->cert.box_public, 32);
	memcpy(cert->sign_public, m->cert.sign_public, 32);
	return (RX_OK);
}

rx_err
rx_person_enrol(struct rx_session *s, struct rx_cert *cert,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	size_t made = 0;
	bool found;
	rx_err rc;

	if ((rc = rx_user_find(s, cert->name, id, &found, st)) != RX_OK)
		return (rc);
	if (found)
		rc = person_reuse(s, cert, id, st);
	else if (passphrase == NULL)
		rc = rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN);
	else {
		rx_uuid7(cert->user, rx_time_now());
		rc = seed_put(s, cert, passphrase, st);
	}
	if (rc != RX_OK || (rc = rx_cert_issue(s, cert, st)) != RX_OK ||
	    (rc = rx_members_load(s, s->blob->root_public, st)) != RX_OK)
		return (rc);
	return (rx_grant_unit(s, RX_REGISTER_KEYS, &made, st));
}

rx_err
rx_user_add(struct rx_session *s, const char *user, enum rx_role role,
    const char *unit_text, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	struct rx_cert cert = { .role = (uint8_t)role };
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = rx_user_name_check(user, st)) != RX_OK ||
	    (rc = unit_known(s, unit_text, cert.unit, st)) != RX_OK ||
	    (rc = role_level_check(role, cert.unit, st)) != RX_OK)
		return (rc);
	rx_text_copy(cert.name, sizeof(cert.name), user);
	rx_status_arg(st, "user", "%s", user);
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = rx_person_enrol(s, &cert, passphrase, st);
	rc = rx_finish(s, rc, RX_DID_USER_ADD, cert.user, user, st);
	if (rc == RX_OK)
		rx_status_clear(st);
	return (rc);
}

/* New audit and ledger keys, which the administrator alone can make: who goes
 * reads no later entry, and signs none that counts. */
static rx_err
register_rotate(struct rx_session *s, struct rx_status *st)
{
	unsigned mine;
	rx_err rc;

	if ((rc = rx_granted_newest(s, RX_REGISTER_KEYS, s->user_id, &mine,
	    st)) != RX_OK)
		return (rc);
	return (rx_unit_rotate(s, RX_REGISTER_KEYS, mine, st));
}

rx_err
rx_person_end(struct rx_session *s, size_t first, size_t *revoked,
    struct rx_status *st)
{
	size_t i;
	rx_err rc;

	*revoked = 0;
	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++) {
		if (s->members[i].revoked != 0)
			continue;
		if ((rc = rx_cert_revoke(s, &s->members[i], RX_REVOKED_ENDED,
		    st)) != RX_OK)
			return (rc);
		(*revoked)++;
	}
	if (*revoked == 0)
		return (RX_OK);
	if ((rc = rx_kept_forget(s, s->members[first].cert.user, st)) !=
	    RX_OK || (rc = rx_members_load(s, s->blob->root_public, st)) !=
	    RX_OK)
		return (rc);
	return (register_rotate(s, st));
}

rx_err
rx_user_disable(struct rx_session *s, const char *user, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	size_t revoked = 0;
	bool found;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK)
		return (rc);
	if ((rc = rx_user_find(s, user, id, &found, st)) != RX_OK)
		return (rc);
	rx_status_arg(st, "user", "%.60s", user);
	if (!found)
		return (rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN));
	if (memcmp(id, s->user_id, RX_ID_BYTES) == 0)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_USER_SELF));
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = rx_person_end(s, rx_member_first(s, id), &revoked, st);
	if (rc == RX_OK && revoked == 0)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_USER_DISABLED);
	rc = rx_finish(s, rc, RX_DID_USER_DISABLE, id, user, st);
	if (rc == RX_OK) {
		rx_status_clear(st);
		rc = rx_members_load(s, s->blob->root_public, st);
	}
	return (rc);
}

rx_err
rx_person_renew(struct rx_session *s, size_t first, struct rx_cert *cert,
    struct rx_status *st)
{
	struct rx_value key = rx_bytes(cert->user, RX_ID_BYTES);
	size_t i, n = rx_member_next(s, first);
	rx_err rc;

	if ((rc = rx_store_delete(s->store, RX_TABLE_REQUEST, &key, NULL,
	    st)) != RX_OK ||
	    (rc = rx_store_delete(s->store, RX_TABLE_SUCCESSION, &key, NULL,
	    st)) != RX_OK ||
	    (rc = rx_grants_forget(s, cert->user, st)) != RX_OK)
		return (rc);
	for (i = first; i < n; i++) {
		if (!rx_member_live(&s->members[i]))
			continue;
		cert->role = s->members[i].cert.role;
		memcpy(cert->unit, s->members[i].cert.unit, RX_UNIT_BYTES);
		if ((rc = rx_cert_issue(s, cert, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* The roles of members[first..] under new keys; the old keys may be in
 * anybody's hands. */
static rx_err
person_reset(struct rx_session *s, size_t first, struct rx_cert *cert,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	const struct rx_member *m = rx_member_newest(s, first);
	size_t made = 0, ended;
	rx_err rc;

	if (m == NULL)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_USER_DISABLED));
	rx_text_copy(cert->name, sizeof(cert->name), m->cert.name);
	if ((rc = seed_put(s, cert, passphrase, st)) != RX_OK ||
	    (rc = rx_person_renew(s, first, cert, st)) != RX_OK)
		return (rc);
	/* The list in memory is still that of before. */
	if ((rc = rx_person_end(s, first, &ended, st)) != RX_OK)
		return (rc);
	return (rx_grant_unit(s, RX_REGISTER_KEYS, &made, st));
}

rx_err
rx_user_reset(struct rx_session *s, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	struct rx_cert cert = { .role = 0 };
	bool found;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = rx_user_find(s, user, cert.user, &found, st)) != RX_OK)
		return (rc);
	rx_status_arg(st, "user", "%.60s", user);
	if (!found)
		return (rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN));
	/* His keyblob holds the root. */
	if (memcmp(cert.user, s->user_id, RX_ID_BYTES) == 0)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_USER_SELF));
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = person_reset(s, rx_member_first(s, cert.user), &cert, passphrase,
	    st);
	rc = rx_finish(s, rc, RX_DID_RESET, cert.user, user, st);
	if (rc == RX_OK)
		rx_status_clear(st);
	return (rc);
}

/* Is a passphrase that the administrator gave out still in use by
 * members[first..]?  It is until other keys have replaced those of the
 * enrolment; keys that ended were followed by an enrolment again. */
static bool
temporary(const struct rx_session *s, size_t first)
{
	bool is = true;
	size_t i;

	for (i = first; i < rx_member_next(s, first); i++) {
		const struct rx_member *m = &s->members[i];

		if (m->cert.role == RX_ROLE_ADMIN)
			return (false);
		if (i > first && memcmp(m->cert.sign_public,
		    m[-1].cert.sign_public, RX_SIGN_PUBLIC_BYTES) != 0)
			is = m[-1].ended;
	}
	return (is);
}

bool
rx_session_temporary(const struct rx_session *s)
{

	/* Whoever has asked for new keys has changed it. */
	return (s->next == NULL &&
	    temporary(s, rx_member_first(s, s->user_id)));
}

static rx_err
count_unit(void *cookie, const char unit[RX_UNIT_BYTES], struct rx_status *st)
{

	(void)unit;
	(void)st;
	(*(unsigned *)cookie)++;
	return (RX_OK);
}

rx_err
rx_user_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_user_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_user_row row;
	unsigned pending = 0;
	size_t i, first = 0;
	rx_err rc;

	rc = rx_members_refresh(s, st);
	for (i = 0; i < s->nmembers && rc == RX_OK; i++) {
		const struct rx_member *m = &s->members[i];

		if (i == 0 || memcmp(m->cert.user, s->members[i - 1].cert.user,
		    RX_ID_BYTES) != 0) {
			first = i;
			rx_buf_reset(&units);
			if (m->cert.role != RX_ROLE_RECOVERY && (rc =
			    rx_grants_pending(s, i, &units, st)) != RX_OK)
				break;
			pending = (unsigned)(units.len / RX_UNIT_BYTES);
		}
		if (m->cert.role == RX_ROLE_RECOVERY || rx_member_superseded(s, i))
			continue;
		memset(&row, 0, sizeof(row));
		memcpy(row.name, m->cert.name, sizeof(row.name));
		row.role = (enum rx_role)m->cert.role;
		memcpy(row.unit, m->cert.unit, RX_UNIT_BYTES);
		row.wide = row.role == RX_ROLE_DIRECTOR &&
		    rx_unit_level(row.unit) < RX_LEVEL_VILLAGE;
		row.disabled = !rx_member_live(m);
		row.temporary = !row.disabled && temporary(s, first);
		row.pending = row.disabled ? 0 : pending;
		if (row.disabled && row.role != RX_ROLE_ADMIN && (rc =
		    rx_rotation_each(s, row.unit, count_unit, &row.rotation,
		    st)) != RX_OK)
			break;
		rc = each(cookie, &row, st);
	}
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_user_pending(struct rx_session *s, const char *user, struct rx_buf *out,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	bool found;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = rx_user_find(s, user, id, &found, st)) != RX_OK)
		return (rc);
	if (found)
		return (rx_grants_pending(s, rx_member_first(s, id), out, st));
	rx_status_arg(st, "user", "%.60s", user);
	return (rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN));
}

/* ---- units ---- */

static const char *const level_keys[] = {
	"province", "prefecture", "county", "township", "village"
};

const char *
rx_level_key(enum rx_level level)
{

	return (level <= RX_LEVEL_VILLAGE ? level_keys[level] : "self");
}

rx_err
rx_unit_row_insert(struct rx_session *s, const char *code, const char *name,
    const char *level, struct rx_status *st)
{
	char id[RX_UNIT_BYTES], above[RX_UNIT_BYTES] = "";
	struct rx_value v[4];

	rx_unit_set(id, code);
	if (rx_unit_level(id) != RX_LEVEL_PROVINCE)
		rx_unit_ancestor(above, id,
		    (enum rx_level)(rx_unit_level(id) - 1));
	v[0] = rx_text(id);
	v[1] = rx_text(name);
	v[2] = rx_text(level);
	v[3] = rx_text(above);
	return (rx_store_insert(s->store, RX_TABLE_UNIT, v, st));
}

/* Check and insert one unit; *added stays as it is when it is there already
 * under the same name. */
static rx_err
unit_insert(struct rx_session *s, const char *code, const char *name,
    const char *level, const char *parent, size_t *added,
    struct rx_status *st)
{
	char id[RX_UNIT_BYTES], above[RX_UNIT_BYTES];
	struct rx_cursor *cur;
	struct rx_value arg;
	bool row = false, same = false;
	rx_err rc;

	rx_status_arg(st, "unit", "%.32s", code);
	if ((rc = rx_unit_parse(id, code, st)) != RX_OK)
		return (rc);
	if (rx_unit_level(id) == RX_LEVEL_SELF ||
	    strcmp(level, rx_level_key(rx_unit_level(id))) != 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_LEVEL));
	if (*name == '\0' || !rx_utf8_valid(name, strlen(name)) ||
	    rx_utf8_count(name, strlen(name)) > 40)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_NAME));
	if (!rx_unit_covers(s->unit, id))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_OUTSIDE));
	/* Who is above whom follows from the digits; the column must agree. */
	if (*parent != '\0' && ((rc = rx_unit_parse(above, parent, st)) !=
	    RX_OK || !rx_unit_covers(above, id) ||
	    memcmp(above, id, RX_UNIT_BYTES) == 0))
		return (rc != RX_OK ? rc :
		    rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_PARENT));
	arg = rx_text(id);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_UNIT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		same = strcmp(rx_col_text(cur, 1), name) == 0;
	rx_query_close(cur);
	if (rc != RX_OK || same)
		return (rc);
	if (row)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_UNIT_EXISTS));
	(*added)++;
	return (rx_unit_row_insert(s, id, name, level, st));
}

rx_err
rx_unit_add(struct rx_session *s, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *st)
{
	size_t added = 0;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = unit_insert(s, code, name, level, parent, &added, st);
	if (rc == RX_OK && added == 0)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_UNIT_EXISTS);
	rc = rx_finish(s, rc, RX_DID_UNIT, NULL, code, st);
	if (rc == RX_OK)
		rx_status_clear(st);
	return (rc);
}

/* Cut ${line} (of ${n} bytes, not NUL-terminated) into its four columns. */
static rx_err
unit_line(struct rx_session *s, const char *line, size_t n, size_t *added,
    struct rx_status *st)
{
	char copy[512], *col[4], *p = copy;
	size_t i;

	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n >= sizeof(copy) || memchr(line, '\0', n) != NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_LINE));
	memcpy(copy, line, n);
	copy[n] = '\0';
	for (i = 0; i < 4; i++) {
		col[i] = p;
		if (i < 3 && (p = strchr(p, '\t')) == NULL)
			return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_LINE));
		if (i < 3)
			*p++ = '\0';
	}
	if (strchr(col[3], '\t') != NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_LINE));
	return (unit_insert(s, col[0], col[1], col[2], col[3], added, st));
}

rx_err
rx_unit_import(struct rx_session *s, const char *tsv, size_t n,
    size_t *added, struct rx_status *st)
{
	const char *p = tsv, *end = tsv + n, *eol;
	size_t line = 0;
	rx_err rc;

	*added = 0;
	/* A byte order mark, as some editors write it. */
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	for (; p < end && rc == RX_OK; p = eol + 1) {
		if ((eol = memchr(p, '\n', (size_t)(end - p))) == NULL)
			eol = end;
		line++;
		rx_status_clear(st);
		rx_status_arg(st, "line", "%zu", line);
		if (eol == p || (eol - p == 1 && *p == '\r') ||
		    (line == 1 && eol - p >= 5 &&
		    memcmp(p, "code\t", 5) == 0))
			continue;
		rc = unit_line(s, p, (size_t)(eol - p), added, st);
	}
	if (rc == RX_OK)
		rx_status_clear(st);
	return (rx_finish(s, rc, RX_DID_UNIT, NULL, "import", st));
}

rx_err
rx_unit_each(struct rx_session *s,
    rx_err (*each)(void *, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_UNITS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = each(cookie, rx_col_text(cur, 0),
		    rx_col_text(cur, 1), rx_col_text(cur, 2),
		    rx_col_text(cur, 3), st)) != RX_OK)
			break;
	rx_query_close(cur);
	return (rc);
}

/* One unit of the list, and a prefecture's own work beside it. */
static rx_err
own_unit(struct rx_session *s, enum rx_act act, const char *code,
    const char *name,
    rx_err (*each)(void *, const char *, const char *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES], self[RX_UNIT_TEXT + 8];
	rx_err rc;

	if ((rc = rx_unit_parse(unit, code, st)) != RX_OK)
		return (rc);
	if (rx_permitted(s, act, unit) &&
	    (rc = each(cookie, unit, name, st)) != RX_OK)
		return (rc);
	if (rx_unit_level(unit) != RX_LEVEL_PREFECTURE)
		return (RX_OK);
	(void)snprintf(self, sizeof(self), "%.6s-SELF", unit);
	if ((rc = rx_unit_parse(unit, self, st)) != RX_OK ||
	    !rx_permitted(s, act, unit))
		return (rc);
	return (each(cookie, unit, self, st));
}

rx_err
rx_unit_own_each(struct rx_session *s, bool activities,
    rx_err (*each)(void *, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	const enum rx_act act = activities ? RX_ACT_WRITE_ACTIVITY :
	    RX_ACT_WRITE_CASE;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_UNITS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = own_unit(s, act, rx_col_text(cur, 0),
		    rx_col_text(cur, 1), each, cookie, st)) != RX_OK)
			break;
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_unit_name(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    char *name, size_t size, struct rx_status *st)
{
	struct rx_value arg = rx_text(unit);
	const struct rx_embedded_unit *known;
	char text[RX_UNIT_TEXT];
	struct rx_cursor *cur;
	const char *found = NULL;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_UNIT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	rx_unit_text(text, unit);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK) {
		if (row)
			found = rx_col_text(cur, 1);
		else if ((known = rx_embedded_unit(unit)) != NULL)
			found = known->name;
		else
			found = text;
		rx_text_copy(name, size, found);
	}
	rx_query_close(cur);
	return (rc);
}
