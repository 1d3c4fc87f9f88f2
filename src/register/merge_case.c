#include "register/merge.h"

/*
 * Merging the rows of cases.
 *
 * Rows of one key are the union of both sides.  When two differ, one that raises
 * a flag stands in its table, else the one that was recorded later (of one
 * moment: whose digest is higher), the others in conflict, so that the order of
 * merging does not matter.
 *
 * Where a case lies is what the live version of its child says, and only a move
 * says another unit than the version before: a version that was written where the
 * case had left before (its writer did not know) is put in conflict, whatever its
 * number.  The rows of a case go by the child, not by the unit: they are taken by
 * whoever has the keys that they lie under.  Who has none where the case lies now
 * takes the move, and what lies under the keys of before.
 */

/* The rows of one case, and what is to be known of it. */
struct group {
	const struct in_row *row;
	size_t n;
	const uint8_t *id;
	char unit[RX_UNIT_BYTES];	/* where it lies, all told */
	char at[RX_UNIT_BYTES];	/* where it lay here so far */
	char sent[RX_UNIT_BYTES];	/* of the keys that came */
	struct rx_buf moves;	/* struct rx_passage; the first ${known} were here */
	size_t known;
	unsigned comps;		/* the keys of it that the opener has */
	bool here;		/* it is stored already */
	uint32_t have, comes;	/* newest epoch of its keys; 0: none */
	size_t nkeys;		/* rows of its keys that came */
	struct rx_case_state before, after;
	struct rx_bundle was;	/* counted before it */
	bool changed;
};

/* ---- versions ---- */

rx_err
rx_merge_verify(struct merge *m, struct rx_case *c, const struct in_row *r,
    struct rx_status *st)
{
	const enum rx_query q = r->table == RX_TABLE_CHILD ? RX_Q_CHILD_AT :
	    r->table == RX_TABLE_RECORD ? RX_Q_RECORD_AT : RX_Q_ACTIVITY_AT;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, m->s->store, q, r->v, 2, st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK)
		rc = row ? rx_row_open(m->s, c, cur, r->table, RX_CASE_KEYS,
		    true, &m->r, st) : rx_merge_corrupt(st);
	rx_query_close(cur);
	return (rc);
}

/* The same for a row that came: it is also of before the bundle, and fits the
 * other versions that are here. */
static rx_err
verify_new(struct merge *m, struct rx_case *c, const struct in_row *r,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_merge_verify(m, c, r, st)) != RX_OK)
		return (rc);
	/* Later than anything: it would win against all others, and be of after
	 * its author's end, whenever that comes. */
	if (m->r.at > m->c->head.made)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_LATER));
	return (rx_version_fits(m->s, c, r->table, &m->r, st));
}

/* Whether the record at hand was signed by somebody after his end. */
static bool
signed_too_late(const struct merge *m)
{
	const struct rx_session *s = m->s;
	const size_t first = rx_member_first(s, m->r.author);
	int64_t last = 0;
	size_t i;

	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++) {
		if (s->members[i].revoked == 0)
			return (false);
		if (s->members[i].revoked > last)
			last = s->members[i].revoked;
	}
	return (last != 0 && m->r.at > last);
}

/* Honest work of somebody who did not know yet of his end does not count: is that
 * what ${why} the record at hand was refused? */
static bool
left_out(struct merge *m, const struct rx_status *why)
{

	if (why->msg != RX_MSG_SIGNATURE_CORRUPT || !signed_too_late(m))
		return (false);
	m->info->refused++;
	return (true);
}

static void
digest_of(uint8_t digest[RX_HASH_BYTES], const void *p, size_t n)
{

	rx_hash(digest, RX_HASH_BYTES, NULL, "runxin conflict v1", p, n);
}

/* The row of conflict that keeps ${p}, of ${r}'s key; columns in ${v}. */
static void
conflict_row(struct rx_value v[7], const struct in_row *r, const char *unit,
    const uint8_t *digest, const void *p, size_t n)
{
	static const uint8_t none[RX_ID_BYTES];

	v[0] = rx_int(r->table);
	v[1] = r->v[0];
	v[2] = r->v[1];
	v[3] = rx_bytes(digest, RX_HASH_BYTES);
	v[4] = rx_bytes(r->child != NULL ? r->child : none, RX_ID_BYTES);
	v[5] = rx_text(unit);
	v[6] = rx_bytes(p, n);
}

/* Put the row ${m->bytes} in its place again. */
static rx_err
put_back(struct merge *m, struct rx_status *st)
{
	struct rx_value old[RX_COLUMNS_MAX];
	enum rx_table table;
	rx_err rc;

	if ((rc = rx_row_decode(&table, old, m->bytes.b, m->bytes.len, st)) ==
	    RX_OK)
		rc = rx_store_replace(m->s->store, table, old, st);
	return (rc);
}

/* ---- where a case lay ---- */

static const struct rx_passage *
moves_of(const struct group *g, size_t *n)
{

	*n = g->moves.len / sizeof(struct rx_passage);
	return ((const void *)g->moves.b);
}

/* The newest; NULL when it never moved. */
static const struct rx_passage *
move_last(const struct group *g)
{
	const struct rx_passage *m;
	size_t n;

	m = moves_of(g, &n);
	return (m == NULL || n == 0 ? NULL : &m[n - 1]);
}

/* Where the case lay when its child had ${version} (or, if that is 0, its keys
 * ${epoch}). */
static const char *
lay(const struct group *g, uint32_t version, uint32_t epoch)
{
	const char *unit = g->unit;
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = n; i-- > 0; unit = m[i].from)
		if (version != 0 ? version >= m[i].version :
		    epoch >= m[i].epoch)
			return (m[i].to);
	return (unit);
}

/* Whether ${unit} is one where the case lies or lay. */
static bool
lay_once(const struct group *g, const char *unit)
{
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = 0; i < n; i++)
		if (memcmp(m[i].from, unit, RX_UNIT_BYTES) == 0)
			return (true);
	return (memcmp(g->unit, unit, RX_UNIT_BYTES) == 0);
}

/* The move with which the version ${r} of the child was written; NULL. */
static const struct rx_passage *
move_with(const struct group *g, const struct in_row *r)
{
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = 0; i < n; i++)
		if (r->v[1].i == (int64_t)m[i].version)
			return (&m[i]);
	return (NULL);
}

