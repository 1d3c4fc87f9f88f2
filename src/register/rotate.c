#include <stdio.h>
#include <stdlib.h>

#include "register/internal.h"

/*
 * New keys for a unit when somebody knew the old ones who should not know what
 * is written from now on, and then new keys for its cases.
 *
 * Everything is decided by what is stored: the time of a revocation that ended
 * something, the time at which the newest key was made, and the unit key that
 * a case's keys lie under.  So whoever signs in next goes on where the last one
 * was interrupted, and every transaction leaves a register that works.
 */

#define UNITS_AT_ONCE 24	/* in one transaction */
#define CASES_AT_ONCE 100

static const enum rx_compartment all_comps[] = {
	RX_COMP_IDENTITY, RX_COMP_NARRATIVE, RX_COMP_CODED, RX_COMP_AUDIT,
	RX_COMP_LEDGER
};
#define NCOMPS (sizeof(all_comps) / sizeof(all_comps[0]))

/* Who is shown how far it is; set once, before any session. */
static void (*watch)(void *, const char *, size_t, size_t);
static void *watch_cookie;

void
rx_rotation_watch(void (*each)(void *, const char unit[RX_UNIT_BYTES],
    size_t done, size_t all), void *cookie)
{

	watch = each;
	watch_cookie = cookie;
}

static void
show(const char *unit, size_t done, size_t all)
{

	if (watch != NULL)
		watch(watch_cookie, unit, done, all);
}

/* When the last of those ended who were entitled to key ${comp} of ${unit}; 0
 * when nobody did. */
static int64_t
last_end(const struct rx_session *s, const char *unit, enum rx_compartment comp)
{
	int64_t at = 0;
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].ended && s->members[i].revoked > at &&
		    (rx_cert_entitles(&s->members[i].cert, unit) &
		    RX_BIT(comp)) != 0)
			at = s->members[i].revoked;
	return (at);
}

rx_err
rx_rotation_due(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    unsigned *comps, struct rx_status *st)
{
	int64_t end, made;
	size_t k;
	rx_err rc;

	*comps = 0;
	for (k = 0; k < NCOMPS; k++) {
		if ((end = last_end(s, unit, all_comps[k])) == 0)
			continue;
		if ((rc = rx_unit_newest(s, unit, all_comps[k], NULL, &made,
		    st)) != RX_OK)
			return (rc);
		/* Keys of the same moment may have been made before it. */
		if (end >= made)
			*comps |= RX_BIT(all_comps[k]);
	}
	return (RX_OK);
}

/* ---- one unit ---- */

/* The epoch after all of ${unit}'s, and a time at which nobody ended. */
static rx_err
next_epoch(struct rx_session *s, const char *unit, unsigned comps,
    uint32_t *epoch, int64_t *made, struct rx_status *st)
{
	uint32_t newest;
	int64_t end;
	size_t k;
	rx_err rc;

	*epoch = 1;
	*made = rx_session_now(s);
	for (k = 0; k < NCOMPS; k++) {
		if ((rc = rx_unit_newest(s, unit, all_comps[k], &newest, NULL,
		    st)) != RX_OK)
			return (rc);
		if (newest > *epoch)
			*epoch = newest;
		if ((comps & RX_BIT(all_comps[k])) != 0 &&
		    (end = last_end(s, unit, all_comps[k])) >= *made)
			*made = end + 1;
	}
	(*epoch)++;
	return (RX_OK);
}

/* Seal the newest key of (unit, comp) under ${key}, which follows it. */
static rx_err
epoch_insert(struct rx_session *s, const char *unit, enum rx_compartment comp,
    uint32_t epoch, int64_t made, const struct rx_key *key,
    struct rx_status *st)
{
	uint8_t box[RX_ENV_KEY_BYTES];
	const struct rx_key *before;
	struct rx_place place;
	struct rx_value v[5];
	rx_err rc;

	if ((rc = rx_unit_key(s, unit, comp, 0, &before, NULL, st)) != RX_OK)
		return (rc);
	rx_epoch_place(&place, s, unit, epoch);
	if ((rc = rx_envelope_seal(box, key, RX_ENV_KEY, comp, epoch, &place,
	    before->b, RX_KEY_BYTES, st)) != RX_OK)
		return (rc);
	v[0] = rx_text(unit);
	v[1] = rx_int(comp);
	v[2] = rx_int(epoch);
	v[3] = rx_int(made);
	v[4] = rx_bytes(box, sizeof(box));
	return (rx_store_insert(s->store, RX_TABLE_UNIT_EPOCH, v, st));
}

