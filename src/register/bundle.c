#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "register/save.h"

/*
 * Sealed bundles (crypto/container.h): making one, looking at one, and what is
 * remembered of them.  Opening is merge.c.
 *
 * The body: certificate of the sender 280 || seq 8 and hash 32 of the head of
 * his audit || name of his copy 64 || rows, each length 4 || the row as the
 * manifest counts it.  Rows, in this order: all certificates and revocations;
 * what each countersigned last of each chain; from the home register the later epochs and the grants of the units' keys and
 * of the register's, to the recipients; then case by case its keys, links,
 * versions, records, slots; then activities.  Versions that lost against others
 * (table conflict) travel as the rows they are.
 */

#define FUTURE_MAX INT64_C(86400000)	/* ms */

void
rx_cert_fingerprint(char out[RX_FINGERPRINT_TEXT], const struct rx_session *s,
    const struct rx_cert *c)
{
	uint8_t all[2 * RX_ID_BYTES + 64];

	memcpy(all, s->store_id, RX_ID_BYTES);
	memcpy(all + 16, c->user, RX_ID_BYTES);
	memcpy(all + 32, c->box_public, 32);
	memcpy(all + 64, c->sign_public, 32);
	rx_fingerprint(out, all, sizeof(all));
}

void
rx_root_fingerprint(char out[RX_FINGERPRINT_TEXT], const struct rx_session *s)
{
	uint8_t all[RX_ID_BYTES + 32];

	memcpy(all, s->store_id, RX_ID_BYTES);
	memcpy(all + 16, s->blob->root_public, 32);
	rx_fingerprint(out, all, sizeof(all));
}

rx_err
rx_user_fingerprint(struct rx_session *s, const char *user, char out[36],
    char root[36], struct rx_status *st)
{
	const struct rx_member *m = NULL;
	uint8_t id[RX_ID_BYTES];
	size_t i;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	for (i = 0; i < s->nmembers && m == NULL; i++)
		if (strcmp(s->members[i].cert.name, user) == 0 &&
		    s->members[i].cert.role != RX_ROLE_RECOVERY) {
			memcpy(id, s->members[i].cert.user, RX_ID_BYTES);
			m = rx_member_newest(s, rx_member_first(s, id));
		}
	rx_root_fingerprint(root, s);
	if (m == NULL) {
		rx_status_arg(st, "user", "%.60s", user);
		return (rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN));
	}
	rx_cert_fingerprint(out, s, &m->cert);
	return (RX_OK);
}

/* ---- what is remembered ---- */