/* A row as the hashes of a move take it; its length stands before it. */
static bool
is_moved_child(const struct rx_passage *m, const struct in_row *r)
{
	uint8_t hash[RX_HASH_BYTES];

	rx_passage_child_hash(hash, r->p - 4, r->n + 4);
	return (memcmp(hash, m->child, sizeof(hash)) == 0);
}

/* Whether the version ${r} of a child was written where the case lay then, and
 * not where it had been before. */
static bool
stands(const struct merge *m, const struct in_row *r)
{
	const struct rx_passage *move;
	char unit[RX_UNIT_BYTES];

	if (r->table != RX_TABLE_CHILD)
		return (true);
	(void)rx_merge_unit(unit, &r->v[2]);
	move = move_with(m->g, r);
	return (memcmp(unit, lay(m->g, (uint32_t)r->v[1].i, 0),
	    RX_UNIT_BYTES) == 0 && (move == NULL || is_moved_child(move, r)));
}

/* The version ${r} of a child, whose unit must be one where the case was. */
static rx_err
place_check(const struct merge *m, const struct in_row *r,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];

	if (r->table != RX_TABLE_CHILD)
		return (RX_OK);
	(void)rx_merge_unit(unit, &r->v[2]);
	return (lay_once(m->g, unit) ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_VERSION));
}

/* ---- versions ---- */

/* Keep in conflict the row ${p}, of ${r}'s key. */
static rx_err
conflict_keep(struct merge *m, const struct in_row *r, const char *unit,
    const void *p, size_t n, struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_value v[7];

	digest_of(digest, p, n);
	conflict_row(v, r, unit, digest, p, n);
	m->info->conflicts++;
	m->changed = true;
	return (rx_store_replace(m->s->store, RX_TABLE_CONFLICT, v, st));
}

/* Whether the row ${r} is in conflict already, and was told of. */
static rx_err
conflict_known(struct merge *m, const struct in_row *r, const char *unit,
    bool *known, struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_value v[7];
	enum rx_there how;
	rx_err rc;

	digest_of(digest, r->p, r->n);
	conflict_row(v, r, unit, digest, r->p, r->n);
	rc = rx_store_compare(m->s->store, RX_TABLE_CONFLICT, v, &how, NULL,
	    st);
	*known = rc == RX_OK && how == RX_SAME;
	m->info->present += *known;
	return (rc);
}

/* The version ${r} of a child was written where the case had left before; in its
 * place is ${m->bytes}, or nothing (${absent}).  It is verified and kept in
 * conflict. */
static rx_err
version_passed(struct merge *m, struct rx_case *c, const struct in_row *r,
    const char *unit, bool absent, struct rx_status *st)
{
	struct rx_status why;
	bool known, out = false;
	rx_err rc;

	if ((rc = conflict_known(m, r, unit, &known, st)) != RX_OK || known)
		return (rc);
	if ((rc = rx_store_replace(m->s->store, r->table, r->v, st)) != RX_OK)
		return (rc);
	rx_status_clear(&why);
	if ((rc = verify_new(m, c, r, &why)) != RX_OK &&
	    !(out = left_out(m, &why))) {
		*st = why;
		return (rc);
	}
	if ((rc = absent ? rx_store_delete(m->s->store, r->table, r->v, NULL,
	    st) : put_back(m, st)) != RX_OK || out)
		return (rc);
	return (conflict_keep(m, r, unit, r->p, r->n, st));
}

/* Two people wrote this version, one of them ${m->bytes}, which is stored. */
static rx_err
version_conflict(struct merge *m, struct rx_case *c, const struct in_row *r,
    const char *unit, struct rx_status *st)
{
	uint8_t mine[RX_HASH_BYTES], his[RX_HASH_BYTES];
	struct rx_status why;
	enum rx_type type;
	int64_t at;
	bool flag, wins, known;
	rx_err rc;

	digest_of(mine, m->bytes.b, m->bytes.len);
	digest_of(his, r->p, r->n);
	if ((rc = conflict_known(m, r, unit, &known, st)) != RX_OK || known)
		return (rc);
	if ((rc = rx_merge_verify(m, c, r, st)) != RX_OK)
		return (rc);
	at = m->r.at;
	type = m->r.type;
	flag = rx_record_int(&m->r, RX_F_RAISES_FLAG) != 0;
	if ((rc = rx_store_replace(m->s->store, r->table, r->v, st)) != RX_OK)
		return (rc);
	rx_status_clear(&why);
	if ((rc = verify_new(m, c, r, &why)) != RX_OK) {
		if (left_out(m, &why))
			return (put_back(m, st));
		*st = why;
		return (rc);
	}
	if (m->r.type != type)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_VERSION));
	if (flag != (rx_record_int(&m->r, RX_F_RAISES_FLAG) != 0))
		wins = !flag;
	else
		wins = m->r.at > at || (m->r.at == at && memcmp(his, mine,
		    sizeof(his)) > 0);
	if (!wins && (rc = put_back(m, st)) != RX_OK)
		return (rc);
	return (conflict_keep(m, r, unit, wins ? m->bytes.b : r->p,
	    wins ? m->bytes.len : r->n, st));
}

static size_t *
counter(struct merge *m, enum rx_table table)
{

	return (table == RX_TABLE_CHILD ? &m->info->children :
	    table == RX_TABLE_RECORD ? &m->info->records :
	    &m->info->activities);
}

rx_err
rx_merge_version(struct merge *m, struct rx_case *c, const struct in_row *r,
    const char *unit, struct rx_status *st)
{
	struct rx_status why;
	enum rx_there how;
	rx_err rc;

	rx_buf_reset(&m->bytes);
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
	    &m->bytes, st)) != RX_OK)
		return (rc);
	if (how == RX_SAME) {
		m->info->present++;
		return (RX_OK);
	}
	if ((rc = place_check(m, r, st)) != RX_OK)
		return (rc);
	if (!stands(m, r))
		return (version_passed(m, c, r, unit, how == RX_ABSENT, st));
	if (how == RX_OTHER)
		return (version_conflict(m, c, r, unit, st));
	if ((rc = rx_store_insert(m->s->store, r->table, r->v, st)) != RX_OK)
		return (rc);
	rx_status_clear(&why);
	if ((rc = verify_new(m, c, r, &why)) == RX_OK) {
		(*counter(m, r->table))++;
		m->changed = true;
		return (RX_OK);
	}
	if (left_out(m, &why))
		return (rx_store_delete(m->s->store, r->table, r->v, NULL,
		    st));
	*st = why;
	return (rc);
}