struct old_grant {		/* its key columns */
	uint32_t epoch;
	unsigned comps;
	uint8_t recipient[RX_ID_BYTES];
};

struct olds {			/* grants of nothing but what is followed */
	unsigned comps;
	struct rx_buf rows;
};

static rx_err
old_each(void *cookie, uint32_t epoch, unsigned comps,
    const uint8_t recipient[RX_ID_BYTES], struct rx_status *st)
{
	struct old_grant g = { epoch, comps, { 0 } };
	struct olds *o = cookie;

	if ((comps & ~o->comps) != 0)
		return (RX_OK);
	memcpy(g.recipient, recipient, RX_ID_BYTES);
	return (rx_buf_add(&o->rows, &g, sizeof(g), st));
}

/* Delete the grants of keys that have followers: the newest opens them all. */
static rx_err
grants_drop(struct rx_session *s, const char *unit, unsigned comps,
    struct rx_status *st)
{
	struct olds o = { comps, RX_BUF_INIT };
	struct rx_value key[4] = { rx_text(unit) };
	struct old_grant g;
	size_t i;
	rx_err rc;

	rc = rx_granted_each(s, unit, old_each, &o, st);
	for (i = 0; i < o.rows.len && rc == RX_OK; i += sizeof(g)) {
		memcpy(&g, o.rows.b + i, sizeof(g));
		key[1] = rx_int(g.epoch);
		key[2] = rx_int(g.comps);
		key[3] = rx_bytes(g.recipient, RX_ID_BYTES);
		rc = rx_store_delete(s->store, RX_TABLE_UNIT_GRANT, key, NULL,
		    st);
	}
	rx_buf_free(&o.rows);
	return (rc);
}

/* Hand the keys in s->scratch to everyone entitled. */
static rx_err
grants_make(struct rx_session *s, const char *unit, uint32_t epoch,
    unsigned comps, struct rx_status *st)
{
	const struct rx_key *some[RX_GRANT_KEYS];
	const struct rx_member *m;
	unsigned his;
	size_t i, k;
	rx_err rc = RX_OK;

	for (i = 0; i < s->nmembers && rc == RX_OK; i = rx_member_next(s, i)) {
		if ((his = rx_entitled(s, i, unit) & comps) == 0 ||
		    (m = rx_member_newest(s, i)) == NULL)
			continue;
		for (k = 0; k < RX_GRANT_KEYS; k++)
			some[k] = (his & RX_BIT(rx_grant_comp(comps, k))) != 0 ?
			    s->scratch[k] : NULL;
		rc = rx_grant_insert(s, unit, epoch, his, some, m->cert.user,
		    m->cert.box_public, st);
	}
	return (rc);
}

static rx_err
rotate(struct rx_session *s, const char *unit, unsigned comps,
    uint32_t epoch, int64_t made, struct rx_status *st)
{
	enum rx_compartment c;
	size_t k;
	rx_err rc = RX_OK;

	for (k = 0; k < RX_GRANT_KEYS && rc == RX_OK; k++) {
		c = rx_grant_comp(comps, k);
		if (c == RX_COMP_NONE || (comps & RX_BIT(c)) == 0)
			continue;
		rx_random(s->scratch[k]->b, RX_KEY_BYTES);
		rc = epoch_insert(s, unit, c, epoch, made, s->scratch[k], st);
	}
	if (rc != RX_OK || (rc = grants_drop(s, unit, comps, st)) != RX_OK ||
	    (rc = grants_make(s, unit, epoch, comps, st)) != RX_OK)
		return (rc);
	for (k = 0; k < RX_GRANT_KEYS && rc == RX_OK; k++) {
		c = rx_grant_comp(comps, k);
		if (c != RX_COMP_NONE && (comps & RX_BIT(c)) != 0)
			rc = rx_unit_hold(s, unit, c, epoch, s->scratch[k], st);
	}
	return (rc);
}

