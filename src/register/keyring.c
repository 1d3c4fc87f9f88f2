#include <stdlib.h>

#include "register/internal.h"

/*
 * The keys of units: held, made, and handed on.  A grant names unit, epoch and
 * compartments; whoever is entitled to a key by his certificate and has no
 * grant of the newest is given one by the next session that holds it.  The
 * first key of a compartment has epoch 1.  Each later one has a row in
 * unit_epoch, in which the key before it is sealed under it: whoever has the
 * newest has all.  These rows are in the digest that every entry of the audit
 * names, so a key that opens its row is the right one, whoever handed it on.
 */

void
rx_grant_context_set(struct rx_grant_context *ctx, const struct rx_session *s,
    const char *unit, const uint8_t *subject, uint32_t epoch, unsigned comps)
{

	memset(ctx, 0, sizeof(*ctx));
	memcpy(ctx->store, s->store_id, RX_ID_BYTES);
	memcpy(ctx->unit, unit, RX_UNIT_BYTES);
	if (subject != NULL)
		memcpy(ctx->subject, subject, RX_ID_BYTES);
	ctx->epoch = epoch;
	ctx->compartments = comps;
}

enum rx_compartment
rx_grant_comp(unsigned comps, size_t k)
{

	if ((comps & RX_BIT(RX_COMP_ROOT)) != 0)
		return (k == 2 ? RX_COMP_ROOT : RX_COMP_NONE);
	if ((comps & RX_AUDIT_KEYS) != 0)
		return (k == 0 ? RX_COMP_AUDIT : k == 1 ? RX_COMP_LEDGER :
		    RX_COMP_NONE);
	return (k == 0 ? RX_COMP_IDENTITY : k == 1 ? RX_COMP_NARRATIVE :
	    RX_COMP_CODED);
}

/* May ${m} hand on these keys?  Of recovery keys, only the one that is pinned. */
static bool
may_grant(const struct rx_session *s, const struct rx_member *m,
    const char *unit, unsigned comps, bool slot)
{

	if (m->cert.role == RX_ROLE_RECOVERY)
		return (!slot && !rx_unit_of_register(unit) &&
		    (comps & ~RX_CASE_KEYS) == 0 && rx_equal(
		    m->cert.box_public, s->blob->recovery_public, 32));
	return (rx_may_grant(m, unit, comps, slot));
}

rx_err
rx_grant_accept(struct rx_session *s, struct rx_grant *g,
    const uint8_t *box, size_t n, const char unit[RX_UNIT_BYTES],
    const uint8_t *subject, uint32_t epoch, unsigned comps,
    struct rx_status *st)
{
	struct rx_grant_context ctx;
	const struct rx_identity *as = s->id;
	struct rx_status no;
	int64_t renewed = 0;
	size_t i, first;
	rx_err rc;

	/* A slot proves nothing by itself.  One by somebody whose time was over
	 * counts until the unit has new keys: then all of them are written anew
	 * by others, and he could put his own in their place. */
	if (subject != NULL && (rc = rx_unit_newest(s, unit,
	    RX_COMP_NARRATIVE, NULL, &renewed, st)) != RX_OK)
		return (rc);
	/* Others seal to new keys as soon as these are certified, before their
	 * owner signs in and moves the rest over to them. */
	rx_status_clear(&no);
	if (s->next != NULL &&
	    rx_grant_open(g, box, n, s->next, &no) == RX_OK)
		as = s->next;
	else if ((rc = rx_grant_open(g, box, n, as, st)) != RX_OK)
		return (rc);
	rx_grant_context_set(&ctx, s, unit, subject, epoch, comps);
	first = rx_member_first(s, g->grantor);
	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++) {
		struct rx_status ignored;

		/* What one has handed to oneself needs no other warrant. */
		if (memcmp(g->grantor, s->user_id, RX_ID_BYTES) != 0 &&
		    (!may_grant(s, &s->members[i], unit, comps,
		    subject != NULL) || (subject != NULL &&
		    s->members[i].ended && s->members[i].revoked < renewed)))
			continue;
		rx_status_clear(&ignored);
		/* Only a slot may be closed, or lead to the keys: anything else
		 * holds them. */
		if (rx_grant_verify(g, &ctx, as,
		    s->members[i].cert.sign_public, &ignored) == RX_OK &&
		    (subject != NULL || g->kind == RX_GRANT_OPEN))
			return (RX_OK);
	}
	rx_wipe(g, sizeof(*g));
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT));
}

/* ---- what is held ---- */

static int
held_cmp(const struct rx_held *h, const char *unit, uint8_t comp,
    uint32_t epoch)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): an element */
	int c = memcmp(h->unit, unit, RX_UNIT_BYTES);

	if (c == 0)
		c = (h->comp > comp) - (h->comp < comp);
	if (c == 0)
		c = (h->epoch > epoch) - (h->epoch < epoch);
	return (c);
}

/* Index of the first held key that is not below the given one. */
static size_t
held_bound(const struct rx_session *s, const char *unit, uint8_t comp,
    uint32_t epoch)
{
	size_t lo = 0, hi = s->nheld, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (held_cmp(&s->held[mid], unit, comp, epoch) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo);
}