/* ---- cases ---- */

/* The newest epoch of the keys of the case that is stored; 0. */
static rx_err
epoch_stored(struct merge *m, struct group *g, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, m->s->store, RX_Q_CASE_KEYS, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		g->have = (uint32_t)rx_col_int(cur, 1);
	rx_query_close(cur);
	return (rc);
}

/* The keys that came: how many rows, the newest epoch and its unit (of some row,
 * when there are none). */
static void
group_sent(struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];

		g->nkeys += r->table == RX_TABLE_CASE_KEY;
		if (r->table == RX_TABLE_CASE_KEY &&
		    (uint32_t)r->v[1].i > g->comes) {
			g->comes = (uint32_t)r->v[1].i;
			(void)rx_merge_unit(g->sent, &r->v[r->unit]);
		} else if (r->unit >= 0 && g->comes == 0)
			(void)rx_merge_unit(g->sent, &r->v[r->unit]);
	}
}

/* Of the keys that the row ${r} of MOVE has: the row of case_key, as it was. */
static void
moved_key(struct rx_value v[6], const struct rx_passage *m,
    const struct in_row *r)
{
	size_t k;

	v[0] = r->v[0];
	v[1] = r->v[1];
	v[2] = rx_text(m->to);
	for (k = 3; k < 6; k++)
		v[k] = r->v[k];
}

/* Whether the links that came and the keys in ${r} are those that were signed. */
static rx_err
keys_signed(const struct group *g, const struct rx_passage *m,
    const struct in_row *r, bool *same, struct rx_status *st)
{
	uint8_t hash[RX_HASH_BYTES], length[4] = { 0 };
	struct rx_buf b = RX_BUF_INIT;
	struct rx_value v[6];
	size_t i, at;
	rx_err rc = RX_OK;

	for (i = 0; i < g->n && rc == RX_OK; i++)
		if (g->row[i].table == RX_TABLE_CASE_LINK &&
		    g->row[i].v[1].i <= (int64_t)m->epoch)
			rc = rx_buf_add(&b, g->row[i].p - 4, g->row[i].n + 4,
			    st);
	at = b.len;
	moved_key(v, m, r);
	if (rc == RX_OK && (rc = rx_buf_add(&b, length, 4, st)) == RX_OK &&
	    (rc = rx_row_encode(&b, RX_TABLE_CASE_KEY, v, st)) == RX_OK) {
		rx_put32(b.b + at, (uint32_t)(b.len - at - 4));
		rx_passage_keys_hash(hash, b.b, b.len);
		*same = memcmp(hash, m->keys, sizeof(hash)) == 0;
	}
	rx_buf_free(&b);
	return (rc);
}

/* The version of the child that came with the move ${m}; NULL. */
static const struct in_row *
moved_child(const struct group *g, const struct rx_passage *m)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->row[i].table == RX_TABLE_CHILD &&
		    g->row[i].v[1].i == (int64_t)m->version &&
		    is_moved_child(m, &g->row[i]))
			return (&g->row[i]);
	return (NULL);
}

/* Whether ${move} goes on from what is known of the case here. */
static bool
move_follows(const struct group *g, const struct rx_passage *move)
{
	const struct rx_passage *before = move_last(g);

	if (g->have >= move->epoch)
		return (false);
	if (before != NULL)
		return (memcmp(before->to, move->from, RX_UNIT_BYTES) == 0 &&
		    before->epoch < move->epoch &&
		    before->version < move->version);
	return (!g->here || memcmp(g->at, move->from, RX_UNIT_BYTES) == 0);
}

/* The row ${r} of a move that is not known here: all that it says must be true.
 * *mine is false when it does not follow what was before: somebody has lied about
 * the way of the case, who need not be the sender, so the rest is taken. */
static rx_err
move_check(struct merge *m, struct group *g, const struct in_row *r,
    bool *mine, struct rx_status *st)
{
	struct rx_passage move;
	bool same = false;
	rx_err rc;

	if (!rx_passage_read(&move, r->v[2].p, r->v[2].n) ||
	    move.epoch != (uint32_t)r->v[1].i || move.at > m->c->head.made ||
	    !rx_passage_true(m->s, g->id, &move, r->v[2].p) ||
	    moved_child(g, &move) == NULL)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_MOVE));
	if ((rc = keys_signed(g, &move, r, &same, st)) != RX_OK)
		return (rc);
	if (!same)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_MOVE));
	*mine = move_follows(g, &move);
	return (*mine ? rx_buf_add(&g->moves, &move, sizeof(move), st) :
	    RX_OK);
}

/* The moves that are here, and those that came; *mine is false for one that does
 * not follow them, and for one that home has not made itself: nobody else tells it
 * where a case lies. */