rx_err
rx_bundle_last(struct rx_session *s, const uint8_t copy[RX_ID_BYTES],
    uint64_t *number, int64_t *made, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(copy, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*number = 0;
	*made = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_BUNDLE, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		*number = (uint64_t)rx_col_int(cur, 1);
		*made = rx_col_int(cur, 2);
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_bundle_newest(struct rx_session *s, int64_t *made, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*made = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_BUNDLES, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if (rx_col_int(cur, 2) > *made)
			*made = rx_col_int(cur, 2);
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_bundle_remember(struct rx_session *s, const uint8_t copy[RX_ID_BYTES],
    uint64_t number, int64_t made, const uint8_t sender[RX_ID_BYTES],
    struct rx_status *st)
{
	const struct rx_value v[4] = { rx_bytes(copy, RX_ID_BYTES),
	    rx_int((int64_t)number), rx_int(made),
	    rx_bytes(sender, RX_ID_BYTES) };

	return (rx_store_replace(s->store, RX_TABLE_BUNDLE, v, st));
}

rx_err
rx_bundle_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_bundle *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_cursor *cur;
	struct rx_bundle b;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_BUNDLES, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		memset(&b, 0, sizeof(b));
		p = rx_col_bytes(cur, 0, &n);
		if (n == RX_ID_BYTES)
			memcpy(b.copy, p, n);
		if (s->copy && memcmp(b.copy, s->copy_id, RX_ID_BYTES) == 0)
			rx_text_copy(b.copy_name, sizeof(b.copy_name),
			    s->copy_name);
		b.number = (uint64_t)rx_col_int(cur, 1);
		b.made = rx_col_int(cur, 2);
		p = rx_col_bytes(cur, 3, &n);
		if ((n == RX_ID_BYTES && (rc = rx_member_name_find(s, p,
		    b.sender, st)) != RX_OK) ||
		    (rc = each(cookie, &b, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_conflicts_of(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    size_t *n, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*n = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CONFLICTS_OF_CHILD, &arg,
	    1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		(*n)++;
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_conflict_cases(struct rx_session *s, struct rx_buf *ids,
    struct rx_status *st)
{

	return (rx_query_ids(s->store, RX_Q_CONFLICT_CASES, NULL, 0, 0, ids,
	    st));
}

/* ---- making ---- */

rx_err
rx_rows_add(struct rx_buf *body, struct rx_session *s, enum rx_query q,
    enum rx_table table, const struct rx_value *arg, struct rx_status *st)
{
	struct rx_cursor *cur;
	uint8_t length[4] = { 0 };
	size_t at;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, q, arg, arg != NULL, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		at = body->len;
		if ((rc = rx_buf_add(body, length, 4, st)) != RX_OK ||
		    (rc = rx_row_bytes(body, cur, table, st)) != RX_OK)
			break;
		rx_put32(body->b + at, (uint32_t)(body->len - at - 4));
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_conflict_rows(struct rx_buf *body, struct rx_session *s, enum rx_query q,
    const struct rx_value *arg, struct rx_status *st)
{
	struct rx_cursor *cur;
	uint8_t length[4];
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, q, arg, 1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 6, &n);
		rx_put32(length, (uint32_t)n);
		if ((rc = rx_buf_add(body, length, 4, st)) != RX_OK ||
		    (rc = rx_buf_add(body, p, n, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

static bool
is_recipient(const struct rx_recipient *to, size_t nto, const uint8_t *user)
{
	size_t i;

	for (i = 0; i < nto; i++)
		if (memcmp(to[i].user, user, RX_ID_BYTES) == 0)
			return (true);
	return (false);
}

/* The grants of ${unit} to the recipients: all rows, then those of others are
 * taken out again. */
static rx_err
add_grants(struct rx_buf *body, struct rx_session *s, const char *unit,
    const struct rx_recipient *to, size_t nto, struct rx_status *st)
{
	const struct rx_value arg = rx_text(unit);
	struct rx_buf all = RX_BUF_INIT;
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_table table;
	size_t at, n;
	rx_err rc;

	if ((rc = rx_rows_add(&all, s, RX_Q_GRANTS_OF_UNIT, RX_TABLE_UNIT_GRANT,
	    &arg, st)) != RX_OK)
		goto done;
	for (at = 0; at < all.len && rc == RX_OK; at += 4 + n) {
		n = rx_get32(all.b + at);
		if ((rc = rx_row_decode(&table, v, all.b + at + 4, n, st)) ==
		    RX_OK && v[3].n == RX_ID_BYTES &&
		    is_recipient(to, nto, v[3].p))
			rc = rx_buf_add(body, all.b + at, 4 + n, st);
	}
done:
	rx_buf_free(&all);
	return (rc);
}

/* What the members of ${units} need to know of keys.  Those of the register go
 * to everybody: who has no grant of the newest signs in to a copy no more, and
 * could not open the bundle that has his. */
static rx_err
add_keys(struct rx_buf *body, struct rx_session *s,
    const struct rx_buf *units, const struct rx_recipient *to, size_t nto,
    struct rx_status *st)
{
	struct rx_value arg = rx_text(RX_REGISTER_KEYS);
	size_t i;
	rx_err rc;

	if ((rc = rx_rows_add(body, s, RX_Q_EPOCHS_OF_UNIT, RX_TABLE_UNIT_EPOCH,
	    &arg, st)) != RX_OK ||
	    (rc = rx_rows_add(body, s, RX_Q_GRANTS_OF_UNIT,
	    RX_TABLE_UNIT_GRANT, &arg, st)) != RX_OK)
		return (rc);
	for (i = 0; i < units->len && rc == RX_OK; i += RX_UNIT_BYTES) {
		arg = rx_text((const char *)units->b + i);
		if ((rc = rx_rows_add(body, s, RX_Q_EPOCHS_OF_UNIT,
		    RX_TABLE_UNIT_EPOCH, &arg, st)) == RX_OK)
			rc = add_grants(body, s, (const char *)units->b + i,
			    to, nto, st);
	}
	return (rc);
}

static rx_err
add_case(struct rx_buf *body, struct rx_session *s, const uint8_t *id,
    struct rx_status *st)
{
	static const struct {
		enum rx_query q;
		enum rx_table table;
	} parts[] = {
		{ RX_Q_MOVES, RX_TABLE_MOVE },
		{ RX_Q_CASE_KEYS, RX_TABLE_CASE_KEY },
		{ RX_Q_CASE_LINKS, RX_TABLE_CASE_LINK },
		{ RX_Q_CHILD_HISTORY, RX_TABLE_CHILD },
		{ RX_Q_RECORDS_ALL, RX_TABLE_RECORD },
		{ RX_Q_SLOTS_OF_CASE, RX_TABLE_SLOT },
		{ RX_Q_SLOT_KEY, RX_TABLE_SLOT_KEY },
	};
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	size_t i;
	rx_err rc;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if ((rc = rx_rows_add(body, s, parts[i].q, parts[i].table, &arg,
		    st)) != RX_OK)
			return (rc);
	return (rx_conflict_rows(body, s, RX_Q_CONFLICTS_OF_CHILD, &arg, st));
}

static int
id_cmp(const void *a, const void *b)
{

	return (memcmp(a, b, RX_ID_BYTES));
}

static rx_err
size_check(size_t n, size_t most, struct rx_status *st)
{

	if (n <= most)
		return (RX_OK);
	rx_status_arg(st, "max", "%zu", most >> 20);
	return (rx_fail(st, RX_EUSAGE, RX_MSG_BUNDLE_TOO_LARGE));
}

/* Every case that is of one of ${units} or was, once, as long as ${most} bytes are
 * enough.  A case that has moved goes on being one of both. */
static rx_err
add_cases(struct rx_buf *body, struct rx_session *s,
    const struct rx_buf *units, size_t most, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	struct rx_value arg;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < units->len && rc == RX_OK; i += RX_UNIT_BYTES) {
		arg = rx_text((const char *)units->b + i);
		rc = rx_query_ids(s->store, RX_Q_CHILDREN_EVER, &arg, 1, 0,
		    &ids, st);
	}
	if (ids.len > 0)
		qsort(ids.b, ids.len / RX_ID_BYTES, RX_ID_BYTES, id_cmp);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES) {
		if (i > 0 && id_cmp(ids.b + i - RX_ID_BYTES, ids.b + i) == 0)
			continue;
		if ((rc = add_case(body, s, ids.b + i, st)) == RX_OK)
			rc = size_check(body->len, most, st);
	}
	rx_buf_free(&ids);
	return (rc);
}

/* What else is of ${unit}. */
static rx_err
add_unit(struct rx_buf *body, struct rx_session *s, const char *unit,
    struct rx_status *st)
{
	const struct rx_value arg = rx_text(unit);
	rx_err rc;

	if ((rc = rx_rows_add(body, s, RX_Q_ACTIVITIES_ALL,
	    RX_TABLE_ACTIVITY, &arg, st)) != RX_OK || (!s->copy &&
	    (rc = rx_rows_add(body, s, RX_Q_ERASURES_OF_UNIT, RX_TABLE_ERASURE,
	    &arg, st)) != RX_OK))
		return (rc);
	return (rx_conflict_rows(body, s, RX_Q_CONFLICTS_OF_UNIT, &arg, st));
}

/* The directors and supervisors at ${unit} who are at work. */
static rx_err
recipients(struct rx_session *s, const char *unit, struct rx_buf *out,
    struct rx_status *st)
{
	const struct rx_member *m;
	struct rx_recipient r;
	char text[RX_UNIT_TEXT];
	size_t i, k;
	bool at;
	rx_err rc;

	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		for (at = false, k = i; k < rx_member_next(s, i); k++)
			at |= rx_member_live(&s->members[k]) &&
			    (s->members[k].cert.role == RX_ROLE_DIRECTOR ||
			    s->members[k].cert.role == RX_ROLE_SUPERVISOR) &&
			    memcmp(s->members[k].cert.unit, unit,
			    RX_UNIT_BYTES) == 0;
		if (!at || (m = rx_member_newest(s, i)) == NULL)
			continue;
		memcpy(r.user, m->cert.user, RX_ID_BYTES);
		memcpy(r.box_public, m->cert.box_public, RX_BOX_PUBLIC_BYTES);
		if ((rc = rx_buf_add(out, &r, sizeof(r), st)) != RX_OK)
			return (rc);
	}
	if (out->len > 0)
		return (RX_OK);
	rx_unit_text(text, unit);
	rx_status_arg(st, "unit", "%s", text);
	return (rx_fail(st, RX_ENOENT, RX_MSG_BUNDLE_NOBODY));
}

/* The keyed units at or under ${unit} whose rows the session may send; none is
 * allowed for an administrator at home, who sends keys alone. */
static rx_err
sendable(struct rx_session *s, const char *unit, struct rx_buf *all,
    struct rx_buf *mine, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	if ((rc = rx_keyed_units(s, unit, all, st)) != RX_OK)
		return (rc);
	for (i = 0; i < all->len; i += RX_UNIT_BYTES) {
		const char *u = (const char *)all->b + i;

		if ((rx_permitted(s, RX_ACT_WRITE_CASE, u) ||
		    rx_permitted(s, RX_ACT_SUPERVISE, u)) &&
		    (rc = rx_buf_add(mine, u, RX_UNIT_BYTES, st)) != RX_OK)
			return (rc);
	}
	if (mine->len > 0 || (!s->copy &&
	    rx_permitted(s, RX_ACT_ADMINISTER, NULL)))
		return (RX_OK);
	if (rx_permitted(s, RX_ACT_SUPERVISE, unit))
		return (RX_OK);		/* nothing is keyed there yet */
	return (rx_permit(s, RX_ACT_WRITE_CASE, unit, st));
}

/* By unit, then by name. */
static int
by_unit(const void *a, const void *b)
{
	const struct rx_cert *x = *(const struct rx_cert *const *)a;
	const struct rx_cert *y = *(const struct rx_cert *const *)b;
	const int d = memcmp(x->unit, y->unit, RX_UNIT_BYTES);

	return (d != 0 ? d : strcmp(x->name, y->name));
}

/* Whether the session may make a bundle for ${unit} at all. */
static rx_err
may_make(struct rx_session *s, const char *unit, bool *may,
    struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT, mine = RX_BUF_INIT;
	struct rx_status refused;
	rx_err rc;

	rx_status_clear(&refused);
	rc = sendable(s, unit, &all, &mine, &refused);
	*may = rc == RX_OK;
	rx_buf_free(&all);
	rx_buf_free(&mine);
	if (rc == RX_OK || rc == RX_EPERM)
		return (RX_OK);
	*st = refused;
	return (rc);
}

rx_err
rx_bundle_recipients(struct rx_session *s, rx_bundle_recipient *each,
    void *cookie, struct rx_status *st)
{
	const struct rx_cert **at, *c;
	size_t i, n = 0;
	bool may = false;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	if ((at = calloc(s->nmembers + 1, sizeof(*at))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < s->nmembers; i++) {
		c = &s->members[i].cert;
		if (rx_member_live(&s->members[i]) &&
		    (c->role == RX_ROLE_DIRECTOR ||
		    c->role == RX_ROLE_SUPERVISOR))
			at[n++] = c;
	}
	qsort(at, n, sizeof(*at), by_unit);
	for (i = 0; i < n && rc == RX_OK; i++) {
		/* Somebody with new keys has two certificates for a while. */
		if (i > 0 && by_unit(&at[i], &at[i - 1]) == 0)
			continue;
		if ((i == 0 || memcmp(at[i]->unit, at[i - 1]->unit,
		    RX_UNIT_BYTES) != 0) &&
		    (rc = may_make(s, at[i]->unit, &may, st)) != RX_OK)
			break;
		if (may)
			rc = each(cookie, at[i]->unit, at[i]->name, st);
	}
	free(at);
	return (rc);
}

/* The certificate of the session's user that the bundle is signed with. */
static rx_err
own_cert(struct rx_session *s, uint8_t id[RX_ID_BYTES], struct rx_buf *body,
    struct rx_status *st)
{
	const struct rx_member *m = rx_member_newest(s,
	    rx_member_first(s, s->user_id));
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if (m == NULL) {	/* it has just ended */
		rx_status_arg(st, "user", "%s", s->user);
		return (rx_fail(st, RX_EPERM, RX_MSG_NOT_A_MEMBER));
	}
	memcpy(id, m->cert.id, RX_ID_BYTES);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CERTS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 0, &n);
		if (n != RX_ID_BYTES || memcmp(p, id, n) != 0)
			continue;
		p = rx_col_bytes(cur, 2, &n);
		rc = rx_buf_add(body, p, n, st);
		break;
	}
	rx_query_close(cur);
	return (rc);
}

/* Head and rows of the body, which is given up when it is over ${most}. */
static rx_err
body_make(struct rx_buf *body, struct rx_session *s, const char *unit,
    const struct rx_buf *to, size_t most, struct rx_container_head *head,
    struct rx_bundle *info, struct rx_status *st)
{
	const struct rx_recipient *r = (const void *)to->b;
	struct rx_buf all = RX_BUF_INIT, mine = RX_BUF_INIT;
	uint8_t *p;
	size_t i;
	rx_err rc;

	if ((rc = sendable(s, unit, &all, &mine, st)) != RX_OK ||
	    (rc = own_cert(s, head->cert, body, st)) != RX_OK ||
	    (rc = rx_audit_head(s, &info->head, st)) != RX_OK ||
	    (rc = rx_buf_extend(body, RX_BUNDLE_HEAD - RX_CERT_BYTES, &p,
	    st)) != RX_OK)
		goto done;
	rx_put64(p, info->head.seq);
	memcpy(p + 8, info->head.hash, RX_HASH_BYTES);
	memcpy(p + 8 + RX_HASH_BYTES, s->copy_name, RX_USER_NAME_BYTES);
	if ((rc = rx_rows_add(body, s, RX_Q_CERTS, RX_TABLE_CERT, NULL, st)) !=
	    RX_OK || (rc = rx_rows_add(body, s, RX_Q_REVOCATIONS,
	    RX_TABLE_REVOCATION, NULL, st)) != RX_OK ||
	    (rc = rx_rows_add(body, s, RX_Q_ANCHORS_NEWEST, RX_TABLE_ANCHOR,
	    NULL, st)) != RX_OK || (!s->copy &&
	    (rc = add_keys(body, s, &all, r, to->len / sizeof(*r), st)) !=
	    RX_OK) || (rc = add_cases(body, s, &mine, most, st)) != RX_OK)
		goto done;
	for (i = 0; i < mine.len && rc == RX_OK; i += RX_UNIT_BYTES)
		if ((rc = add_unit(body, s, (const char *)mine.b + i, st)) ==
		    RX_OK)
			rc = size_check(body->len, most, st);
done:
	rx_buf_free(&all);
	rx_buf_free(&mine);
	return (rc);
}

/* In a transaction: the container, of ${most} bytes perhaps, and its number. */
static rx_err
make(struct rx_session *s, struct rx_buf *out, size_t most,
    struct rx_bundle *info, struct rx_status *st)
{
	struct rx_container_head head = { .number = 0 };
	struct rx_buf to = RX_BUF_INIT, body = RX_BUF_INIT;
	int64_t last;
	rx_err rc;

	if ((rc = recipients(s, info->unit, &to, st)) != RX_OK ||
	    (rc = body_make(&body, s, info->unit, &to, most, &head, info,
	    st)) != RX_OK || (rc = rx_bundle_last(s, s->copy_id, &head.number,
	    &last, st)) != RX_OK || (rc = rx_bundle_newest(s, &last, st)) !=
	    RX_OK)
		goto done;
	memcpy(head.store, s->store_id, RX_ID_BYTES);
	memcpy(head.copy, s->copy_id, RX_ID_BYTES);
	memcpy(head.unit, info->unit, RX_UNIT_BYTES);
	head.number++;
	/* What is newer is decided by this: a register that was restored
	 * counts from where it was, but time goes on.  And no record in it is
	 * of later: not those of another machine, whose clock is ahead. */
	head.made = rx_session_now(s);
	if (head.made <= last)
		head.made = last + 1;
	info->number = head.number;
	info->made = head.made;
	if ((rc = rx_container_seal(out, &head, (const void *)to.b, to.len /
	    sizeof(struct rx_recipient), s->id->sign_secret, body.b, body.len,
	    info->digest, st)) == RX_OK &&
	    (rc = size_check(out->len, most, st)) == RX_OK)
		rc = rx_bundle_remember(s, s->copy_id, head.number, head.made,
		    s->user_id, st);
done:
	rx_buf_free(&to);
	rx_buf_free(&body);
	return (rc);
}

rx_err
rx_bundle_seal(struct rx_session *s, const char *unit, size_t most,
    struct rx_buf *out, struct rx_bundle *info, struct rx_status *st)
{
	char text[RX_UNIT_TEXT], hex[2 * RX_HASH_BYTES + 1], detail[160];
	struct rx_countersigned head;
	rx_err rc;

	memset(info, 0, sizeof(*info));
	if ((rc = rx_unit_parse(info->unit, unit, st)) != RX_OK ||
	    (rx_session_has_role(s, RX_ROLE_SUPERVISOR) &&
	    (rc = rx_audit_countersign(s, &head, NULL, NULL, st)) != RX_OK) ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	memcpy(info->copy, s->copy_id, RX_ID_BYTES);
	rc = make(s, out, most, info, st);
	rx_unit_text(text, info->unit);
	rx_hex(hex, info->digest, RX_HASH_BYTES);
	(void)snprintf(detail, sizeof(detail), "make %s %llu %s", text,
	    (unsigned long long)info->number, hex);
	if ((rc = rx_finish(s, rc, RX_DID_BUNDLE, NULL, detail, st)) != RX_OK)
		rx_buf_reset(out);
	return (rc);
}

rx_err
rx_bundle_make(struct rx_session *s, const char *unit, const char *file,
    struct rx_bundle *info, struct rx_status *st)
{
	struct rx_buf out = RX_BUF_INIT;
	rx_err rc;

	/* First the entry, then the file: none exists that is not in it. */
	if ((rc = rx_bundle_seal(s, unit, 2 * RX_CONTAINER_MAX, &out, info,
	    st)) == RX_OK)
		rc = rx_file_write(file, out.b, out.len, 0600, false, st);
	rx_buf_free(&out);
	return (rc);
}

/* ---- looking ---- */

/* What the clear part of ${c} says. */
static void
describe(struct rx_bundle *info, const struct rx_session *s,
    const struct rx_container *c)
{
	const uint8_t *user;
	size_t i, n;

	memset(info, 0, sizeof(*info));
	memcpy(info->copy, c->head.copy, RX_ID_BYTES);
	memcpy(info->unit, c->head.unit, RX_UNIT_BYTES);
	memcpy(info->digest, c->digest, RX_HASH_BYTES);
	info->number = c->head.number;
	info->made = c->head.made;
	rx_root_fingerprint(info->root, s);
	for (i = 0; i < c->recipients; i++) {
		user = rx_container_recipient(c, i);
		info->mine |= memcmp(user, s->user_id, RX_ID_BYTES) == 0;
		n = strlen(info->recipients);
		(void)snprintf(info->recipients + n,
		    sizeof(info->recipients) - n, "%s%s", n > 0 ? ", " : "",
		    rx_member_name(s, user));
	}
	for (i = 0; i < s->nmembers; i++) {
		const struct rx_cert *cert = &s->members[i].cert;

		if (memcmp(cert->id, c->head.cert, RX_ID_BYTES) != 0)
			continue;
		info->known = rx_container_signed(c, cert->sign_public);
		rx_text_copy(info->sender, sizeof(info->sender), cert->name);
		rx_cert_fingerprint(info->fingerprint, s, cert);
	}
}

/* Take the ${n} bytes ${p} apart; they must be of this register. */
static rx_err
read_container(struct rx_session *s, const uint8_t *p, size_t n,
    struct rx_container *c, struct rx_bundle *info, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	memset(info, 0, sizeof(*info));
	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = rx_container_read(c, p, n, st)) != RX_OK)
		return (rc);
	if (!rx_unit_stored(unit, c->head.unit,
	    strnlen(c->head.unit, RX_UNIT_BYTES)) ||
	    c->head.kind != RX_CONTAINER_BUNDLE || memcmp(unit, c->head.unit, RX_UNIT_BYTES) != 0)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT));
	if (memcmp(c->head.store, s->store_id, RX_ID_BYTES) != 0)
		return (rx_fail(st, RX_ECONFLICT,
		    RX_MSG_BUNDLE_OTHER_REGISTER));
	describe(info, s, c);
	return (RX_OK);
}

rx_err
rx_bundle_look(struct rx_session *s, const uint8_t *p, size_t n,
    struct rx_bundle *info, struct rx_status *st)
{
	struct rx_container c;
	rx_err rc;

	if ((rc = read_container(s, p, n, &c, info, st)) == RX_OK &&
	    info->sender[0] != '\0' && !info->known)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT);
	return (rc);
}

rx_err
rx_bundle_show(struct rx_session *s, const char *file, struct rx_bundle *info,
    struct rx_status *st)
{
	struct rx_buf bytes = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_file_read(&bytes, file, 2 * RX_CONTAINER_MAX, st)) ==
	    RX_OK)
		rc = rx_bundle_look(s, bytes.b, bytes.len, info, st);
	rx_buf_free(&bytes);
	return (rc);
}

/* ---- opening ---- */

/* Open the body and verify who sent it. */
static rx_err
body_open(struct rx_session *s, const struct rx_container *c,
    struct rx_buf *body, struct rx_cert *cert, struct rx_bundle *info,
    struct rx_status *st)
{
	static const uint8_t home[RX_ID_BYTES];
	struct rx_status first;
	rx_err rc;

	rx_status_clear(&first);
	rc = rx_container_open(body, c, s->user_id, s->id, &first);
	if (first.msg == RX_MSG_BUNDLE_KEY && s->next != NULL) {
		rx_status_clear(&first);
		rc = rx_container_open(body, c, s->user_id, s->next, &first);
	}
	if (rc != RX_OK) {
		*st = first;
		return (rc);
	}
	if (body->len < RX_BUNDLE_HEAD)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT));
	if (rx_cert_open(cert, body->b, RX_CERT_BYTES, s->blob->root_public,
	    s->store_id, &first) != RX_OK)
		return (rx_fail(st, RX_ECORRUPT,
		    RX_MSG_BUNDLE_SENDER_UNKNOWN));
	if (memcmp(cert->id, c->head.cert, RX_ID_BYTES) != 0 ||
	    !rx_container_signed(c, cert->sign_public) ||
	    !rx_cert_valid_at(cert, c->head.made))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT));
	if (c->head.made > rx_session_now(s) + FUTURE_MAX)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_BUNDLE_FUTURE));
	info->known = true;
	rx_text_copy(info->sender, sizeof(info->sender), cert->name);
	rx_cert_fingerprint(info->fingerprint, s, cert);
	info->head.seq = rx_get64(body->b + RX_CERT_BYTES);
	memcpy(info->head.hash, body->b + RX_CERT_BYTES + 8, RX_HASH_BYTES);
	/* One byte of it is always zero. */
	memcpy(info->copy_name, body->b + RX_CERT_BYTES + 8 + RX_HASH_BYTES,
	    RX_USER_NAME_BYTES - 1);
	if (memcmp(c->head.copy, home, RX_ID_BYTES) == 0 ?
	    info->copy_name[0] != '\0' : !rx_copy_name_valid(info->copy_name))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT));
	return (RX_OK);
}