rx_err
rx_unit_rotate(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    unsigned comps, struct rx_status *st)
{
	char text[RX_UNIT_TEXT], detail[64];
	uint32_t epoch;
	int64_t made;
	size_t k;
	rx_err rc;

	if ((rc = next_epoch(s, unit, comps, &epoch, &made, st)) == RX_OK)
		rc = rotate(s, unit, comps, epoch, made, st);
	for (k = 0; k < RX_GRANT_KEYS; k++)
		rx_wipe(s->scratch[k]->b, RX_KEY_BYTES);
	if (rc != RX_OK)
		return (rc);
	rx_unit_text(text, unit);
	(void)snprintf(detail, sizeof(detail), "%s %u %u",
	    rx_unit_of_register(unit) ? "register" : text, (unsigned)epoch,
	    comps);
	return (rx_audit_add(s, RX_DID_ROTATE, NULL, detail, strlen(detail),
	    st));
}

/* ---- all that wait ---- */

/* What of ${unit} this session can and should rotate: what is due (or all, when
 * ${force}), that it is entitled to, and whose newest keys it has. */
static rx_err
to_rotate(struct rx_session *s, const char *unit, bool force, unsigned *comps,
    struct rx_status *st)
{
	unsigned mine;
	rx_err rc;

	*comps = 0;
	if (rx_unit_of_register(unit) &&
	    !rx_session_has_role(s, RX_ROLE_ADMIN))
		return (RX_OK);
	if (force)
		*comps = ~0u;
	else if ((rc = rx_rotation_due(s, unit, comps, st)) != RX_OK ||
	    *comps == 0)
		return (rc);
	if ((rc = rx_granted_newest(s, unit, s->user_id, &mine, st)) != RX_OK)
		return (rc);
	*comps &= mine & rx_entitled(s, rx_member_first(s, s->user_id), unit);
	return (RX_OK);
}

/* End a transaction in which entries of the audit were made already. */
static rx_err
close_tx(struct rx_session *s, rx_err rc, struct rx_status *st)
{

	uint8_t digest[RX_HASH_BYTES];

	/* Of the epochs that were made here; the people are the same. */
	if (rc == RX_OK)
		rc = rx_members_digest(s, digest, st);
	if ((rc = rx_finish_entered(s, rc, st)) == RX_OK)
		memcpy(s->members_digest, digest, sizeof(digest));
	return (rc);
}

static rx_err
rotate_units(struct rx_session *s, const struct rx_buf *units, bool force,
    size_t *rotated, struct rx_status *st)
{
	unsigned comps, inside = 0;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < units->len && rc == RX_OK; i += RX_UNIT_BYTES) {
		const char *unit = (const char *)units->b + i;

		if ((rc = to_rotate(s, unit, force, &comps, st)) != RX_OK ||
		    comps == 0)
			continue;
		/* What is due may have been done by another since. */
		if (inside == 0) {
			if ((rc = rx_begin(s, st)) != RX_OK)
				break;
			if ((rc = to_rotate(s, unit, force, &comps, st)) !=
			    RX_OK) {
				rx_abandon(s);
				break;
			}
		}
		inside++;
		if (comps != 0) {
			rc = rx_unit_rotate(s, unit, comps, st);
			(*rotated)++;
		}
		show(unit, 0, 0);
		if (rc == RX_OK && inside == UNITS_AT_ONCE) {
			rc = close_tx(s, rc, st);
			inside = 0;
		}
	}
	return (inside > 0 ? close_tx(s, rc, st) : rc);
}

/* ---- cases ---- */

/* The cases of ${unit} whose keys lie under a key that another followed, of *all;
 * neither is counted while no key has a follower. */