static rx_err
moves_read(struct merge *m, struct group *g, bool *mine, struct rx_status *st)
{
	enum rx_there how;
	size_t i;
	rx_err rc;

	if ((rc = rx_passages_load(&g->moves, m->s, g->id, st)) != RX_OK)
		return (rc);
	g->known = g->moves.len / sizeof(struct rx_passage);
	for (i = 0; i < g->n; i++) {
		if (g->row[i].table != RX_TABLE_MOVE)
			continue;
		if ((rc = rx_store_compare(m->s->store, RX_TABLE_MOVE,
		    g->row[i].v, &how, NULL, st)) != RX_OK)
			return (rc);
		if (how == RX_SAME)
			continue;
		*mine &= m->s->copy && how == RX_ABSENT;
		if (*mine && (rc = move_check(m, g, &g->row[i], mine, st)) !=
		    RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Fill in ${g}; *mine is false for a case that lies elsewhere, by what no move
 * says. */
static rx_err
group_load(struct merge *m, struct group *g, bool *mine,
    struct rx_status *st)
{
	const struct rx_passage *move;
	struct rx_status none;
	rx_err rc;

	*mine = true;
	group_sent(g);
	rx_status_clear(&none);
	if ((rc = rx_case_unit(m->s, g->id, g->at, &none)) == RX_OK)
		g->here = true;
	else if (rc != RX_ENOENT) {
		*st = none;
		return (rc);
	}
	if ((rc = epoch_stored(m, g, st)) != RX_OK ||
	    (rc = moves_read(m, g, mine, st)) != RX_OK)
		return (rc);
	move = move_last(g);
	memcpy(g->unit, move != NULL ? move->to : g->here ? g->at : g->sent,
	    RX_UNIT_BYTES);
	/* A case has one row of keys, and those before them in links. */
	if (g->unit[0] == '\0' || rx_unit_of_register(g->unit) || g->nkeys > 1)
		return (rx_merge_corrupt(st));
	if (g->comes != 0)
		*mine &= memcmp(g->sent, lay(g, 0, g->comes),
		    RX_UNIT_BYTES) == 0;
	return (RX_OK);
}

rx_err
rx_merge_unit_check(struct merge *m, const char *unit, struct rx_status *st)
{
	const uint8_t *user = m->cert->user;

	if (!rx_unit_covers(m->c->head.unit, unit) ||
	    (!rx_user_permitted(m->s, user, RX_ACT_WRITE_CASE, unit) &&
	    !rx_user_permitted(m->s, user, RX_ACT_SUPERVISE, unit)))
		return (rx_merge_not_entitled(m, st));
	if (rx_permitted(m->s, RX_ACT_SUPERVISE, unit))
		return (RX_OK);
	return (rx_permit(m->s, RX_ACT_WRITE_CASE, unit, st));
}

/* The same of a case: of one unit at least where it lies or lay. */
static rx_err
sides_check(struct merge *m, const struct group *g, struct rx_status *st)
{
	const struct rx_passage *move;
	struct rx_status no;
	size_t i, n;

	move = moves_of(g, &n);
	for (i = 0; i < n; i++) {
		rx_status_clear(&no);
		if (rx_merge_unit_check(m, move[i].from, &no) == RX_OK)
			return (RX_OK);
	}
	return (rx_merge_unit_check(m, g->unit, st));
}

/* Are all rows of the case that count here already, the same? */
static rx_err
nothing_new(struct merge *m, const struct group *g, bool *nothing,
    struct rx_status *st)
{
	enum rx_there how;
	size_t i, versions = 0;
	rx_err rc;

	*nothing = g->comes <= g->have && !(m->ended && g->here);
	for (i = 0; i < g->n && *nothing; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table == RX_TABLE_SLOT ||
		    r->table == RX_TABLE_SLOT_OLD ||
		    r->table == RX_TABLE_CASE_LINK ||
		    (r->table == RX_TABLE_CASE_KEY && g->comes < g->have))
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK)
			return (rc);
		/* A register of before has none. */
		if (r->table == RX_TABLE_SLOT_KEY) {
			*nothing = how != RX_ABSENT;
			continue;
		}
		versions += r->table != RX_TABLE_CASE_KEY &&
		    r->table != RX_TABLE_MOVE;
		*nothing = how == RX_SAME;
	}
	if (*nothing)
		m->info->present += versions;
	return (RX_OK);
}

/* Put the keys of the case that came, and take those away that they follow. */
static rx_err
case_keys_put(struct merge *m, const struct group *g, struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(g->id, RX_ID_BYTES),
	    rx_int(g->have) };
	enum rx_there how;
	size_t i;
	rx_err rc;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_CASE_KEY &&
		    r->table != RX_TABLE_CASE_LINK)
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK)
			return (rc);
		if (how == RX_OTHER)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BUNDLE_KEYS_DIFFER));
		if (how == RX_SAME)
			continue;
		m->info->keys++;
		m->changed = true;
		if ((rc = rx_store_insert(m->s->store, r->table, r->v, st)) !=
		    RX_OK)
			return (rc);
	}
	if (g->have == 0 || g->comes == g->have)
		return (RX_OK);
	return (rx_store_delete(m->s->store, RX_TABLE_CASE_KEY, key, NULL,
	    st));
}

/* Whether others of the same epochs are here: somebody made keys in a copy, where
 * nobody should, so that those of home are left out, and no more than those. */
static rx_err
keys_differ(struct merge *m, const struct group *g, bool *differ,
    struct rx_status *st)
{
	enum rx_there how;
	size_t i;
	rx_err rc;

	*differ = false;
	for (i = 0; i < g->n && !*differ; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_CASE_KEY &&
		    r->table != RX_TABLE_CASE_LINK)
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK)
			return (rc);
		*differ = how == RX_OTHER;
	}
	return (RX_OK);
}

/* The keys that the opener had must be among those that he has now. */
static rx_err
keys_go_on(const struct merge *m, const struct group *g,
    struct rx_status *st)
{
	const struct rx_case_epoch *a, *b;
	size_t k;

	if (m->now.n < g->have)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_KEYS_DIFFER));
	a = &m->old.e[m->old.n - 1];
	b = &m->now.e[g->have - 1];
	for (k = 0; k < 3; k++)
		if (a->key[k] != NULL && (b->key[k] == NULL ||
		    a->epoch != b->epoch || !rx_equal(a->key[k]->b,
		    b->key[k]->b, RX_KEY_BYTES)))
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BUNDLE_KEYS_DIFFER));
	return (RX_OK);
}

/* Whether the opener has the unit's keys under which those of the case come: in a
 * copy the newest may still be on their way from home. */
static rx_err
unit_keys_here(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	static const enum rx_compartment comps[3] = { RX_COMP_IDENTITY,
	    RX_COMP_NARRATIVE, RX_COMP_CODED };
	const struct rx_value *box;
	const struct rx_key *key;
	struct rx_status why;
	size_t i, k;
	rx_err rc = RX_OK;

	for (i = 0; i < g->n && *can; i++)
		for (k = 0; g->row[i].table == RX_TABLE_CASE_KEY && k < 3 &&
		    rc == RX_OK; k++) {
			box = &g->row[i].v[3 + k];
			if ((g->comps & RX_BIT(comps[k])) == 0 ||
			    rx_envelope_epoch(box->p, box->n) == 0)
				continue;
			rx_status_clear(&why);
			rc = rx_unit_key(m->s, g->unit, comps[k],
			    rx_envelope_epoch(box->p, box->n), &key, NULL,
			    &why);
			*can = rc == RX_OK;
		}
	if (rc == RX_OK || rc == RX_EPERM)
		return (RX_OK);
	*st = why;
	return (rc);
}

/* The keys of the case that is here into m->old; *can is false when the opener
 * lacks those of the unit under which somebody else has them already. */
static rx_err
old_keys(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	rx_status_clear(&why);
	rc = rx_case_load(&m->old, m->s, g->id, g->unit, g->comps, &why);
	*can = rc != RX_EPERM;
	if (rc == RX_OK || !*can)
		return (RX_OK);
	*st = why;
	return (rc);
}