static rx_err
held_add(struct rx_session *s, const char *unit, uint8_t comp, uint32_t epoch,
    const struct rx_key *key, struct rx_status *st)
{
	const size_t at = held_bound(s, unit, comp, epoch);
	struct rx_held *grown;
	struct rx_key *mem;
	rx_err rc;

	if (at < s->nheld && held_cmp(&s->held[at], unit, comp, epoch) == 0)
		return (RX_OK);
	if (s->nheld == s->heldcap) {
		const size_t cap = s->heldcap == 0 ? 32 : 2 * s->heldcap;

		if ((grown = reallocarray(s->held, cap, sizeof(*grown))) ==
		    NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		s->held = grown;
		s->heldcap = cap;
	}
	if (s->nheld == s->heldmem) {
		if ((rc = rx_key_new(&s->held[s->nheld].key, s->pool, st)) !=
		    RX_OK)
			return (rc);
		s->heldmem++;
	}
	mem = s->held[s->nheld].key;
	memmove(&s->held[at + 1], &s->held[at],
	    (s->nheld - at) * sizeof(*s->held));
	memset(&s->held[at], 0, sizeof(*s->held));	/* not known as newest */
	memcpy(s->held[at].unit, unit, RX_UNIT_BYTES);
	s->held[at].comp = comp;
	s->held[at].epoch = epoch;
	s->held[at].key = mem;
	*mem = *key;
	s->nheld++;
	return (RX_OK);
}

rx_err
rx_unit_hold(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_compartment comp, uint32_t epoch, const struct rx_key *key,
    struct rx_status *st)
{

	return (held_add(s, unit, (uint8_t)comp, epoch, key, st));
}

void
rx_epoch_place(struct rx_place *p, const struct rx_session *s,
    const char unit[RX_UNIT_BYTES], uint32_t epoch)
{

	rx_place_init(p, s, unit, NULL, NULL, RX_TABLE_UNIT_EPOCH, 4, epoch);
}

/* Open the key before ${epoch} from the row under ${cur} with s->step[0]; hold
 * that one, and put the one before in its place. */
static rx_err
step_back(struct rx_session *s, const char *unit, enum rx_compartment comp,
    uint32_t epoch, const struct rx_cursor *cur, struct rx_status *st)
{
	struct rx_place place;
	struct rx_status why;
	const uint8_t *box;
	size_t n;
	rx_err rc;

	box = rx_col_bytes(cur, 4, &n);
	rx_epoch_place(&place, s, unit, epoch);
	rx_status_clear(&why);
	if (rx_envelope_open(s->step[1]->b, RX_KEY_BYTES, box, n, s->step[0],
	    RX_ENV_KEY, comp, epoch, &place, &why) != RX_OK)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT));
	if ((rc = held_add(s, unit, (uint8_t)comp, epoch, s->step[0], st)) ==
	    RX_OK)
		*s->step[0] = *s->step[1];
	return (rc);
}

/*
 * Hold ${key}, which somebody granted as that of ${epoch}, and all before it.
 * A key after the first must open the row of its epoch.
 */
static rx_err
held_chain(struct rx_session *s, const char *unit, enum rx_compartment comp,
    uint32_t epoch, const struct rx_key *key, struct rx_status *st)
{
	struct rx_value args[2] = { rx_text(unit), rx_int(comp) };
	struct rx_cursor *cur;
	uint32_t e;
	bool row = false, at = false;
	rx_err rc;

	if (epoch == 1)
		return (held_add(s, unit, (uint8_t)comp, 1, key, st));
	*s->step[0] = *key;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_EPOCHS_OF_KEY, args, 2,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if ((e = (uint32_t)rx_col_int(cur, 2)) > epoch)
			continue;
		at = at || e == epoch;
		if (!at || (rc = step_back(s, unit, comp, e, cur, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	if (rc == RX_OK && !at)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT);
	if (rc == RX_OK)
		rc = held_add(s, unit, (uint8_t)comp, 1, s->step[0], st);
	rx_wipe(s->step[0]->b, RX_KEY_BYTES);
	rx_wipe(s->step[1]->b, RX_KEY_BYTES);
	return (rc);
}

/* Open every grant of ${unit} to this session and hold its keys. */
static rx_err
grants_open(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	struct rx_value args[2] = { rx_text(unit),
	    rx_bytes(s->user_id, RX_ID_BYTES) };
	struct rx_secret *mem;
	struct rx_grant *g;
	struct rx_cursor *cur;
	const uint8_t *box;
	uint32_t epoch;
	unsigned comps;
	size_t k, n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, sizeof(*g), st)) != RX_OK)
		return (rc);
	g = (struct rx_grant *)(void *)mem->b;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_GRANT_FOR, args, 2,
	    st)) != RX_OK)
		goto done;
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		epoch = (uint32_t)rx_col_int(cur, 1);
		comps = (unsigned)rx_col_int(cur, 2);
		box = rx_col_bytes(cur, 4, &n);
		if ((rc = rx_grant_accept(s, g, box, n, unit, NULL, epoch,
		    comps, st)) != RX_OK)
			break;
		for (k = 0; k < RX_GRANT_KEYS && rc == RX_OK; k++)
			if ((comps & RX_BIT(rx_grant_comp(comps, k))) != 0)
				rc = held_chain(s, unit,
				    rx_grant_comp(comps, k), epoch,
				    &g->keys[k], st);
		if (rc != RX_OK)
			break;
	}
	rx_query_close(cur);
