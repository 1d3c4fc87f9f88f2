#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/*
 * Reading the audit: who did what, when, to which case.  No name of a child and
 * no word about one is in it: a case is its id and its unit, and the reason for
 * a look stays sealed under the case.
 *
 * Everybody who is a member holds the audit key (he must verify the chain); who
 * is shown which entries is decided here: the administrator all of them, a
 * director those on the cases of his units, everybody his own.
 */

static bool
is_day(const struct rx_audit_filter *f, int64_t time)
{
	const int32_t day = rx_date_of_time(time);

	return ((f->from == 0 || day >= f->from) &&
	    (f->to == 0 || day <= f->to));
}

/* The first row of ${q} for the id ${id}: column ${child} is the case, -1 when
 * the row is none of one; column ${unit} its unit. */
static rx_err
look_up(struct rx_session *s, enum rx_query q, const uint8_t *id, int child,
    int unit, struct rx_audit_row *row, bool *found, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	rx_err rc;

	*found = false;
	if ((rc = rx_query_open(&cur, s->store, q, &arg, 1, st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found) {
		rx_unit_set(row->unit, rx_col_text(cur, unit));
		p = child >= 0 ? rx_col_bytes(cur, child, &n) : NULL;
		if (p != NULL && n == RX_ID_BYTES)
			memcpy(row->id, p, RX_ID_BYTES);
	}
	rx_query_close(cur);
	return (rc);
}

/* What the subject of the entry is: a case, directly or by one of its records;
 * an activity; a person; or nothing that is here any more. */
static rx_err
find_subject(struct rx_session *s, const struct rx_audit_entry *e,
    struct rx_audit_row *row, struct rx_status *st)
{
	static const uint8_t none[RX_ID_BYTES];
	const size_t member = rx_member_first(s, e->subject);
	bool found;
	rx_err rc;

	row->about = RX_ABOUT_NOTHING;
	if (memcmp(e->subject, none, RX_ID_BYTES) == 0)
		return (RX_OK);
	memcpy(row->id, e->subject, RX_ID_BYTES);
	if (member < s->nmembers) {
		row->about = RX_ABOUT_PERSON;
		rx_text_copy(row->name, sizeof(row->name),
		    rx_member_name(s, e->subject));
		return (RX_OK);
	}
	row->about = RX_ABOUT_CASE;
	if ((rc = look_up(s, RX_Q_CHILD, e->subject, 0, 2, row, &found,
	    st)) != RX_OK || found ||
	    (rc = look_up(s, RX_Q_RECORD, e->subject, 2, 3, row, &found,
	    st)) != RX_OK)
		return (rc);
	/* Its case may have moved since. */
	if (found)
		return (rx_case_unit(s, row->id, row->unit, st));
	row->about = RX_ABOUT_ACTIVITY;
	if ((rc = look_up(s, RX_Q_ACTIVITY, e->subject, -1, 2, row, &found,
	    st)) != RX_OK || found)
		return (rc);
	row->about = e->action == RX_DID_RELEASE ? RX_ABOUT_RELEASE :
	    RX_ABOUT_GONE;
	return (RX_OK);
}

/* The detail as text.  A reason is a sealed box: not opened here. */
static void
put_detail(const struct rx_audit_entry *e, struct rx_audit_row *row)
{
	char text[RX_AUDIT_DETAIL + 1];

	row->reasoned = rx_audit_reasoned(e);
	/* The name of a person is what the entry is about already. */
	if (row->reasoned || e->action == RX_DID_USER_ADD ||
	    e->action == RX_DID_USER_DISABLE || e->action == RX_DID_RECOVER ||
	    e->action == RX_DID_RESET || e->action == RX_DID_ADMIN)
		return;
	memcpy(text, e->detail, e->n);
	text[e->n] = '\0';
	rx_text_copy(row->detail, sizeof(row->detail), text);
}

/* Fill in ${row}; *wanted tells whether the filter and the reader's rights let
 * it through. */
static rx_err
consider(struct rx_session *s, const struct rx_audit_filter *f,
    const struct rx_audit_entry *e, struct rx_audit_row *row, bool *wanted,
    struct rx_status *st)
{
	const bool own = memcmp(e->actor, s->user_id, RX_ID_BYTES) == 0;
	rx_err rc;

	*wanted = false;
	memset(row, 0, sizeof(*row));
	rx_text_copy(row->user, sizeof(row->user), rx_member_name(s,
	    e->actor));
	if (!is_day(f, e->time) ||
	    (f->action != 0 && f->action != e->action) ||
	    (f->user != NULL && strcmp(f->user, row->user) != 0))
		return (RX_OK);
	row->seq = e->seq;
	row->time = e->time;
	row->action = e->action;
	put_detail(e, row);
	if ((rc = find_subject(s, e, row, st)) != RX_OK)
		return (rc);
	if (f->child != NULL && (row->about != RX_ABOUT_CASE ||
	    memcmp(row->id, f->child, RX_ID_BYTES) != 0))
		return (RX_OK);
	/* That somebody else is the administrator concerns everybody. */
	*wanted = own || e->action == RX_DID_ADMIN ||
	    rx_permitted(s, RX_ACT_ADMINISTER, NULL) ||
	    (row->about == RX_ABOUT_CASE &&
	    rx_permitted(s, RX_ACT_WRITE_CASE, row->unit));
	return (RX_OK);
}

/* The numbers of the entries that are wanted, 8 bytes each, oldest first. */
static rx_err
collect(struct rx_session *s, const struct rx_audit_filter *f,
    struct rx_buf *seqs, struct rx_status *st)
{
	struct rx_audit_entry e;
	struct rx_audit_row row;
	struct rx_cursor *cur;
	uint8_t seq[8];
	bool more = false, wanted;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_AUDIT, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &more, st)) == RX_OK && more) {
		if ((rc = rx_audit_peek(s, cur, &e, st)) != RX_OK ||
		    (rc = consider(s, f, &e, &row, &wanted, st)) != RX_OK)
			break;
		rx_put64(seq, e.seq);
		if (wanted && (rc = rx_buf_add(seqs, seq, sizeof(seq), st)) !=
		    RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_audit_list(struct rx_session *s, const struct rx_audit_filter *f,
    size_t *found,
    rx_err (*each)(void *, const struct rx_audit_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_buf seqs = RX_BUF_INIT;
	struct rx_audit_entry e;
	struct rx_audit_row row;
	size_t i, n;
	bool wanted;
	rx_err rc;

	*found = 0;
	if (f->from != 0 && f->to != 0 && f->from > f->to)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_AUDIT_PERIOD));
	if ((rc = rx_store_read(s->store, st)) != RX_OK)
		return (rc);
	if ((rc = rx_members_refresh(s, st)) == RX_OK)
		rc = collect(s, f, &seqs, st);
	n = seqs.len / 8;
	*found = n;
	for (i = f->skip; i < n && (f->limit == 0 || i - f->skip < f->limit) &&
	    rc == RX_OK; i++)
		if ((rc = rx_audit_entry_at(s, rx_get64(seqs.b +
		    8 * (n - 1 - i)), &e, st)) == RX_OK &&
		    (rc = consider(s, f, &e, &row, &wanted, st)) == RX_OK)
			rc = each(cookie, &row, st);
	rx_store_rollback(s->store);
	rx_buf_free(&seqs);
	return (rc);
}

/* ---- in words ---- */

static const struct {
	const char *key;
	enum rx_msg name;
} actions[] = {
	[RX_DID_UNREADABLE] = { "unreadable", RX_MSG_DID_UNREADABLE },
	[RX_DID_INIT] = { "init", RX_MSG_DID_INIT },
	[RX_DID_UNIT] = { "unit", RX_MSG_DID_UNIT },
	[RX_DID_USER_ADD] = { "user_add", RX_MSG_DID_USER_ADD },
	[RX_DID_USER_DISABLE] = { "user_disable", RX_MSG_DID_USER_DISABLE },
	[RX_DID_PASSWD] = { "passwd", RX_MSG_DID_PASSWD },
	[RX_DID_GRANT] = { "grant", RX_MSG_DID_GRANT },
	[RX_DID_SAVE] = { "save", RX_MSG_DID_SAVE },
	[RX_DID_IMPORT] = { "import", RX_MSG_DID_IMPORT },
	[RX_DID_REVEAL] = { "reveal", RX_MSG_DID_REVEAL },
	[RX_DID_REVIEW] = { "review", RX_MSG_DID_REVIEW },
	[RX_DID_ERASE] = { "erase", RX_MSG_DID_ERASE },
	[RX_DID_RELEASE] = { "release", RX_MSG_DID_RELEASE },
	[RX_DID_BACKUP] = { "backup", RX_MSG_DID_BACKUP },
	[RX_DID_CERTIFY] = { "certify", RX_MSG_DID_CERTIFY },
	[RX_DID_ROTATE] = { "rotate", RX_MSG_DID_ROTATE },
	[RX_DID_HANDOVER] = { "handover", RX_MSG_DID_HANDOVER },
	[RX_DID_RECOVER] = { "recover", RX_MSG_DID_RECOVER },
	[RX_DID_CUSTODY] = { "custody", RX_MSG_DID_CUSTODY },
	[RX_DID_RESET] = { "reset", RX_MSG_DID_RESET },
	[RX_DID_BUNDLE] = { "bundle", RX_MSG_DID_BUNDLE },
	[RX_DID_COPY] = { "copy", RX_MSG_DID_COPY },
	[RX_DID_ANCHOR] = { "countersign", RX_MSG_DID_ANCHOR },
	[RX_DID_TRANSFER] = { "transfer", RX_MSG_DID_TRANSFER },
	[RX_DID_SETTING] = { "setting", RX_MSG_DID_SETTING },
	[RX_DID_ADMIN] = { "administrator", RX_MSG_DID_ADMIN },
	[RX_DID_EXTRACT] = { "extract", RX_MSG_DID_EXTRACT },
};
#define NACTIONS (sizeof(actions) / sizeof(actions[0]))

const char *
rx_action_key(enum rx_action action)
{

	return ((size_t)action < NACTIONS ? actions[action].key : NULL);
}

enum rx_msg
rx_action_name(enum rx_action action)
{

	return ((size_t)action < NACTIONS ? actions[action].name :
	    RX_MSG_NONE);
}

/* Words that stand in a detail, and what they are in a sentence. */
static const struct {
	enum rx_action action;
	const char *key;
	enum rx_msg name;
} words[] = {
	{ RX_DID_SAVE, "child", RX_MSG_CLI_TYPE_CHILD },
	{ RX_DID_SAVE, "observation", RX_MSG_CLI_TYPE_OBSERVATION },
	{ RX_DID_SAVE, "intervention", RX_MSG_CLI_TYPE_INTERVENTION },
	{ RX_DID_SAVE, "activity", RX_MSG_CLI_TYPE_ACTIVITY },
	{ RX_DID_SAVE, "flag", RX_MSG_CLI_TYPE_FLAG },
	{ RX_DID_SAVE, "report", RX_MSG_CLI_TYPE_REPORT },
	{ RX_DID_SAVE, "consent", RX_MSG_CLI_TYPE_CONSENT },
	{ RX_DID_BUNDLE, "make", RX_MSG_DID_BUNDLE_MAKE },
	{ RX_DID_BUNDLE, "open", RX_MSG_DID_BUNDLE_OPEN },
	{ RX_DID_BUNDLE, "despite-head", RX_MSG_DID_BUNDLE_DESPITE },
	{ RX_DID_TRANSFER, "offer", RX_MSG_TRANSFER_OFFERED },
	{ RX_DID_TRANSFER, RX_TRANSFER_ACCEPTED, RX_MSG_TRANSFER_ACCEPTED },
	{ RX_DID_TRANSFER, "reject", RX_MSG_TRANSFER_REJECTED },
	{ RX_DID_TRANSFER, "withdraw", RX_MSG_TRANSFER_WITHDRAWN },
	{ RX_DID_TRANSFER, "depart", RX_MSG_TRANSFER_DEPART },
	{ RX_DID_TRANSFER, "left", RX_MSG_TRANSFER_LEFT },
	{ RX_DID_TRANSFER, "returned", RX_MSG_TRANSFER_RETURNED },
	{ RX_DID_TRANSFER, "arrive", RX_MSG_TRANSFER_ARRIVE },
	{ RX_DID_TRANSFER, "refuse", RX_MSG_TRANSFER_REFUSE },
	{ RX_DID_TRANSFER, "keys", RX_MSG_TRANSFER_KEYS },
	{ RX_DID_BACKUP, "keys", RX_MSG_DID_BACKUP_KEYS },
	{ RX_DID_ERASE, "swept", RX_MSG_ERASE_SWEPT },
	{ RX_DID_CUSTODY, "test", RX_MSG_DID_CUSTODY_TEST },
	{ RX_DID_CUSTODY, "prepare", RX_MSG_DID_CUSTODY_PREPARE },
	{ RX_DID_CUSTODY, "reissue", RX_MSG_DID_CUSTODY_REISSUE },
	{ RX_DID_CUSTODY, "adopt", RX_MSG_DID_CUSTODY_ADOPT },
	{ RX_DID_REVEAL, "list", RX_MSG_REVEAL_LIST },
	{ RX_DID_REVEAL, "search", RX_MSG_REVEAL_SEARCH },
	{ RX_DID_REVEAL, "case", RX_MSG_REVEAL_CASE },
	{ RX_DID_REVEAL, "history", RX_MSG_REVEAL_HISTORY },
	{ RX_DID_REVEAL, "identity", RX_MSG_REVEAL_IDENTITY },
	{ RX_DID_REVEAL, "", RX_MSG_REVEAL_CASE },
#define FIELD(name, tag, key, kind, list, comp, may, must) \
	{ RX_DID_REVEAL, key, RX_MSG_LABEL_##name },
#include "register/record.def"
#undef FIELD
};

/* The word ${p} of ${n} bytes in the reader's language; as it is when it is none
 * of ours. */
static rx_err
add_word(struct rx_buf *out, enum rx_action action, const char *p, size_t n,
    enum rx_lang lang, struct rx_status *st)
{
	const struct rx_code *code;
	const char *s;
	char key[64];
	size_t i;

	(void)snprintf(key, sizeof(key), "%.*s", (int)n, p);
	if (action == RX_DID_REVIEW &&
	    (code = rx_code_by_key(RX_LIST_DECISION, key)) != NULL) {
		s = lang == RX_LANG_EN ? code->en : code->zh;
		return (rx_buf_add(out, s, strlen(s), st));
	}
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].action == action && strcmp(words[i].key, key) ==
		    0) {
			s = rx_msg(words[i].name, lang);
			return (rx_buf_add(out, s, strlen(s), st));
		}
	return (rx_buf_add(out, p, n, st));
}