/* Whether the keys that came are those that were signed with the newest move. */
static bool
sent_with_move(const struct group *g)
{
	const struct in_row *key = NULL, *move = NULL;
	size_t i, k;

	for (i = 0; i < g->n; i++)
		if (g->row[i].table == RX_TABLE_CASE_KEY)
			key = &g->row[i];
		else if (g->row[i].table == RX_TABLE_MOVE)
			move = &g->row[i];	/* oldest first */
	if (key == NULL || move == NULL || key->v[1].i != move->v[1].i)
		return (false);
	for (k = 3; k < 6; k++)
		if (key->v[k].n != move->v[k].n || memcmp(key->v[k].p,
		    move->v[k].p, key->v[k].n) != 0)
			return (false);
	return (true);
}

/* Bring m->now to the keys of the case after the merge; *can is false when they
 * cannot be verified here. */
static rx_err
case_keys(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	struct rx_session *s = m->s;
	bool differ;
	rx_err rc;

	if (s->copy && m->from_home) {
		if ((rc = keys_differ(m, g, &differ, st)) != RX_OK)
			return (rc);
		*can = !differ;
		if (differ)
			return (RX_OK);
	}
	/* Whoever has only the coded key takes new keys of a case from those
	 * alone who may make them. */
	*can = g->comes <= g->have || g->comps == RX_CASE_KEYS ||
	    rx_user_permitted(s, m->cert->user, RX_ACT_WRITE_CASE, g->unit) ||
	    sent_with_move(g);
	if (!*can)
		return (RX_OK);
	if (g->comes == 0 && g->have == 0)
		return (rx_merge_corrupt(st));
	/* Keys are made at home; whoever uses them up leaves it none. */
	if (!m->s->copy && g->comes > g->have && g->comes > RX_CASE_EPOCHS / 2)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_KEYS_DIFFER));
	if (g->have != 0 && (rc = old_keys(m, g, can, st)) != RX_OK)
		return (rc);
	if (!*can)
		return (RX_OK);
	if (g->comes >= g->have && ((rc = unit_keys_here(m, g, can, st)) !=
	    RX_OK || !*can || (rc = case_keys_put(m, g, st)) != RX_OK))
		return (rc);
	if ((rc = rx_case_load(&m->now, s, g->id, g->unit, g->comps, st)) !=
	    RX_OK)
		return (rc);
	return (g->have != 0 ? keys_go_on(m, g, st) : RX_OK);
}

/* ---- slots ---- */

/* The opener's slot as it came, with what it leads to; *came tells.  One of keys.db
 * is of a sender with an older program. */
static void
my_slot(struct rx_slot_seen *seen, const struct merge *m,
    const struct group *g, bool *came)
{
	const struct in_row *r;
	size_t i, k;

	memset(seen, 0, sizeof(*seen));
	*came = false;
	for (i = 0; i < g->n; i++) {
		r = &g->row[i];
		if (r->table == RX_TABLE_SLOT_KEY) {
			seen->epoch = r->v[1].i;
			for (k = 0; k < 2; k++) {
				seen->key[k] = r->v[2 + k].p;
				seen->nkey[k] = r->v[2 + k].n;
			}
		} else if ((r->table == RX_TABLE_SLOT ||
		    (r->table == RX_TABLE_SLOT_OLD && !*came)) &&
		    memcmp(r->v[1].p, m->s->user_id, RX_ID_BYTES) == 0) {
			seen->table = r->table;
			seen->box = r->v[2].p;
			seen->n = r->v[2].n;
			*came = true;
		}
	}
}

/* Try a slot of the opener, the one that is stored when ${seen} is NULL; *fits tells
 * that it is one of his, open or closed. */
static rx_err
slot_try(struct merge *m, const struct rx_slot_seen *seen, bool *opened,
    bool *fits, struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	rx_status_clear(&why);
	rc = seen == NULL ? rx_case_load_slot(&m->now, m->s, opened, &why) :
	    rx_case_try_slot(&m->now, m->s, seen, opened, &why);
	*fits = rc == RX_OK;
	if (rc == RX_OK || rc == RX_ECORRUPT)
		return (RX_OK);
	*st = why;
	return (rc);
}

/* A supervisor's own: the one that is here if it opens, or the one that came.
 * A bundle that is old or made up has none that opens and was not meant. */
static rx_err
slot_take(struct merge *m, const struct group *g, bool *opened,
    struct rx_status *st)
{
	struct rx_slot_seen seen;
	bool came, fits;
	rx_err rc;

	my_slot(&seen, m, g, &came);
	if ((rc = slot_try(m, NULL, opened, &fits, st)) != RX_OK || *opened ||
	    !came || !g->after.flagged)
		return (rc);
	return (slot_try(m, &seen, opened, &fits, st));
}

/* Whether the row ${r}, a slot or what slots lead to, is to be stored as it came:
 * there is none, or none of the newest keys, or it tells of a flag that was not known
 * here.  Whoever a slot is for verifies it; the opener has not got his open. */
static rx_err
slot_wanted(struct merge *m, const struct group *g, const struct in_row *r,
    bool *wanted, struct rx_status *st)
{
	const bool grew = g->after.flagged && (!g->before.flagged ||
	    g->after.above > g->before.above);
	const bool newer = g->comes > g->have;
	struct rx_slot_seen seen;
	enum rx_there how, old = RX_ABSENT;
	bool came, opened = false, closed = true;
	rx_err rc;

	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how, NULL,
	    st)) != RX_OK)
		return (rc);
	if (r->table == RX_TABLE_SLOT_KEY) {
		*wanted = r->v[1].i == (int64_t)g->comes &&
		    (how == RX_ABSENT || (how == RX_OTHER && newer));
		return (RX_OK);
	}
	if (how == RX_ABSENT && (rc = rx_store_compare(m->s->store,
	    RX_TABLE_SLOT_OLD, r->v, &old, NULL, st)) != RX_OK)
		return (rc);
	*wanted = how != RX_SAME && (newer || grew ||
	    (how == RX_ABSENT && old == RX_ABSENT));
	if (!*wanted || memcmp(r->v[1].p, m->s->user_id, RX_ID_BYTES) != 0)
		return (RX_OK);
	my_slot(&seen, m, g, &came);
	rc = slot_try(m, &seen, &opened, &closed, st);
	*wanted = closed && !opened && (newer || how == RX_ABSENT);
	return (rc);
}

/* The slots of others, and the keys to them, as the sender wrote them; nothing of
 * keys that others have followed here. */