done:
	rx_secret_free(mem);
	return (rc);
}

/* The same; who made one may have come, or got other keys, after the session
 * looked at the members last.  A transaction has looked. */
static rx_err
held_load(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	const struct rx_status before = *st;
	rx_err rc;

	if ((rc = grants_open(s, unit, st)) != RX_ECORRUPT ||
	    rx_store_in_transaction(s->store))
		return (rc);
	*st = before;
	if ((rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	return (grants_open(s, unit, st));
}

rx_err
rx_unit_newest(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_compartment comp, uint32_t *epoch, int64_t *made,
    struct rx_status *st)
{
	struct rx_value args[2] = { rx_text(unit), rx_int(comp) };
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if (epoch != NULL)
		*epoch = 1;
	if (made != NULL)
		*made = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_EPOCHS_OF_KEY, args, 2,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if (epoch != NULL)
			*epoch = (uint32_t)rx_col_int(cur, 2);
		if (made != NULL)
			*made = rx_col_int(cur, 3);
	}
	rx_query_close(cur);
	return (rc);
}

/* The held key of that epoch. */
static struct rx_held *
held_find(struct rx_session *s, const char *unit, uint8_t comp, uint32_t epoch)
{
	const size_t at = held_bound(s, unit, comp, epoch);

	return (at < s->nheld &&
	    held_cmp(&s->held[at], unit, comp, epoch) == 0 ? &s->held[at] :
	    NULL);
}

/* The held key of the newest epoch; NULL in ${*h} when it is not held.  Others
 * may have made one since: it is asked for once in a transaction. */
static rx_err
held_newest(struct rx_session *s, const char *unit, enum rx_compartment comp,
    uint32_t *epoch, struct rx_held **h, struct rx_status *st)
{
	const size_t at = held_bound(s, unit, (uint8_t)comp, UINT32_MAX);
	rx_err rc;

	*h = at > 0 ? &s->held[at - 1] : NULL;
	if (*h != NULL && (memcmp((*h)->unit, unit, RX_UNIT_BYTES) != 0 ||
	    (*h)->comp != comp))
		*h = NULL;
	if (*h != NULL && s->serial != 0 && (*h)->newest == s->serial) {
		*epoch = (*h)->epoch;
		return (RX_OK);
	}
	if ((rc = rx_unit_newest(s, unit, comp, epoch, NULL, st)) != RX_OK)
		return (rc);
	if (*h != NULL && (*h)->epoch == *epoch)
		(*h)->newest = s->serial;
	else
		*h = NULL;
	return (RX_OK);
}

static rx_err no_key(struct rx_session *s, const char *unit,
    enum rx_compartment comp, struct rx_status *st);

rx_err
rx_unit_key(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_compartment comp, uint32_t epoch, const struct rx_key **key,
    uint32_t *key_epoch, struct rx_status *st)
{
	struct rx_held *h;
	rx_err rc;

	*key = NULL;
	if (epoch != 0)
		h = held_find(s, unit, (uint8_t)comp, epoch);
	else if ((rc = held_newest(s, unit, comp, &epoch, &h, st)) != RX_OK)
		return (rc);
	if (h == NULL) {
		if ((rc = held_load(s, unit, st)) != RX_OK)
			return (rc);
		h = held_find(s, unit, (uint8_t)comp, epoch);
	}
	if (h == NULL)
		return (no_key(s, unit, comp, st));
	*key = h->key;
	if (key_epoch != NULL)
		*key_epoch = h->epoch;
	return (RX_OK);
}

/* ---- handing on ---- */

rx_err
rx_grant_insert(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    uint32_t epoch, unsigned comps,
    const struct rx_key *const keys[RX_GRANT_KEYS],
    const uint8_t recipient[RX_ID_BYTES],
    const uint8_t box_public[RX_BOX_PUBLIC_BYTES], struct rx_status *st)
{
	uint8_t box[RX_GRANT_BYTES];
	struct rx_grant_context ctx;
	struct rx_value v[5];
	rx_err rc;

	rx_grant_context_set(&ctx, s, unit, NULL, epoch, comps);
	if ((rc = rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, s->user_id,
	    s->id, box_public, st)) != RX_OK)
		return (rc);
	v[0] = rx_text(unit);
	v[1] = rx_int(epoch);
	v[2] = rx_int(comps);
	v[3] = rx_bytes(recipient, RX_ID_BYTES);
	v[4] = rx_bytes(box, sizeof(box));
	return (rx_store_replace(s->store, RX_TABLE_UNIT_GRANT, v, st));
}