static rx_err
stale_cases(struct rx_session *s, const char *unit, struct rx_buf *ids,
    size_t *all, struct rx_status *st)
{
	struct rx_value arg = rx_text(unit);
	uint32_t newest[3];
	struct rx_cursor *cur;
	const void *p;
	size_t k, n;
	bool row = false, stale;
	rx_err rc;

	*all = 0;
	for (k = 0; k < 3; k++)
		if ((rc = rx_unit_newest(s, unit, all_comps[k], &newest[k],
		    NULL, st)) != RX_OK)
			return (rc);
	if (newest[0] == 1 && newest[1] == 1 && newest[2] == 1)
		return (RX_OK);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CASE_KEYS_OF_UNIT, &arg,
	    1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		for (stale = false, k = 0; k < 3; k++) {
			p = rx_col_bytes(cur, (int)(3 + k), &n);
			stale |= rx_envelope_epoch(p, n) < newest[k];
		}
		(*all)++;
		p = rx_col_bytes(cur, 0, &n);
		if (stale && n == RX_ID_BYTES &&
		    (rc = rx_buf_add(ids, p, n, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* New keys and slots for the case ${id}; *done is false where they are there, and
 * for one that does not open. */
static rx_err
case_refresh(struct rx_session *s, struct rx_case *c, const char *unit,
    const uint8_t *id, bool *done, struct rx_status *st)
{
	struct rx_case_state state;
	bool opens;
	rx_err rc;

	*done = false;
	if ((rc = rx_case_try(c, s, id, unit, &state, &opens, st)) != RX_OK ||
	    !opens || (rc = rx_case_stale(c, s, done, st)) != RX_OK || !*done)
		return (rc);
	if ((rc = rx_case_renew(c, s, st)) != RX_OK)
		return (rc);
	return (rx_slots_write(c, s, state.flagged, state.above, NULL, st));
}

/* ${ids} of ${unit}, some at a time. */
static rx_err
refresh_cases(struct rx_session *s, const char *unit, const struct rx_buf *ids,
    struct rx_status *st)
{
	const size_t all = ids->len / RX_ID_BYTES;
	char text[RX_UNIT_TEXT];
	struct rx_case c;
	size_t i;
	bool done, any = false;
	rx_err rc = RX_OK;

	rx_unit_text(text, unit);
	rx_case_init(&c);
	for (i = 0; i < all && rc == RX_OK; i++) {
		if (i % CASES_AT_ONCE == 0 && (rc = rx_begin(s, st)) != RX_OK)
			break;
		rc = case_refresh(s, &c, unit, ids->b + i * RX_ID_BYTES, &done,
		    st);
		any |= done;
		if (rc == RX_OK && (i + 1) % CASES_AT_ONCE != 0 && i + 1 < all)
			continue;
		if (rc == RX_OK && !any)
			rx_abandon(s);
		else
			rc = rx_finish(s, rc, RX_DID_ROTATE, NULL, text, st);
		any = false;
		show(unit, i + 1, all);
	}
	rx_case_done(&c, s);
	return (rc);
}

/* The stale cases of ${unit}, of *all, that this session can give new keys. */
static rx_err
cases_waiting(struct rx_session *s, const char *unit, struct rx_buf *ids,
    size_t *all, struct rx_status *st)
{
	unsigned mine;
	rx_err rc;

	*all = 0;
	if (rx_unit_of_register(unit) ||
	    !rx_permitted(s, RX_ACT_WRITE_CASE, unit))
		return (RX_OK);
	/* Without the newest keys this waits for whoever has them. */
	if ((rc = rx_granted_newest(s, unit, s->user_id, &mine, st)) != RX_OK ||
	    (mine & RX_CASE_KEYS) != RX_CASE_KEYS)
		return (rc);
	return (stale_cases(s, unit, ids, all, st));
}

/* New keys for at most *most stale cases of ${unit}, which are taken off *most;
 * what remains is added to *left. */
static rx_err
unit_cases(struct rx_session *s, const char *unit, size_t *most, size_t *left,
    struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	size_t all, n;
	rx_err rc;

	if ((rc = cases_waiting(s, unit, &ids, &all, st)) == RX_OK) {
		n = ids.len / RX_ID_BYTES;
		if (n > *most) {
			*left += n - *most;
			n = *most;
		}
		*most -= n;
		ids.len = n * RX_ID_BYTES;
		if (n > 0)
			rc = refresh_cases(s, unit, &ids, st);
	}
	rx_buf_free(&ids);
	return (rc);
}

/* The units first, then at most ${most} of their cases. */
static rx_err
rotate_all(struct rx_session *s, const struct rx_buf *units, bool force,
    size_t most, size_t *rotated, size_t *left, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	*left = 0;
	rc = rotate_units(s, units, force, rotated, st);
	for (i = 0; i < units->len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = unit_cases(s, (const char *)units->b + i, &most, left,
		    st);
	return (rc);
}

rx_err
rx_rotations_heal(struct rx_session *s, const struct rx_buf *units,
    struct rx_status *st)
{
	size_t rotated = 0, left;

	return (rotate_all(s, units, false, SIZE_MAX, &rotated, &left, st));
}

/* The keyed units that ${above}, a code, names or stands above. */
static rx_err
named_units(struct rx_session *s, const char *code, struct rx_buf *units,
    struct rx_status *st)
{
	struct rx_buf mine = RX_BUF_INIT;
	char unit[RX_UNIT_BYTES];
	size_t i;
	rx_err rc;

	if ((rc = rx_unit_parse(unit, code, st)) != RX_OK ||
	    (rc = rx_units_of(s, rx_member_first(s, s->user_id), &mine, st)) !=
	    RX_OK)
		goto done;
	for (i = 0; i < mine.len && rc == RX_OK; i += RX_UNIT_BYTES)
		if (memcmp(mine.b + i, unit, RX_UNIT_BYTES) == 0)
			rc = rx_buf_add(units, unit, RX_UNIT_BYTES, st);
	if (rc == RX_OK && units->len == 0) {
		rx_status_arg(st, "unit", "%.32s", code);
		rc = rx_fail(st, RX_EPERM, RX_MSG_ROTATE_NOT_HELD);
	}
done:
	rx_buf_free(&mine);
	return (rc);
}

rx_err
rx_rotate_some(struct rx_session *s, const char *code, size_t most,
    size_t *rotated, size_t *left, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	rx_err rc;

	*rotated = *left = 0;
	rc = code != NULL ? named_units(s, code, &units, st) :
	    rx_units_of(s, rx_member_first(s, s->user_id), &units, st);
	if (rc == RX_OK)
		rc = rotate_all(s, &units, true, most, rotated, left, st);
	if (rc == RX_OK && *rotated == 0) {
		rx_status_arg(st, "unit", "%.32s", code != NULL ? code :
		    s->unit);
		rc = rx_fail(st, RX_EPERM, RX_MSG_ROTATE_NOT_HELD);
	}
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_rotate(struct rx_session *s, const char *code, size_t *rotated,
    struct rx_status *st)
{
	size_t left;

	return (rx_rotate_some(s, code, SIZE_MAX, rotated, &left, st));
}

rx_err
rx_rotate_go_on(struct rx_session *s, size_t most, size_t *left,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	size_t rotated = 0;
	rx_err rc;

	*left = 0;
	if ((rc = rx_members_refresh(s, st)) == RX_OK &&
	    (rc = rx_units_of(s, rx_member_first(s, s->user_id), &units,
	    st)) == RX_OK)
		rc = rotate_all(s, &units, false, most, &rotated, left, st);
	rx_buf_free(&units);
	return (rc);
}

/* ---- how it stands ---- */

static int
unit_compare(const void *a, const void *b)
{

	return (memcmp(a, b, RX_UNIT_BYTES));
}

static rx_err
rotation_look(struct rx_session *s, struct rx_rotation *r,
    struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	unsigned due, now, mine;
	rx_err rc;

	if ((rc = rx_rotation_due(s, r->unit, &due, st)) != RX_OK ||
	    (rc = to_rotate(s, r->unit, false, &now, st)) != RX_OK ||
	    (rc = to_rotate(s, r->unit, true, &mine, st)) != RX_OK)
		return (rc);
	r->due = due != 0;
	r->now = now != 0;
	r->mine = mine != 0;
	rc = cases_waiting(s, r->unit, &ids, &r->cases, st);
	r->stale = ids.len / RX_ID_BYTES;
	rx_buf_free(&ids);
	return (rc);
}

rx_err
rx_rotation_mine(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_rotation *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_rotation r;
	size_t i;
	rx_err rc;

	/* Somebody may have gone since this session began. */
	if ((rc = rx_members_refresh(s, st)) == RX_OK)
		rc = rx_units_of(s, rx_member_first(s, s->user_id), &units, st);
	if (rc == RX_OK)	/* whoever has two roles has units twice */
		qsort(units.b, units.len / RX_UNIT_BYTES, RX_UNIT_BYTES,
		    unit_compare);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		if (i > 0 && unit_compare(units.b + i, units.b + i -
		    RX_UNIT_BYTES) == 0)
			continue;
		memset(&r, 0, sizeof(r));
		memcpy(r.unit, units.b + i, RX_UNIT_BYTES);
		if (rx_unit_of_register(r.unit) &&
		    !rx_session_has_role(s, RX_ROLE_ADMIN))
			continue;
		if ((rc = rotation_look(s, &r, st)) == RX_OK)
			rc = each(cookie, &r, st);
	}
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_rotation_each(struct rx_session *s, const char *above,
    rx_err (*each)(void *, const char unit[RX_UNIT_BYTES],
    struct rx_status *), void *cookie, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	unsigned comps;
	size_t i;
	rx_err rc;

	rc = rx_keyed_units(s, above, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		const char *unit = (const char *)units.b + i;

		if ((rc = rx_rotation_due(s, unit, &comps, st)) == RX_OK &&
		    comps != 0)
			rc = each(cookie, unit, st);
	}
	rx_buf_free(&units);
	return (rc);
}