static rx_err
slots_copy(struct merge *m, const struct group *g, struct rx_status *st)
{
	bool wanted = false;
	size_t i, k;
	rx_err rc;

	for (i = 0; i < g->n && g->comes >= g->have; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_SLOT_KEY &&
		    (r->table != RX_TABLE_SLOT ||
		    rx_review_step(m->s, g->unit, r->v[1].p) < 0))
			continue;
		for (k = 2; k < (r->table == RX_TABLE_SLOT ? 3 : 4); k++)
			if (r->v[k].n != (r->table == RX_TABLE_SLOT ?
			    RX_GRANT_BYTES : RX_ENV_KEY_BYTES))
				return (rx_merge_corrupt(st));
		if ((rc = slot_wanted(m, g, r, &wanted, st)) != RX_OK ||
		    (wanted && (rc = rx_store_replace(m->s->store, r->table,
		    r->v, st)) != RX_OK))
			return (rc);
	}
	return (RX_OK);
}

/* After the records: who may open identity and narrative now. */
static rx_err
slots_put(struct merge *m, struct group *g, struct rx_status *st)
{
	bool opened = g->comps == RX_CASE_KEYS;
	rx_err rc;

	if (!opened && (rc = slot_take(m, g, &opened, st)) != RX_OK)
		return (rc);
	if (opened)
		return (rx_slots_write(&m->now, m->s, g->after.flagged,
		    g->after.above, NULL, st));
	return (slots_copy(m, g, st));
}

/* Append id 16 || version 8 of the versions that query ${q} finds. */
static rx_err
versions_of(struct merge *m, const struct group *g, enum rx_query q,
    struct rx_buf *keys, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	int64_t version;
	const void *id;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, m->s->store, q, &arg, 1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &n);
		version = rx_col_int(cur, 1);
		if (n != RX_ID_BYTES)
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
		if (rc != RX_OK || (rc = rx_buf_add(keys, id, n, st)) !=
		    RX_OK || (rc = rx_buf_add(keys, &version, sizeof(version),
		    st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* What was taken here from others before it was known that its author had ended
 * makes the case unreadable now: it goes, as it would have been left out. */
static rx_err
case_clean(struct merge *m, const struct group *g, struct rx_status *st)
{
	struct rx_buf keys = RX_BUF_INIT;
	struct in_row r = { .table = RX_TABLE_RECORD };
	struct rx_status why;
	int64_t version;
	size_t i;
	rx_err rc;

	rc = versions_of(m, g, RX_Q_RECORD_VERSIONS, &keys, st);
	for (i = 0; i < keys.len && rc == RX_OK; i += RX_ID_BYTES +
	    sizeof(version)) {
		memcpy(&version, keys.b + i + RX_ID_BYTES, sizeof(version));
		r.v[0] = rx_bytes(keys.b + i, RX_ID_BYTES);
		r.v[1] = rx_int(version);
		rx_status_clear(&why);
		if ((rc = rx_merge_verify(m, &m->now, &r, &why)) == RX_OK)
			continue;
		if (left_out(m, &why)) {
			m->changed = true;
			rc = rx_store_delete(m->s->store, r.table, r.v, NULL,
			    st);
		} else
			*st = why;
	}
	rx_buf_free(&keys);
	return (rc);
}

/* The child that came was left out: nothing of its case stays. */
static rx_err
case_drop(struct merge *m, const struct group *g, struct rx_status *st)
{
	size_t i;
	rx_err rc = RX_OK;

	*m->info = g->was;
	m->changed = g->changed;
	for (i = 0; i < g->n && rc == RX_OK; i++) {
		const struct in_row *r = &g->row[i];

		m->info->refused += r->table == RX_TABLE_CHILD ||
		    r->table == RX_TABLE_RECORD;
		rc = rx_store_delete(m->s->store, r->table, r->v, NULL, st);
	}
	return (rc);
}

/* Put the versions of the case, whose keys are at hand; *dropped tells that its
 * child is not taken. */
static rx_err
versions_put(struct merge *m, struct group *g, bool *dropped,
    struct rx_status *st)
{
	struct rx_case_sum *sum;
	struct rx_status why;
	size_t i;
	rx_err rc = RX_OK;

	*dropped = false;
	if (g->here && m->ended && (rc = case_clean(m, g, st)) != RX_OK)
		return (rc);
	if (g->here && (rc = rx_case_state(m->s, &m->now, &g->before, NULL,
	    NULL, st)) != RX_OK)
		return (rc);
	for (i = 0; i < g->n && rc == RX_OK; i++)
		if (g->row[i].table == RX_TABLE_CHILD ||
		    g->row[i].table == RX_TABLE_RECORD)
			rc = rx_merge_version(m, &m->now, &g->row[i], g->unit, st);
	if (rc != RX_OK)
		return (rc);
	/* There must be a child, whose records these are. */
	rx_status_clear(&why);
	rc = rx_case_sum_new(&sum, m->s, &m->now, &why);
	*dropped = rc == RX_ENOENT && !g->here &&
	    m->info->refused > g->was.refused;
	if (*dropped)
		return (case_drop(m, g, st));
	if (rc != RX_OK) {
		*st = why;
		return (rc);
	}
	g->after = *rx_case_sum_state(sum);
	rc = rx_extract_put(rx_case_sum_extract(sum), m->s, &m->now, st);
	rx_case_sum_free(sum);
	return (rc);
}

/* ---- moves ---- */

/* Insert the moves that are new. */
static rx_err
moves_insert(struct merge *m, const struct group *g, struct rx_status *st)
{
	enum rx_there how;
	size_t i;
	rx_err rc;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_MOVE)
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK || (how != RX_SAME &&
		    (rc = rx_store_insert(m->s->store, r->table, r->v, st)) !=
		    RX_OK))
			return (rc);
		m->changed |= how != RX_SAME;
	}
	return (RX_OK);
}

/* The keys that the case, which is here, got with the newest move ${move} take the
 * place of those that it had, which are older (move_follows). */