/* Hand ${comps} of (unit, epoch), all of them held, to members[first..]. */
static rx_err
grant_to(struct rx_session *s, const char *unit, uint32_t epoch,
    unsigned comps, size_t first, struct rx_status *st)
{
	const struct rx_key *keys[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	const struct rx_member *m = rx_member_newest(s, first);
	enum rx_compartment comp;
	size_t k;
	rx_err rc;

	for (k = 0; k < RX_GRANT_KEYS; k++) {
		comp = rx_grant_comp(comps, k);
		if ((comps & RX_BIT(comp)) != 0 && comp != RX_COMP_NONE &&
		    (rc = rx_unit_key(s, unit, comp, epoch, &keys[k], NULL,
		    st)) != RX_OK)
			return (rc);
	}
	/* His certificate may just have ended. */
	return (m == NULL ? RX_OK : rx_grant_insert(s, unit, epoch, comps,
	    keys, m->cert.user, m->cert.box_public, st));
}

struct granted {		/* what the grant rows of a unit say */
	uint32_t epoch;
	unsigned comps;
	uint8_t recipient[RX_ID_BYTES];
};

static rx_err
granted_load(struct rx_session *s, const char *unit, struct granted **out,
    size_t *count, struct rx_status *st)
{
	struct rx_value arg = rx_text(unit);
	struct granted *grown, *g = NULL;
	struct rx_cursor *cur;
	size_t n = 0, cap = 0, len;
	bool row = false;
	rx_err rc;

	*out = NULL;
	*count = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_GRANTS_OF_UNIT, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if (n == cap) {
			cap = cap == 0 ? 16 : 2 * cap;
			if ((grown = reallocarray(g, cap, sizeof(*g))) ==
			    NULL) {
				rc = rx_fail(st, RX_EINTERNAL,
				    RX_MSG_NO_MEMORY);
				break;
			}
			g = grown;
		}
		g[n].epoch = (uint32_t)rx_col_int(cur, 1);
		g[n].comps = (unsigned)rx_col_int(cur, 2);
		memset(g[n].recipient, 0, RX_ID_BYTES);
		if (rx_col_bytes(cur, 3, &len) != NULL && len == RX_ID_BYTES)
			memcpy(g[n].recipient, rx_col_bytes(cur, 3, &len),
			    RX_ID_BYTES);
		n++;
	}
	rx_query_close(cur);
	if (rc != RX_OK) {
		free(g);
		return (rc);
	}
	*out = g;
	*count = n;
	return (RX_OK);
}

rx_err
rx_granted_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, uint32_t epoch, unsigned comps,
    const uint8_t recipient[RX_ID_BYTES], struct rx_status *), void *cookie,
    struct rx_status *st)
{
	struct granted *g;
	size_t i, n;
	rx_err rc;

	rc = granted_load(s, unit, &g, &n, st);
	for (i = 0; i < n && rc == RX_OK; i++)
		rc = each(cookie, g[i].epoch, g[i].comps, g[i].recipient, st);
	free(g);
	return (rc);
}

#define COMPS (RX_COMP_ROOT + 1)

/* The newest epoch of each compartment of ${unit}. */
static rx_err
newest_all(struct rx_session *s, const char *unit, uint32_t newest[COMPS],
    struct rx_status *st)
{
	struct rx_value arg = rx_text(unit);
	struct rx_cursor *cur;
	int64_t comp;
	size_t i;
	bool row = false;
	rx_err rc;

	for (i = 0; i < COMPS; i++)
		newest[i] = 1;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_EPOCHS_OF_UNIT, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	/* In order of epochs. */
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((comp = rx_col_int(cur, 1)) > 0 && comp < COMPS)
			newest[comp] = (uint32_t)rx_col_int(cur, 2);
	rx_query_close(cur);
	return (rc);
}

/* What of the newest keys ${user} has. */
static unsigned
granted_comps(const struct granted *g, size_t n, const uint32_t newest[COMPS],
    const uint8_t *user)
{
	unsigned comps = 0;
	size_t i, c;

	for (i = 0; i < n; i++)
		for (c = 1; c < COMPS; c++)
			if ((g[i].comps & RX_BIT(c)) != 0 &&
			    g[i].epoch == newest[c] &&
			    memcmp(g[i].recipient, user, RX_ID_BYTES) == 0)
				comps |= RX_BIT(c);
	return (comps);
}

/* The compartments that anybody was granted. */
static unsigned
granted_any(const struct granted *g, size_t n)
{
	unsigned comps = 0;
	size_t i;

	for (i = 0; i < n; i++)
		comps |= g[i].comps;
	return (comps);
}

rx_err
rx_granted_newest(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    const uint8_t user[RX_ID_BYTES], unsigned *comps, struct rx_status *st)
{
	uint32_t newest[COMPS];
	struct granted *g;
	size_t n;
	rx_err rc;

	*comps = 0;
	if ((rc = newest_all(s, unit, newest, st)) != RX_OK ||
	    (rc = granted_load(s, unit, &g, &n, st)) != RX_OK)
		return (rc);
	*comps = granted_comps(g, n, newest, user);
	free(g);
	return (RX_OK);
}

/* Call ${each} for the newest certificate of everybody at work, but ${user} and
 * the recovery key, who has the newest keys ${comps} of ${unit}. */