/* Merge in one transaction; taken back unless ${keep} and something is new. */
static rx_err
merge(struct rx_session *s, const struct rx_container *c,
    const struct rx_cert *cert, const struct rx_buf *body, bool keep,
    bool despite, struct rx_bundle *info, struct rx_status *st)
{
	char hash[2 * RX_HASH_BYTES + 1], hex[2 * RX_HASH_BYTES + 1];
	char detail[RX_AUDIT_DETAIL + 1];
	struct rx_status ignored;
	bool newer, changed = false;
	uint64_t number;
	int64_t made = 0;
	rx_err rc;

	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = rx_bundle_last(s, c->head.copy, &number, &made, st);
	/* The own count is the own: nobody else sets it forth. */
	newer = c->head.made > made &&
	    memcmp(c->head.copy, s->copy_id, RX_ID_BYTES) != 0;
	if (rc == RX_OK)
		rc = rx_merge(s, c, cert, body, newer, despite, info, &changed,
		    st);
	if (rc == RX_OK && newer) {
		changed = true;
		rc = rx_bundle_remember(s, c->head.copy, c->head.number,
		    c->head.made, cert->user, st);
	}
	if (rc == RX_OK && keep && changed) {
		rx_hex(hash, info->head.hash, RX_HASH_BYTES);
		rx_hex(hex, info->digest, RX_HASH_BYTES);
		(void)snprintf(detail, sizeof(detail), "open %s %llu %s "
		    "%llu-%s %s%s", info->copy_name[0] != '\0' ?
		    info->copy_name : "home", (unsigned long long)info->number,
		    info->sender, (unsigned long long)info->head.seq, hash,
		    hex, info->lost > 0 ? " despite-head" : "");
		rc = rx_finish(s, rc, RX_DID_BUNDLE, cert->user, detail, st);
		/* Erased it is, whatever comes now. */
		if (rc == RX_OK)
			return (info->gone > 0 ? rx_erase_sweep(s, st) :
			    RX_OK);
	} else
		rx_abandon(s);
	/* What was put in is gone again: so must be who is in memory. */
	rx_status_clear(&ignored);
	if (rx_members_load(s, s->blob->root_public, &ignored) != RX_OK &&
	    rc == RX_OK) {
		*st = ignored;
		rc = ignored.code;
	}
	return (rc);
}