static rx_err
moved_keys(struct merge *m, struct group *g, const struct rx_passage *move,
    struct rx_status *st)
{
	struct rx_value old[2] = { rx_bytes(g->id, RX_ID_BYTES),
	    rx_int(g->have) };
	struct rx_value v[6];
	enum rx_there how;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < g->n && rc == RX_OK; i++) {
		const struct in_row *r = &g->row[i];

		if (r->v[1].i > (int64_t)move->epoch)
			continue;
		if (r->table == RX_TABLE_MOVE &&
		    r->v[1].i == (int64_t)move->epoch) {
			moved_key(v, move, r);
			rc = rx_store_insert(m->s->store, RX_TABLE_CASE_KEY, v,
			    st);
		}
		if (r->table != RX_TABLE_CASE_LINK)
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) == RX_OK && how == RX_OTHER)
			rc = rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BUNDLE_KEYS_DIFFER);
		if (rc == RX_OK && how == RX_ABSENT)
			rc = rx_store_insert(m->s->store, r->table, r->v, st);
	}
	if (rc == RX_OK && g->have != 0)
		rc = rx_store_delete(m->s->store, RX_TABLE_CASE_KEY, old, NULL,
		    st);
	g->have = move->epoch;
	m->info->keys++;
	return (rc);
}

/* The version of the child that came with ${move}: there is one (move_check). */
static rx_err
moved_child_put(struct merge *m, const struct group *g,
    const struct rx_passage *move, struct rx_status *st)
{
	const struct in_row *r = moved_child(g, move);
	enum rx_there how;
	rx_err rc;

	rx_buf_reset(&m->bytes);
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
	    &m->bytes, st)) != RX_OK || how == RX_SAME)
		return (rc);
	if (how == RX_OTHER && (rc = conflict_keep(m, r, g->unit, m->bytes.b,
	    m->bytes.len, st)) != RX_OK)
		return (rc);
	m->info->children++;
	return (rx_store_replace(m->s->store, r->table, r->v, st));
}

/* What was written here of the child where it had left before, as is known now,
 * goes to conflict. */
static rx_err
passed_aside(struct merge *m, const struct group *g, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	struct rx_buf rows = RX_BUF_INIT;
	struct in_row r;
	size_t at, n;
	rx_err rc;

	rc = rx_rows_add(&rows, m->s, RX_Q_CHILD_HISTORY, RX_TABLE_CHILD, &arg,
	    st);
	for (at = 0; at < rows.len && rc == RX_OK; at += 4 + n) {
		memset(&r, 0, sizeof(r));
		r.n = n = rx_get32(rows.b + at);
		r.p = rows.b + at + 4;
		rc = rx_row_decode(&r.table, r.v, r.p, r.n, st);
		r.child = r.v[0].p;
		if (rc == RX_OK && !stands(m, &r) && (rc = conflict_keep(m, &r,
		    g->unit, r.p, r.n, st)) == RX_OK)
			rc = rx_store_delete(m->s->store, r.table, r.v, NULL,
			    st);
	}
	rx_buf_free(&rows);
	return (rc);
}

/* Bring the case, which is here, to where it lay when it was accepted last. */
static rx_err
moves_apply(struct merge *m, struct group *g, struct rx_status *st)
{
	const struct rx_passage *move;
	uint32_t slots = 0;
	size_t i, n;
	rx_err rc;

	move = moves_of(g, &n);
	if (n == g->known)
		return (RX_OK);
	rx_known_free(m->s);
	if ((rc = moves_insert(m, g, st)) != RX_OK ||
	    (rc = moved_keys(m, g, &move[n - 1], st)) != RX_OK)
		return (rc);
	for (i = g->known; i < n && rc == RX_OK; i++)
		rc = moved_child_put(m, g, &move[i], st);
	if (rc != RX_OK || (rc = passed_aside(m, g, st)) != RX_OK)
		return (rc);
	/* They were for who supervised it before. */
	return (rx_slots_forget(m->s, g->id, &slots, st));
}

/* ---- for who has no keys where the case lies ---- */

/* Load the case with the keys that it had where the opener still is: those here,
 * while the move is news; *can. */
static rx_err
keys_before(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	const unsigned comps = rx_permitted(m->s, RX_ACT_WRITE_CASE, g->at) ?
	    RX_CASE_KEYS : RX_BIT(RX_COMP_CODED);
	struct rx_status why;
	rx_err rc;

	*can = false;
	if (comps != RX_CASE_KEYS && !rx_permitted(m->s, RX_ACT_SUPERVISE,
	    g->at))
		return (RX_OK);
	rx_status_clear(&why);
	rc = rx_case_load(&m->now, m->s, g->id, g->at, comps, &why);
	*can = rc == RX_OK;
	if (rc == RX_OK || rc == RX_EPERM)
		return (RX_OK);
	*st = why;
	return (rc);
}

/* The move that left the unit of the keys ${r}, of the epoch before it; NULL. */
static const struct rx_passage *
move_after(const struct group *g, const struct in_row *r)
{
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = 0; i < n; i++)
		if (r->v[1].i + 1 == (int64_t)m[i].epoch &&
		    memcmp(m[i].from, g->sent, RX_UNIT_BYTES) == 0)
			return (&m[i]);
	return (NULL);
}

/* Put the row of keys ${in} in the place of ${out}. */
static rx_err
keys_swap(struct merge *m, const struct rx_value *out,
    const struct rx_value *in, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_store_delete(m->s->store, RX_TABLE_CASE_KEY, out, NULL,
	    st)) != RX_OK)
		return (rc);
	return (rx_store_insert(m->s->store, RX_TABLE_CASE_KEY, in, st));
}

/* Whether the newest keys of m->now are those that ${move} says were offered. */
static rx_err
keys_are(const struct merge *m, const struct rx_passage *move, bool *same,
    struct rx_status *st)
{
	const struct rx_case_epoch *e = &m->now.e[m->now.n - 1];
	uint8_t hash[RX_HASH_BYTES];
	struct rx_secret *mem;
	struct rx_key *keys;
	size_t k;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, 3 * sizeof(*keys), st)) != RX_OK)
		return (rc);
	keys = (struct rx_key *)(void *)mem->b;
	for (k = 0; k < 3; k++)
		keys[k] = *e->key[k];
	rx_grant_keys_hash(hash, keys);
	*same = memcmp(hash, move->offer.keys, sizeof(hash)) == 0;
	rx_secret_free(mem);	/* wipes */
	return (RX_OK);
}

/* Load it with the keys ${r} that came from a register which does not know of the
 * move yet.  They are put in their place for that; *can tells that they are those
 * which the move says were offered. */