static rx_err
holders_each(struct rx_session *s, const uint8_t *user, const char *unit,
    unsigned comps,
    rx_err (*each)(void *, const struct rx_member *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	uint32_t newest[COMPS];
	struct granted *g;
	size_t i, n;
	rx_err rc;

	if ((rc = newest_all(s, unit, newest, st)) != RX_OK ||
	    (rc = granted_load(s, unit, &g, &n, st)) != RX_OK)
		return (rc);
	for (i = 0; i < s->nmembers && rc == RX_OK; i = rx_member_next(s, i)) {
		const struct rx_member *m = rx_member_newest(s, i);

		if (n > 0 && m != NULL &&
		    m->cert.role != RX_ROLE_RECOVERY &&
		    memcmp(m->cert.user, user, RX_ID_BYTES) != 0 &&
		    (comps & ~granted_comps(g, n, newest,
		    m->cert.user)) == 0 &&
		    (comps & ~rx_entitled(s, i, unit)) == 0)
			rc = each(cookie, m, st);
	}
	free(g);
	return (rc);
}

#define HOLDERS_NAMED 3

struct holders {
	char *text;
	size_t size, n;
};

static rx_err
holder_add(void *cookie, const struct rx_member *m, struct rx_status *st)
{
	struct holders *h = cookie;
	const size_t n = strlen(h->text);

	(void)st;
	if (h->n++ < HOLDERS_NAMED)
		(void)snprintf(h->text + n, h->size - n, "%s%s", n > 0 ?
		    ", " : "", m->cert.name);
	return (RX_OK);
}

/* The names of some of them; "" when there is nobody. */
static rx_err
holders_text(struct rx_session *s, const char *unit, unsigned comps,
    char *out, size_t size, struct rx_status *st)
{
	struct holders h = { out, size, 0 };

	out[0] = '\0';
	return (holders_each(s, s->user_id, unit, comps, holder_add, &h, st));
}

/* The key is not held: say who could hand it on by signing in once. */
static rx_err
no_key(struct rx_session *s, const char *unit, enum rx_compartment comp,
    struct rx_status *st)
{
	char text[RX_UNIT_TEXT], who[200] = "";
	struct rx_status ignored;

	if (rx_unit_of_register(unit))
		return (rx_fail(st, RX_EPERM, RX_MSG_NO_REGISTER_KEY));
	rx_unit_text(text, unit);
	rx_status_arg(st, "unit", "%s", text);
	if ((rx_entitled(s, rx_member_first(s, s->user_id), unit) &
	    RX_BIT(comp)) == 0)
		return (rx_fail(st, RX_EPERM, RX_MSG_NO_KEY_EVER));
	/* Without names the sentence still says what is missing. */
	rx_status_clear(&ignored);
	if (holders_text(s, unit, RX_BIT(comp), who, sizeof(who), &ignored) !=
	    RX_OK || who[0] == '\0')
		return (rx_fail(st, RX_EPERM, RX_MSG_NO_KEY_NOBODY));
	rx_status_arg(st, "who", "%s", who);
	return (rx_fail(st, RX_EPERM, RX_MSG_NO_KEY));
}

/* Hand the newest keys ${comps} of ${unit} to members[first..]: a grant for
 * those of one epoch. */
static rx_err
grant_newest(struct rx_session *s, const char *unit,
    const uint32_t newest[COMPS], unsigned comps, size_t first,
    struct rx_status *st)
{
	unsigned c, k, same;
	rx_err rc;

	for (c = 1; c < COMPS; c++) {
		if ((comps & RX_BIT(c)) == 0)
			continue;
		for (same = 0, k = c; k < COMPS; k++)
			if ((comps & RX_BIT(k)) != 0 && newest[k] == newest[c])
				same |= RX_BIT(k);
		if ((rc = grant_to(s, unit, newest[c], same, first, st)) !=
		    RX_OK)
			return (rc);
		comps &= ~same;
	}
	return (RX_OK);
}

/* What was granted of the newest keys of one unit. */
struct granting {
	uint32_t newest[COMPS];
	struct granted *g;
	size_t n;
	unsigned mine;
};

static rx_err
granting_load(struct granting *now, struct rx_session *s, const char *unit,
    struct rx_status *st)
{
	rx_err rc;

	memset(now, 0, sizeof(*now));
	if ((rc = newest_all(s, unit, now->newest, st)) != RX_OK ||
	    (rc = granted_load(s, unit, &now->g, &now->n, st)) != RX_OK)
		return (rc);
	now->mine = granted_comps(now->g, now->n, now->newest, s->user_id);
	return (RX_OK);
}

/* In a transaction if ${make}: grant members[first..] what he lacks and the
 * session has.  Otherwise only count it in ${*made}. */
static rx_err
grant_missing(struct rx_session *s, const char *unit,
    const struct granting *now, size_t first, bool make, size_t *made,
    struct rx_status *st)
{
	const unsigned missing = now->mine & rx_entitled(s, first, unit) &
	    ~granted_comps(now->g, now->n, now->newest,
	    s->members[first].cert.user);

	if (missing == 0)
		return (RX_OK);
	(*made)++;
	return (!make ? RX_OK :
	    grant_newest(s, unit, now->newest, missing, first, st));
}

rx_err
rx_root_insert(struct rx_session *s, const uint8_t recipient[RX_ID_BYTES],
    const uint8_t box_public[RX_BOX_PUBLIC_BYTES], struct rx_status *st)
{
	const struct rx_key *const keys[RX_GRANT_KEYS] = { NULL, NULL,
	    s->scratch[2] };
	rx_err rc;

	memcpy(s->scratch[2]->b, s->blob->root_seed, RX_KEY_BYTES);
	rc = rx_grant_insert(s, RX_REGISTER_KEYS, 1, RX_BIT(RX_COMP_ROOT), keys,
	    recipient, box_public, st);
	rx_wipe(s->scratch[2]->b, RX_KEY_BYTES);
	return (rc);
}

/* The same, by the administrator: the root seed to members[first..], if they are
 * the recovery key that is trusted and have none yet. */
static rx_err
grant_root(struct rx_session *s, const struct granting *now, size_t first,
    bool make, size_t *made, struct rx_status *st)
{
	const struct rx_member *m = rx_member_newest(s, first);

	if (m == NULL || (rx_entitled(s, first, RX_REGISTER_KEYS) &
	    ~granted_comps(now->g, now->n, now->newest, m->cert.user) &
	    RX_BIT(RX_COMP_ROOT)) == 0)
		return (RX_OK);
	(*made)++;
	return (!make ? RX_OK :
	    rx_root_insert(s, m->cert.user, m->cert.box_public, st));
}

/* The same for everybody, or for ${user} alone if he is not NULL. */
static rx_err
grant_each(struct rx_session *s, const char *unit, const uint8_t *user,
    bool make, size_t *made, struct rx_status *st)
{
	const bool own = rx_unit_of_register(unit);
	struct granting now;
	size_t i;
	rx_err rc;

	/* From anybody else they would be refused (rx_may_grant). */
	if (own && !rx_session_has_role(s, RX_ROLE_ADMIN))
		return (RX_OK);
	if ((rc = granting_load(&now, s, unit, st)) != RX_OK)
		return (rc);
	for (i = 0; i < s->nmembers && rc == RX_OK; i = rx_member_next(s, i)) {
		if (user != NULL && memcmp(s->members[i].cert.user, user,
		    RX_ID_BYTES) != 0)
			continue;
		rc = grant_missing(s, unit, &now, i, make, made, st);
		if (rc == RX_OK && own)
			rc = grant_root(s, &now, i, make, made, st);
	}
	free(now.g);
	return (rc);
}

/* Begin a transaction if something is to be granted; grant it. */
static rx_err
grant_waiting(struct rx_session *s, const char *unit, const uint8_t *user,
    size_t *made, struct rx_status *st)
{
	size_t n = 0;
	rx_err rc;

	if (rx_store_in_transaction(s->store))
		return (grant_each(s, unit, user, true, made, st));
	if ((rc = grant_each(s, unit, user, false, &n, st)) != RX_OK ||
	    n == 0 || (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* Others may have written before it began: the members may be a new
	 * list, and what was missing is asked again. */
	n = 0;
	if ((rc = grant_each(s, unit, user, true, &n, st)) == RX_OK && n == 0)
		rx_abandon(s);
	*made += n;
	return (rc);
}

rx_err
rx_grant_unit(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t *made, struct rx_status *st)
{

	return (grant_waiting(s, unit, NULL, made, st));
}

rx_err
rx_grant_member(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t first, size_t *made, struct rx_status *st)
{
	uint8_t user[RX_ID_BYTES];

	/* The list may become another one. */
	memcpy(user, s->members[first].cert.user, sizeof(user));
	return (grant_waiting(s, unit, user, made, st));
}

struct grant_key {		/* key columns of unit_grant */
	char unit[RX_UNIT_BYTES];
	uint32_t epoch;
	unsigned comps;
};

/* The key columns of what ${user} was granted, appended to ${out}. */
static rx_err
grants_to(struct rx_session *s, const uint8_t *user, struct rx_buf *out,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(user, RX_ID_BYTES);
	struct grant_key k;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_GRANTS_TO, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		memset(&k, 0, sizeof(k));
		rx_unit_set(k.unit, rx_col_text(cur, 0));
		k.epoch = (uint32_t)rx_col_int(cur, 1);
		k.comps = (unsigned)rx_col_int(cur, 2);
		if ((rc = rx_buf_add(out, &k, sizeof(k), st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_grants_forget(struct rx_session *s, const uint8_t user[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_buf grants = RX_BUF_INIT;
	struct rx_value key[4];
	struct grant_key k;
	size_t i;
	rx_err rc;

	rc = grants_to(s, user, &grants, st);
	for (i = 0; i < grants.len && rc == RX_OK; i += sizeof(k)) {
		memcpy(&k, grants.b + i, sizeof(k));
		key[0] = rx_text(k.unit);
		key[1] = rx_int(k.epoch);
		key[2] = rx_int(k.comps);
		key[3] = rx_bytes(user, RX_ID_BYTES);
		rc = rx_store_delete(s->store, RX_TABLE_UNIT_GRANT, key, NULL,
		    st);
	}
	if (rc == RX_OK)
		rc = rx_slots_forget_to(s, user, st);
	if (rc == RX_OK)
		rc = rx_kept_forget(s, user, st);
	rx_buf_free(&grants);
	return (rc);
}

/* Make ${make}, the missing compartments of ${unit}'s first epoch. */
static rx_err
keys_make(struct rx_session *s, const char *unit, unsigned make,
    struct rx_status *st)
{
	const struct rx_key *some[RX_GRANT_KEYS];
	const struct rx_member *m;
	unsigned comps, c;
	size_t i, k;
	rx_err rc = RX_OK;

	for (k = 0; k < RX_GRANT_KEYS; k++)
		rx_random(s->scratch[k]->b, RX_KEY_BYTES);
	for (i = 0; i < s->nmembers && rc == RX_OK; i = rx_member_next(s, i)) {
		if ((comps = rx_entitled(s, i, unit) & make) == 0 ||
		    (m = rx_member_newest(s, i)) == NULL)
			continue;
		for (k = 0; k < RX_GRANT_KEYS; k++)
			some[k] = comps & RX_BIT(rx_grant_comp(comps, k)) ?
			    s->scratch[k] : NULL;
		rc = rx_grant_insert(s, unit, 1, comps, some, m->cert.user,
		    m->cert.box_public, st);
	}
	for (k = 0; k < RX_GRANT_KEYS && rc == RX_OK; k++) {
		c = rx_grant_comp(make, k);
		if ((make & RX_BIT(c)) != 0)
			rc = held_add(s, unit, (uint8_t)c, 1, s->scratch[k],
			    st);
	}
	for (k = 0; k < RX_GRANT_KEYS; k++)
		rx_wipe(s->scratch[k]->b, RX_KEY_BYTES);
	return (rc);
}

/* The compartments of ${unit} that have no key and that the session is entitled
 * to.  Nobody makes a key that he may not hold: a statistician who writes first
 * makes the coded key, a director later the other two. */
static rx_err
keys_lacking(struct rx_session *s, const char *unit, unsigned *make,
    struct rx_status *st)
{
	struct granted *g;
	size_t n;
	rx_err rc;

	*make = 0;
	if ((rc = granted_load(s, unit, &g, &n, st)) != RX_OK)
		return (rc);
	*make = rx_entitled(s, rx_member_first(s, s->user_id), unit) &
	    ~granted_any(g, n);
	free(g);
	return (RX_OK);
}

rx_err
rx_unit_keys_ensure(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	unsigned make;
	rx_err rc;

	if ((rc = keys_lacking(s, unit, &make, st)) != RX_OK || make == 0)
		return (rc);
	if (s->copy) {
		char text[RX_UNIT_TEXT];

		rx_unit_text(text, unit);
		rx_status_arg(st, "unit", "%s", text);
		return (rx_fail(st, RX_EPERM, RX_MSG_COPY_UNIT_KEYS));
	}
	if (rx_store_in_transaction(s->store))
		return (keys_make(s, unit, make, st));
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* Somebody else may have made them before it began: other keys in
	 * their place would open nothing of what he wrote. */
	if ((rc = keys_lacking(s, unit, &make, st)) == RX_OK && make != 0)
		return (keys_make(s, unit, make, st));
	rx_abandon(s);
	return (rc);
}

/* ---- pending grants ---- */

rx_err
rx_keyed_units(struct rx_session *s, const char *unit, struct rx_buf *out,
    struct rx_status *st)
{
	char first[RX_UNIT_BYTES], last[RX_UNIT_BYTES], id[RX_UNIT_BYTES];
	struct rx_value args[2];
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	rx_unit_range(unit, first, last);
	args[0] = rx_text(first);
	args[1] = rx_text(last);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_KEYED_UNITS, args, 2,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		rx_unit_set(id, rx_col_text(cur, 0));
		if ((rc = rx_buf_add(out, id, sizeof(id), st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_units_of(struct rx_session *s, size_t first, struct rx_buf *out,
    struct rx_status *st)
{
	size_t i;
	rx_err rc;

	if ((rc = rx_buf_add(out, RX_REGISTER_KEYS, RX_UNIT_BYTES, st)) !=
	    RX_OK)
		return (rc);
	for (i = first; i < rx_member_next(s, first); i++)
		if (rx_member_live(&s->members[i]) &&
		    s->members[i].cert.role != RX_ROLE_ADMIN &&
		    (rc = rx_keyed_units(s, s->members[i].cert.unit, out, st)) !=
		    RX_OK)
			return (rc);
	return (RX_OK);
}

rx_err
rx_grants_pending(struct rx_session *s, size_t first, struct rx_buf *out,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	const uint8_t *user = s->members[first].cert.user;
	uint32_t newest[COMPS];
	struct granted *g;
	const char *unit;
	size_t i, n;
	rx_err rc;

	if ((rc = rx_units_of(s, first, &units, st)) != RX_OK)
		goto done;
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		unit = (const char *)units.b + i;
		if ((rc = newest_all(s, unit, newest, st)) != RX_OK ||
		    (rc = granted_load(s, unit, &g, &n, st)) != RX_OK)
			goto done;
		if (n > 0 && (rx_entitled(s, first, unit) &
		    ~granted_comps(g, n, newest, user)) != 0)
			rc = rx_buf_add(out, unit, RX_UNIT_BYTES, st);
		free(g);
	}
done:
	rx_buf_free(&units);
	return (rc);
}

struct naming {
	rx_err (*each)(void *, const char *, enum rx_role, struct rx_status *);
	void *cookie;
};

static rx_err
name_holder(void *cookie, const struct rx_member *m, struct rx_status *st)
{
	const struct naming *n = cookie;

	return (n->each(n->cookie, m->cert.name, (enum rx_role)m->cert.role,
	    st));
}

rx_err
rx_key_holders_each(struct rx_session *s, const char *user,
    const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, const char *name, enum rx_role role,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	struct naming n = { each, cookie };
	unsigned missing;
	size_t i;

	for (i = 0; i < s->nmembers && strcmp(s->members[i].cert.name, user) !=
	    0; i++)
		;
	if (i == s->nmembers)
		return (RX_OK);
	i = rx_member_first(s, s->members[i].cert.user);
	missing = rx_entitled(s, i, unit);
	return (missing == 0 ? RX_OK : holders_each(s,
	    s->members[i].cert.user, unit, missing, name_holder, &n, st));
}

rx_err
rx_unit_holders_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, const char *name, enum rx_role role,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	static const uint8_t nobody[RX_ID_BYTES];
	struct naming n = { each, cookie };
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	return (holders_each(s, nobody, unit, RX_CASE_KEYS, name_holder, &n,
	    st));
}

bool
rx_unit_of_register(const char unit[RX_UNIT_BYTES])
{

	return (memcmp(unit, RX_REGISTER_KEYS, RX_UNIT_BYTES) == 0);
}

/* Whether ${user} was granted all of the newest keys of ${unit} that anybody
 * was. */
static rx_err
holds_newest(struct rx_session *s, const char *unit, const uint8_t *user,
    bool *held, struct rx_status *st)
{
	uint32_t newest[COMPS];
	struct granted *g;
	size_t n;
	rx_err rc;

	if ((rc = newest_all(s, unit, newest, st)) != RX_OK ||
	    (rc = granted_load(s, unit, &g, &n, st)) != RX_OK)
		return (rc);
	*held = (granted_any(g, n) &
	    ~granted_comps(g, n, newest, user)) == 0;
	free(g);
	return (RX_OK);
}

rx_err
rx_custody_each(struct rx_session *s, int64_t *made,
    rx_err (*each)(void *, const char unit[RX_UNIT_BYTES], bool held,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	const uint8_t *recovery = NULL;
	const char *unit;
	bool held = false;
	size_t i;
	rx_err rc;

	*made = 0;
	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].cert.role == RX_ROLE_RECOVERY &&
		    rx_member_live(&s->members[i])) {
			recovery = s->members[i].cert.user;
			*made = s->members[i].cert.not_before;
		}
	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = rx_keyed_units(s, s->unit, &units, st)) != RX_OK)
		goto done;
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		unit = (const char *)units.b + i;
		if (recovery != NULL && (rc = holds_newest(s, unit, recovery,
		    &held, st)) != RX_OK)
			break;
		rc = each(cookie, unit, held, st);
	}
done:
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_grants_heal(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	size_t i, made = 0;
	rx_err rc;

	if ((rc = rx_units_of(s, rx_member_first(s, s->user_id), &units, st)) !=
	    RX_OK)
		goto done;
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = rx_grant_unit(s, (const char *)units.b + i, &made, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = rx_slots_heal(s, (const char *)units.b + i, &made, st);
	if (rx_store_in_transaction(s->store))
		rc = rx_finish(s, rc, RX_DID_GRANT, NULL, NULL, st);
	if (rc == RX_OK)
		rc = rx_rotations_heal(s, &units, st);
done:
	rx_buf_free(&units);
	return (rc);
}

/* ---- a new seed ---- */

/* Seal every grant of ${unit} to this session anew, to ${to}. */
static rx_err
rekey_unit(struct rx_session *s, const struct rx_identity *to,
    const char *unit, struct rx_status *st)
{
	struct rx_value args[2] = { rx_text(unit),
	    rx_bytes(s->user_id, RX_ID_BYTES) };
	struct { uint32_t epoch; unsigned comps; } rows[64];
	const struct rx_key *keys[RX_GRANT_KEYS];
	struct rx_cursor *cur;
	size_t i, k, n = 0;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_GRANT_FOR, args, 2,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row && n < 64) {
		rows[n].epoch = (uint32_t)rx_col_int(cur, 1);
		rows[n++].comps = (unsigned)rx_col_int(cur, 2);
	}
	rx_query_close(cur);
	for (i = 0; i < n && rc == RX_OK; i++) {
		for (k = 0; k < RX_GRANT_KEYS && rc == RX_OK; k++) {
			const enum rx_compartment c =
			    rx_grant_comp(rows[i].comps, k);

			keys[k] = NULL;
			if ((rows[i].comps & RX_BIT(c)) != 0)
				rc = rx_unit_key(s, unit, c, rows[i].epoch,
				    &keys[k], NULL, st);
		}
		if (rc == RX_OK)
			rc = rx_grant_insert(s, unit, rows[i].epoch,
			    rows[i].comps, keys, s->user_id, to->box_public,
			    st);
	}
	return (rc);
}

rx_err
rx_grants_rekey(struct rx_session *s, const struct rx_identity *to,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(s->user_id, RX_ID_BYTES);
	struct rx_buf units = RX_BUF_INIT;
	struct rx_cursor *cur;
	char unit[RX_UNIT_BYTES];
	size_t i;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_GRANTS_TO, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		rx_unit_set(unit, rx_col_text(cur, 0));
		/* Ordered by unit: an epoch later it is the same unit. */
		if (units.len > 0 && memcmp(units.b + units.len -
		    RX_UNIT_BYTES, unit, RX_UNIT_BYTES) == 0)
			continue;
		if ((rc = rx_buf_add(&units, unit, sizeof(unit), st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = rekey_unit(s, to, (const char *)units.b + i, st);
	if (rc == RX_OK)
		rc = rx_slots_rekey(s, to, st);
	rx_buf_free(&units);
	return (rc);
}