static rx_err
merge_bytes(struct rx_session *s, const uint8_t *p, size_t n, bool keep,
    bool despite, struct rx_bundle *info, struct rx_status *st)
{
	struct rx_buf body = RX_BUF_INIT;
	struct rx_container c;
	struct rx_cert cert;
	rx_err rc;

	if ((rc = read_container(s, p, n, &c, info, st)) == RX_OK &&
	    (rc = body_open(s, &c, &body, &cert, info, st)) == RX_OK)
		rc = merge(s, &c, &cert, &body, keep, despite, info, st);
	rx_buf_free(&body);
	return (rc);
}

rx_err
rx_bundle_merge(struct rx_session *s, const uint8_t *p, size_t n, bool keep,
    struct rx_bundle *info, struct rx_status *st)
{

	return (merge_bytes(s, p, n, keep, false, info, st));
}

static rx_err
open_file(struct rx_session *s, const char *file, bool keep, bool despite,
    struct rx_bundle *info, struct rx_status *st)
{
	struct rx_buf bytes = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_file_read(&bytes, file, 2 * RX_CONTAINER_MAX, st)) ==
	    RX_OK)
		rc = merge_bytes(s, bytes.b, bytes.len, keep, despite, info,
		    st);
	rx_buf_free(&bytes);
	return (rc);
}

rx_err
rx_bundle_open(struct rx_session *s, const char *file, bool keep,
    struct rx_bundle *info, struct rx_status *st)
{

	return (open_file(s, file, keep, false, info, st));
}

rx_err
rx_bundle_open_despite(struct rx_session *s, const char *file, bool keep,
    struct rx_bundle *info, struct rx_status *st)
{

	return (open_file(s, file, keep, true, info, st));
}