static rx_err
keys_offered(struct merge *m, const struct group *g, const struct in_row *r,
    bool *can, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	const struct rx_passage *move = move_after(g, r);
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_buf kept = RX_BUF_INIT;
	struct rx_status why;
	enum rx_table table;
	rx_err rc;

	*can = false;
	if (move == NULL || g->have == 0 ||
	    !rx_permitted(m->s, RX_ACT_WRITE_CASE, g->sent))
		return (RX_OK);
	if ((rc = rx_rows_add(&kept, m->s, RX_Q_CASE_KEYS, RX_TABLE_CASE_KEY,
	    &arg, st)) != RX_OK || (rc = rx_row_decode(&table, v, kept.b + 4,
	    kept.len - 4, st)) != RX_OK ||
	    (rc = keys_swap(m, v, r->v, st)) != RX_OK)
		goto done;
	rx_status_clear(&why);
	if (rx_case_load(&m->now, m->s, g->id, g->sent, RX_CASE_KEYS, &why) ==
	    RX_OK)
		rc = keys_are(m, move, can, st);
	if (rc == RX_OK)
		rc = keys_swap(m, r->v, v, st);
done:
	rx_buf_free(&kept);
	return (rc);
}

/* Whether the opener has the key that the row ${r} lies under. */
static bool
lies_before(const struct merge *m, const struct in_row *r)
{
	const struct rx_value *box = &r->v[r->table == RX_TABLE_CHILD ? 11 : 5];
	const uint32_t epoch = rx_envelope_epoch(box->p, box->n);

	return (epoch <= m->now.e[m->now.n - 1].epoch);
}

/* Put the versions that lie under the keys at hand (none unless ${can}); *left
 * tells that others are not here. */
static rx_err
versions_before(struct merge *m, const struct group *g, bool can, bool *left,
    struct rx_status *st)
{
	enum rx_there how;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < g->n && rc == RX_OK; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_CHILD && r->table != RX_TABLE_RECORD)
			continue;
		if (can && lies_before(m, r))
			rc = rx_merge_version(m, &m->now, r, g->unit, st);
		else if ((rc = rx_store_compare(m->s->store, r->table, r->v,
		    &how, NULL, st)) == RX_OK)
			*left |= how != RX_SAME &&
			    (r->table != RX_TABLE_CHILD ||
			    move_with(g, r) == NULL || !stands(m, r));
	}
	return (rc);
}

/* The case, which is here, lies where the opener is nobody. */
static rx_err
before_put(struct merge *m, struct group *g, struct rx_status *st)
{
	const struct in_row *key = NULL;
	bool can = false, left = false;
	size_t i, n;
	rx_err rc = RX_OK;

	(void)moves_of(g, &n);
	for (i = 0; i < g->n; i++)
		if (g->row[i].table == RX_TABLE_CASE_KEY)
			key = &g->row[i];
	if (n > g->known)
		rc = keys_before(m, g, &can, st);
	else if (key != NULL)
		rc = keys_offered(m, g, key, &can, st);
	if (rc != RX_OK || (rc = versions_before(m, g, can, &left, st)) !=
	    RX_OK || (rc = moves_apply(m, g, st)) != RX_OK)
		return (rc);
	m->info->skipped += left;
	rx_known_free(m->s);
	/* Versions may have been put, and the newest key is not the opener's. */
	if (can && (rc = rx_extract_forget(m->s, g->id, st)) != RX_OK)
		return (rc);
	return (n > g->known && g->comes == g->have ? slots_copy(m, g, st) :
	    RX_OK);
}

/* All rows of one case whose keys the opener has where it lies. */
static rx_err
case_merge(struct merge *m, struct group *g, struct rx_status *st)
{
	bool can, dropped;
	rx_err rc;

	if ((g->here && (rc = moves_apply(m, g, st)) != RX_OK) ||
	    (rc = case_keys(m, g, &can, st)) != RX_OK)
		return (rc);
	if (!can) {
		m->info->skipped++;
		return (RX_OK);
	}
	if ((rc = moves_insert(m, g, st)) != RX_OK ||
	    (rc = versions_put(m, g, &dropped, st)) != RX_OK || dropped)
		return (rc);
	rx_known_free(m->s);
	return (slots_put(m, g, st));
}

/* Whether the case is left as it is: it was erased here, and does not come back; it
 * was offered to another register, and what comes now would not go with it (the
 * next bundle has it again); or it lies elsewhere by what no move says. */
static rx_err
left_alone(struct merge *m, const struct group *g, bool mine, bool *alone,
    struct rx_status *st)
{
	bool erased, away;
	rx_err rc;

	*alone = true;
	if ((rc = rx_erased(m->s, g->id, &erased, st)) != RX_OK ||
	    (rc = rx_departure_is_open(m->s, g->id, &away, st)) != RX_OK)
		return (rc);
	m->info->erased += erased;
	m->info->skipped += !erased && (away || !mine);
	*alone = erased || away || !mine;
	return (RX_OK);
}

/* All rows of one case. */
static rx_err
case_put(struct merge *m, struct group *g, struct rx_status *st)
{
	bool mine, alone, nothing;
	rx_err rc;

	if ((rc = group_load(m, g, &mine, st)) != RX_OK ||
	    (mine && (rc = sides_check(m, g, st)) != RX_OK) ||
	    (rc = left_alone(m, g, mine, &alone, st)) != RX_OK || alone ||
	    (rc = nothing_new(m, g, &nothing, st)) != RX_OK || nothing)
		return (rc);
	g->comps = rx_permitted(m->s, RX_ACT_WRITE_CASE, g->unit) ?
	    RX_CASE_KEYS : rx_permitted(m->s, RX_ACT_SUPERVISE, g->unit) ?
	    RX_BIT(RX_COMP_CODED) : 0;
	g->was = *m->info;
	g->changed = m->changed;
	if (g->comps != 0)
		return (case_merge(m, g, st));
	if (g->here)
		return (before_put(m, g, st));
	m->info->skipped++;
	return (RX_OK);
}

rx_err
rx_merge_cases(struct merge *m, struct rx_status *st)
{
	struct group g;
	size_t i, k;
	rx_err rc = RX_OK;

	for (i = 0; i < m->n && m->row[i].child == NULL; i++)
		;
	for (; i < m->n && rc == RX_OK; i = k) {
		for (k = i + 1; k < m->n && memcmp(m->row[k].child,
		    m->row[i].child, RX_ID_BYTES) == 0; k++)
			;
		memset(&g, 0, sizeof(g));
		g.row = &m->row[i];
		g.n = k - i;
		g.id = m->row[i].child;
		m->g = &g;
		rc = case_put(m, &g, st);
		m->g = NULL;
		rx_buf_free(&g.moves);
	}
	return (rc);
}
