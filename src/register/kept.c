#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/*
 * What a session has read of its cases (known.c), kept for its user's next one,
 * which reads only what is new since: sealed to him alone, one row a user, in
 * keys.db.  No names and no id numbers: these are opened each time.
 *
 * It is a cache.  Nothing rests on it: it says at which entry of the audit it was
 * true, and the session follows the audit from there as it does from what it read
 * itself; of another chain, with other settings, of another user or register, or
 * not whole, it is as good as none, and everything is read.  So an old one that
 * somebody puts back costs its reader time and shows him nothing old.  It is in
 * no manifest and no audit.  What erases deletes all of them in its transaction.
 *
 * K = BLAKE2b-256(key = the user's seed, "runxin kept key v1\0")
 * The row is a field (compartment C, epoch FORMAT, padded as a note) under K at:
 * store, no unit, object = the user, table kept, column 1, version FORMAT.  It
 * holds (integers are little-endian):
 *   seq 8 || hash 32 of the entry of the audit || context 32 || units 4, then
 *   for each unit: code 16 || cases 4, then for each case:
 *     id 16 || bits 1 (1: was read, 2: withdrawn, 4: closed, 8: moved), and when
 *     it was read:
 *     author 16 || at 8 || epoch 4 || observations 4 || interventions 4 ||
 *     risk 8 || last 4 || due 4 || closed on 4 || consent on 4 || kept until 4 ||
 *     kept on 4 || birth 4 || version 4 || reviewed 4 || coded bytes 4 ||
 *     flags 4 || the coded fields of the child (register/record.h), and each flag:
 *       id 16 || author 16 || raiser 16 || live 16 || raised by 1 || bits 1 (1: by rule,
 *       2: corrected, 4: again) || state 1 || risk that it was 1 ||
 *       escalations 4 || date 4 || signs 8 || at 8 || since 8 || answered 8 ||
 *       bytes 4 || the raising record's number
 * and zeros up to CASE_ROOM bytes a case, so that its size tells how many cases
 * there are, which the clear columns tell too.  A register with very many flags may
 * need more.
 * context = BLAKE2b-256("runxin kept context v1\0" || settings, 4 each || of each
 * code: list 4 || number 4 || attributes || 0).
 */

#define COL_SEALED 1
#define FORMAT 3	/* another one when the same records come to other sums */
#define HEAD_BYTES (8 + RX_HASH_BYTES + RX_HASH_BYTES + 4)
#define UNIT_HEAD (RX_UNIT_BYTES + 4)
#define CASE_HEAD (RX_ID_BYTES + 1)
#define CASE_READ 88
#define FLAG_BYTES 112
#define CASE_ROOM 320
#define LEAST_ROOM 4096
#define MOST_BYTES (32u << 20)	/* more is not kept: some 100,000 cases */

enum { BIT_READ = 1, BIT_WITHDRAWN = 2, BIT_CLOSED = 4, BIT_MOVED = 8 };
enum { BIT_BY_RULE = 1, BIT_CORRECTED = 2, BIT_AGAIN = 4 };	/* of a flag */

/* K in scratch 0, for the caller to wipe. */
static void
key_make(struct rx_session *s, struct rx_place *where)
{

	rx_hash(s->scratch[0]->b, RX_KEY_BYTES, s->blob->seed,
	    "runxin kept key v1", NULL, 0);
	rx_place_init(where, s, "", s->user_id, NULL, RX_TABLE_KEPT,
	    COL_SEALED, FORMAT);
}

/* What else than its records a case's sums are made of. */
static rx_err
context_hash(uint8_t hash[RX_HASH_BYTES], const struct rx_session *s,
    struct rx_status *st)
{
	struct rx_buf b = RX_BUF_INIT;
	const struct rx_code *code;
	uint8_t head[8];
	size_t i, n;
	int k;
	rx_err rc = RX_OK;

	for (k = 0; k < RX_SETTINGS && rc == RX_OK; k++) {
		rx_put32(head, (uint32_t)rx_setting(s, (enum rx_setting)k));
		rc = rx_buf_add(&b, head, 4, st);
	}
	for (k = 1; k < RX_LIST_COUNT; k++) {
		code = rx_codes((enum rx_list)k, &n);
		for (i = 0; i < n && rc == RX_OK; i++) {
			rx_put32(head, (uint32_t)k);
			rx_put32(head + 4, code[i].no);
			if ((rc = rx_buf_add(&b, head, sizeof(head), st)) ==
			    RX_OK)
				rc = rx_buf_add(&b, code[i].attr,
				    strlen(code[i].attr) + 1, st);
		}
	}
	if (rc == RX_OK)
		rx_hash(hash, RX_HASH_BYTES, NULL, "runxin kept context v1",
		    b.b, b.len);
	rx_buf_free(&b);
	return (rc);
}

/* ---- writing ---- */

static rx_err
flag_put(struct rx_buf *b, const struct rx_flag *f, struct rx_status *st)
{
	const size_t n = strlen(f->caller_id);
	uint8_t p[FLAG_BYTES];
	rx_err rc;

	memcpy(p, f->id, RX_ID_BYTES);
	memcpy(p + 16, f->author, RX_ID_BYTES);
	memcpy(p + 32, f->raiser, RX_ID_BYTES);
	memcpy(p + 48, f->live, RX_ID_BYTES);
	p[64] = (uint8_t)f->raised_by;
	p[65] = (uint8_t)((f->by_rule ? BIT_BY_RULE : 0) |
	    (f->corrected ? BIT_CORRECTED : 0) | (f->again ? BIT_AGAIN : 0));
	p[66] = (uint8_t)f->state;
	p[67] = (uint8_t)f->was;
	rx_put32(p + 68, f->escalations);
	rx_put32(p + 72, (uint32_t)f->date);
	rx_put64(p + 76, f->signs);
	rx_put64(p + 84, (uint64_t)f->at);
	rx_put64(p + 92, (uint64_t)f->since);
	rx_put64(p + 100, (uint64_t)f->answered);
	rx_put32(p + 108, (uint32_t)n);
	if ((rc = rx_buf_add(b, p, sizeof(p), st)) != RX_OK)
		return (rc);
	return (rx_buf_add(b, f->caller_id, n, st));
}

/* The case ${k}, when it was read. */
static rx_err
read_put(struct rx_buf *b, const struct rx_known *k, struct rx_status *st)
{
	const struct rx_case_state *state = &k->state;
	uint8_t p[CASE_READ];
	size_t i;
	rx_err rc;

	memcpy(p, k->author, RX_ID_BYTES);
	rx_put64(p + 16, (uint64_t)k->at);
	rx_put32(p + 24, k->epoch);
	rx_put32(p + 28, state->observations);
	rx_put32(p + 32, state->interventions);
	rx_put64(p + 36, (uint64_t)state->risk);
	rx_put32(p + 44, (uint32_t)state->last);
	rx_put32(p + 48, (uint32_t)state->due);
	rx_put32(p + 52, (uint32_t)state->closed_on);
	rx_put32(p + 56, (uint32_t)state->consent_on);
	rx_put32(p + 60, (uint32_t)state->kept_until);
	rx_put32(p + 64, (uint32_t)state->kept_on);
	rx_put32(p + 68, (uint32_t)state->birth);
	rx_put32(p + 72, state->version);
	rx_put32(p + 76, state->reviewed);
	rx_put32(p + 80, (uint32_t)k->coded.len);
	rx_put32(p + 84, (uint32_t)k->nflags);
	if ((rc = rx_buf_add(b, p, sizeof(p), st)) != RX_OK ||
	    (rc = rx_buf_add(b, k->coded.b, k->coded.len, st)) != RX_OK)
		return (rc);
	for (i = 0; i < k->nflags && rc == RX_OK; i++)
		rc = flag_put(b, &k->flags[i], st);
	return (rc);
}

static rx_err
unit_put(struct rx_buf *b, const struct rx_known_unit *u, struct rx_status *st)
{
	uint8_t p[UNIT_HEAD];
	const struct rx_known *k;
	size_t i;
	rx_err rc;

	memcpy(p, u->unit, RX_UNIT_BYTES);
	rx_put32(p + RX_UNIT_BYTES, (uint32_t)u->n);
	rc = rx_buf_add(b, p, sizeof(p), st);
	for (i = 0; i < u->n && rc == RX_OK; i++) {
		k = &u->k[i];
		memcpy(p, k->id, RX_ID_BYTES);
		p[RX_ID_BYTES] = (uint8_t)((k->read ? BIT_READ : 0) |
		    (k->state.withdrawn ? BIT_WITHDRAWN : 0) |
		    (k->state.closed ? BIT_CLOSED : 0) |
		    (k->state.moved ? BIT_MOVED : 0));
		if ((rc = rx_buf_add(b, p, CASE_HEAD, st)) == RX_OK && k->read)
			rc = read_put(b, k, st);
	}
	return (rc);
}

/* All that the session has read; units whose children are to be listed again
 * are left out. */
static rx_err
all_put(struct rx_buf *b, const struct rx_session *s, struct rx_status *st)
{
	uint8_t *p;
	size_t i, cases = 0, room;
	uint32_t units = 0;
	rx_err rc;

	if ((rc = rx_buf_extend(b, HEAD_BYTES, &p, st)) != RX_OK ||
	    (rc = context_hash(p + 40, s, st)) != RX_OK)
		return (rc);
	rx_put64(p, s->known_to.seq);
	memcpy(p + 8, s->known_to.hash, RX_HASH_BYTES);
	for (i = 0; i < s->nknown; i++) {
		if (!s->known[i]->listed)
			continue;
		units++;
		cases += s->known[i]->n;
		if ((rc = unit_put(b, s->known[i], st)) != RX_OK)
			return (rc);
	}
	rx_put32(b->b + HEAD_BYTES - 4, units);
	room = LEAST_ROOM + cases * CASE_ROOM;
	return (b->len >= room ? RX_OK :
	    rx_buf_extend(b, room - b->len, &p, st));
}

/* Put what the session knows in the row of its user; in a transaction. */
static rx_err
row_write(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf plain = RX_BUF_INIT, box = RX_BUF_INIT;
	struct rx_value v[2] = { rx_bytes(s->user_id, RX_ID_BYTES) };
	struct rx_place where;
	rx_err rc;

	if ((rc = all_put(&plain, s, st)) == RX_OK) {
		key_make(s, &where);
		rc = rx_field_seal(&box, s->scratch[0], RX_COMP_CODED, FORMAT,
		    &where, RX_PAD_NOTE, plain.b, plain.len, st);
		rx_wipe(s->scratch[0]->b, RX_KEY_BYTES);
	}
	if (rc == RX_OK) {
		v[1] = rx_bytes(box.b, box.len);
		rc = rx_store_replace(s->store, RX_TABLE_KEPT, v, st);
	}
	rx_buf_free(&plain);
	rx_buf_free(&box);
	return (rc);
}

/* The same, unless something was done since that is not known case by case: what
 * others have erased meanwhile must not come back. */
static rx_err
row_write_current(struct rx_session *s, struct rx_status *st)
{
	struct rx_audit_head head;
	bool follows = false;
	rx_err rc;

	if ((rc = rx_audit_head(s, &head, st)) == RX_OK &&
	    (follows = rx_known_follows(s, &head))) {
		s->known_to = head;
		rc = row_write(s, st);
	}
	if (rc == RX_OK && follows)
		rc = rx_store_commit(s->store, st);
	if (rc != RX_OK || !follows) {
		rx_abandon(s);
		return (rc);
	}
	s->kept.seq = head.seq;
	return (RX_OK);
}

rx_err
rx_kept_save(struct rx_session *s, struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	s->kept.fresh = 0;	/* or at every list until there is room */
	if (rx_known_cases(s) > (MOST_BYTES - LEAST_ROOM) / CASE_ROOM)
		return (RX_OK);
	rx_status_clear(&why);
	rx_store_patient(s->store, false);	/* nobody waits for it */
	/* As any write: who is no member any more, or has new keys, keeps
	 * nothing. */
	rc = rx_begin(s, &why);
	if (rc == RX_EPERM || rc == RX_ECONFLICT)
		rc = RX_OK;
	else if (rc == RX_OK)
		rc = row_write_current(s, &why);
	rx_store_patient(s->store, true);
	/* Only a cache: whoever reads may do so while others write, or on a disk
	 * that is full.  Any other failure is told. */
	if (rc == RX_EIO && (why.msg == RX_MSG_STORE_BUSY ||
	    why.msg == RX_MSG_STORE_FULL))
		rc = RX_OK;
	else if (rc != RX_OK)
		*st = why;
	return (rc);
}

/* ---- reading ---- */

struct in {
	const uint8_t *p;
	size_t left;
};

/* The next ${n} bytes; NULL when there are not so many. */
static const uint8_t *
take(struct in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (n > in->left)
		return (NULL);
	in->p += n;
	in->left -= n;
	return (p);
}

/* The next flag; *whole is false when it is none. */
static void
flag_take(struct rx_flag *f, struct in *in, bool *whole)
{
	const uint8_t *p = take(in, FLAG_BYTES), *text;
	size_t n;

	*whole = false;
	if (p == NULL || (n = rx_get32(p + 108)) >= sizeof(f->caller_id) ||
	    (text = take(in, n)) == NULL)
		return;
	memcpy(f->id, p, RX_ID_BYTES);
	memcpy(f->author, p + 16, RX_ID_BYTES);
	memcpy(f->raiser, p + 32, RX_ID_BYTES);
	memcpy(f->live, p + 48, RX_ID_BYTES);
	f->raised_by = (enum rx_type)p[64];
	f->by_rule = (p[65] & BIT_BY_RULE) != 0;
	f->corrected = (p[65] & BIT_CORRECTED) != 0;
	f->again = (p[65] & BIT_AGAIN) != 0;
	f->state = (enum rx_flag_state)p[66];
	f->was = p[67];
	f->escalations = rx_get32(p + 68);
	f->date = (int32_t)rx_get32(p + 72);
	f->signs = rx_get64(p + 76);
	f->at = (int64_t)rx_get64(p + 84);
	f->since = (int64_t)rx_get64(p + 92);
	f->answered = (int64_t)rx_get64(p + 100);
	memcpy(f->caller_id, text, n);
	*whole = true;
}

static void
state_take(struct rx_known *k, const uint8_t *p, uint8_t bits)
{
	struct rx_case_state *state = &k->state;

	memcpy(k->author, p, RX_ID_BYTES);
	k->at = (int64_t)rx_get64(p + 16);
	k->epoch = rx_get32(p + 24);
	state->observations = rx_get32(p + 28);
	state->interventions = rx_get32(p + 32);
	state->risk = (int64_t)rx_get64(p + 36);
	state->last = (int32_t)rx_get32(p + 44);
	state->due = (int32_t)rx_get32(p + 48);
	state->closed_on = (int32_t)rx_get32(p + 52);
	state->consent_on = (int32_t)rx_get32(p + 56);
	state->kept_until = (int32_t)rx_get32(p + 60);
	state->kept_on = (int32_t)rx_get32(p + 64);
	state->birth = (int32_t)rx_get32(p + 68);
	state->version = rx_get32(p + 72);
	state->reviewed = rx_get32(p + 76);
	state->withdrawn = (bits & BIT_WITHDRAWN) != 0;
	state->closed = (bits & BIT_CLOSED) != 0;
	state->moved = (bits & BIT_MOVED) != 0;
}

/* What was read of the case ${k}. */
static rx_err
read_take(struct rx_known *k, struct in *in, uint8_t bits, bool *whole,
    struct rx_status *st)
{
	const uint8_t *p = take(in, CASE_READ), *coded;
	size_t i, n, nflags;
	rx_err rc;

	*whole = false;
	if (p == NULL || (coded = take(in, n = rx_get32(p + 80))) == NULL ||
	    (nflags = rx_get32(p + 84)) > in->left / FLAG_BYTES)
		return (RX_OK);
	state_take(k, p, bits);
	if ((rc = rx_buf_add(&k->coded, coded, n, st)) != RX_OK)
		return (rc);
	*whole = k->read = true;
	if (nflags == 0)
		return (RX_OK);
	if ((k->flags = calloc(nflags, sizeof(*k->flags))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	k->nflags = nflags;
	for (i = 0; i < nflags && *whole; i++)
		flag_take(&k->flags[i], in, whole);
	return (RX_OK);
}

static rx_err
unit_take(struct rx_session *s, struct in *in, bool *whole,
    struct rx_status *st)
{
	const uint8_t *p = take(in, UNIT_HEAD), *head;
	struct rx_known_unit *u;
	size_t i, n;
	rx_err rc;

	*whole = p != NULL &&
	    (n = rx_get32(p + RX_UNIT_BYTES)) <= in->left / CASE_HEAD;
	if (!*whole)
		return (RX_OK);
	if ((rc = rx_known_place(s, (const char *)p, &u, st)) != RX_OK)
		return (rc);
	if (!(*whole = u->k == NULL))
		return (RX_OK);
	if ((u->k = calloc(n + 1, sizeof(*u->k))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	u->n = n;
	u->listed = true;
	for (i = 0; i < n && *whole && rc == RX_OK; i++) {
		if (!(*whole = (head = take(in, CASE_HEAD)) != NULL))
			break;
		memcpy(u->k[i].id, head, RX_ID_BYTES);
		if ((head[RX_ID_BYTES] & BIT_READ) != 0)
			rc = read_take(&u->k[i], in, head[RX_ID_BYTES], whole,
			    st);
	}
	return (rc);
}

/* Take all of the opened ${plain}; *whole is false when it is of other settings,
 * or not what would have been written. */
static rx_err
all_take(struct rx_session *s, const struct rx_buf *plain, bool *whole,
    struct rx_status *st)
{
	struct in in = { plain->b, plain->len };
	uint8_t context[RX_HASH_BYTES];
	const uint8_t *head = take(&in, HEAD_BYTES);
	uint32_t units;
	rx_err rc;

	*whole = false;
	if (head == NULL || (rc = context_hash(context, s, st)) != RX_OK)
		return (head == NULL ? RX_OK : rc);
	*whole = memcmp(context, head + 40, RX_HASH_BYTES) == 0;
	for (units = rx_get32(head + HEAD_BYTES - 4); units > 0 && *whole;
	    units--)
		if ((rc = unit_take(s, &in, whole, st)) != RX_OK)
			return (rc);
	s->known_to.seq = rx_get64(head);
	memcpy(s->known_to.hash, head + 8, RX_HASH_BYTES);
	return (RX_OK);
}

/* Open the row of the session's user into ${plain}. */
static rx_err
row_open(struct rx_buf *plain, struct rx_session *s, bool *opened,
    struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(s->user_id, RX_ID_BYTES);
	struct rx_status why;
	struct rx_place where;
	struct rx_cursor *cur;
	const uint8_t *box;
	size_t n;
	rx_err rc;

	*opened = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_KEPT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, opened, st)) == RX_OK && *opened) {
		box = rx_col_bytes(cur, COL_SEALED, &n);
		key_make(s, &where);
		rx_status_clear(&why);
		rc = rx_field_open(plain, box, n, s->scratch[0], RX_COMP_CODED,
		    &where, &why);
		rx_wipe(s->scratch[0]->b, RX_KEY_BYTES);
		*opened = rc == RX_OK;
		/* Whoever can write to the file can spoil it. */
		if (rc == RX_ECORRUPT)
			rc = RX_OK;
		else if (rc != RX_OK)
			*st = why;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_kept_load(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf plain = RX_BUF_INIT;
	bool whole = false;
	rx_err rc;

	s->kept.tried = true;
	rx_known_free(s);
	if ((rc = row_open(&plain, s, &whole, st)) == RX_OK && whole)
		rc = all_take(s, &plain, &whole, st);
	if (rc != RX_OK || !whole)
		rx_known_free(s);
	s->kept.seq = s->known_to.seq;
	rx_buf_free(&plain);
	return (rc);
}

/* ---- what is not to stay ---- */

rx_err
rx_kept_forget(struct rx_session *s, const uint8_t *user,
    struct rx_status *st)
{
	struct rx_buf users = RX_BUF_INIT;
	struct rx_value key;
	size_t i;
	rx_err rc;

	if (user != NULL)
		rc = rx_buf_add(&users, user, RX_ID_BYTES, st);
	else
		rc = rx_query_ids(s->store, RX_Q_KEPT_USERS, NULL, 0, 0,
		    &users, st);
	for (i = 0; i < users.len && rc == RX_OK; i += RX_ID_BYTES) {
		key = rx_bytes(users.b + i, RX_ID_BYTES);
		rc = rx_store_delete(s->store, RX_TABLE_KEPT, &key, NULL, st);
	}
	rx_buf_free(&users);
	return (rc);
}