/* ${msg} with its placeholders ${a} and ${b} (may be NULL) filled in. */
static rx_err
add_sentence(struct rx_buf *out, enum rx_msg msg, const char *a,
    const char *va, const char *b, const char *vb, enum rx_lang lang,
    struct rx_status *st)
{
	struct rx_status say;
	char text[512];

	rx_status_clear(&say);
	rx_status_arg(&say, a, "%s", va);
	if (b != NULL)
		rx_status_arg(&say, b, "%s", vb);
	say.msg = msg;
	rx_status_text(&say, lang, text, sizeof(text));
	return (rx_buf_add(out, text, strlen(text), st));
}

/* The details that are made of figures: "lines=N present=N" of an import,
 * "verified SEQ NAME" of a backup, "cases=N" of extracts.  *done tells whether it was one. */
static rx_err
add_figures(struct rx_buf *out, const struct rx_audit_row *row,
    enum rx_lang lang, bool *done, struct rx_status *st)
{
	char a[24], b[256];

	*done = true;
	if (row->action == RX_DID_IMPORT && sscanf(row->detail,
	    "lines=%20[0-9] present=%20[0-9]", a, b) == 2)
		return (add_sentence(out, RX_MSG_DID_IMPORT_LINES, "n", a,
		    "present", b, lang, st));
	if (row->action == RX_DID_BACKUP && sscanf(row->detail,
	    "verified %20[0-9] %255s", a, b) == 2)
		return (add_sentence(out, RX_MSG_DID_BACKUP_VERIFIED, "file",
		    b, NULL, NULL, lang, st));
	if (row->action == RX_DID_EXTRACT && sscanf(row->detail,
	    "cases=%20[0-9]", a) == 1)
		return (add_sentence(out, RX_MSG_DID_EXTRACT_CASES, "n", a,
		    NULL, NULL, lang, st));
	*done = false;
	return (RX_OK);
}

rx_err
rx_audit_words(struct rx_buf *out, const struct rx_audit_row *row,
    enum rx_lang lang, struct rx_status *st)
{
	const char *p = row->detail, *sep = "";
	bool done;
	size_t n;
	rx_err rc;

	if ((rc = add_figures(out, row, lang, &done, st)) != RX_OK || done)
		return (rc);
	if (row->reasoned)
		p = rx_msg(RX_MSG_DID_REASONED, lang);
	if (*p == '\0' && row->action != RX_DID_REVEAL)
		return (RX_OK);
	do {
		p += strspn(p, " :");
		n = strcspn(p, " :");
		if ((rc = rx_buf_add(out, sep, strlen(sep), st)) != RX_OK ||
		    (rc = add_word(out, row->action, p, row->reasoned ?
		    strlen(p) : n, lang, st)) != RX_OK || row->reasoned)
			return (rc);
		p += n;
		sep = " ";
	} while (*p != '\0');
	return (RX_OK);
}
