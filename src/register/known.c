#include <stdlib.h>

#include "register/save.h"

/*
 * What the session has read of the cases of its units, so that a list opens
 * only what is new.  Opening all records of all one's cases takes tens of
 * microseconds a child.
 *
 * Whoever writes enters it in the audit, in the same transaction.  So what was
 * read when the audit ended with entry n stands while n is the last; and of
 * later entries a save or a review tells which case is to be read again, some
 * tell that no case is, and at any other everything is read again.  What was
 * read was authenticated then.
 */

/* Entries that are looked at, at most: then, and for each case that is known.
 * One costs less than half of what reading a case does. */
#define BEHIND 500
#define BEHIND_CASE 2
#define KEEP_OF 8	/* one case in so many was read anew: all are kept again */

static void
entry_clear(struct rx_known *k)
{

	if (k->flags != NULL)
		rx_wipe(k->flags, k->nflags * sizeof(*k->flags));
	free(k->flags);
	rx_buf_free(&k->coded);
	k->flags = NULL;
	k->nflags = 0;
	memset(&k->state, 0, sizeof(k->state));
	k->read = k->named = false;
}

static void
unit_free(struct rx_known_unit *u)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		entry_clear(&u->k[i]);
	free(u->k);
	rx_secret_free(u->names);
	free(u);
}

void
rx_known_free(struct rx_session *s)
{
	size_t i;

	for (i = 0; i < s->nknown; i++)
		unit_free(s->known[i]);
	free(s->known);
	s->known = NULL;
	s->nknown = s->knowncap = 0;
	s->known_to.seq = 0;
	s->kept.fresh = 0;
}

/* ---- what is new ---- */

/* Where ${unit} stands, or would stand. */
static size_t
unit_place(const struct rx_session *s, const char *unit)
{
	size_t low = 0, high = s->nknown, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (memcmp(s->known[mid]->unit, unit, RX_UNIT_BYTES) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

struct rx_known *
rx_known_find(const struct rx_known_unit *u, const uint8_t id[RX_ID_BYTES])
{
	size_t low = 0, high = u->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (memcmp(u->k[mid].id, id, RX_ID_BYTES) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low < u->n && memcmp(u->k[low].id, id, RX_ID_BYTES) == 0 ?
	    &u->k[low] : NULL);
}

/* The case of the record or child ${id} is to be read again; *found is false
 * when there is none. */
static rx_err
case_changed(struct rx_session *s, const uint8_t *id, bool *found,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	char unit[RX_UNIT_BYTES];
	struct rx_known *k;
	struct rx_cursor *cur;
	const uint8_t *child;
	size_t i, n;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CASE_OF, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found) {
		child = rx_col_bytes(cur, 0, &n);
		rx_unit_set(unit, rx_col_text(cur, 1));
		i = unit_place(s, unit);
		if (n == RX_ID_BYTES && i < s->nknown &&
		    memcmp(s->known[i]->unit, unit, RX_UNIT_BYTES) == 0) {
			if ((k = rx_known_find(s->known[i], child)) != NULL)
				entry_clear(k);
			else
				s->known[i]->listed = false;
		}
	}
	rx_query_close(cur);
	return (rc);
}

/* Take note of what the entry ${e} did; *all tells that it may be anything. */
static rx_err
entry_seen(struct rx_session *s, const struct rx_audit_entry *e, bool *all,
    struct rx_status *st)
{
	static const char activity[] = "activity";
	const enum rx_effect effect = rx_action_effect(e->action);
	bool found = false;
	rx_err rc;

	*all = effect > RX_EFFECT_CASE;
	if (effect != RX_EFFECT_CASE || (e->action == RX_DID_SAVE &&
	    e->n == sizeof(activity) - 1 &&
	    memcmp(e->detail, activity, e->n) == 0))
		return (RX_OK);
	rc = case_changed(s, e->subject, &found, st);
	*all = !found;
	return (rc);
}

size_t
rx_known_cases(const struct rx_session *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->nknown; i++)
		n += s->known[i]->n;
	return (n);
}

/* How many entries may have been made since: what is known is worth so much. */
static uint64_t
behind_most(const struct rx_session *s)
{

	return (BEHIND + BEHIND_CASE * (uint64_t)rx_known_cases(s));
}

bool
rx_known_follows(struct rx_session *s, const struct rx_audit_head *head)
{
	struct rx_audit_head last;
	struct rx_audit_entry e;
	struct rx_status ignored;
	bool row = true, all = false;
	uint64_t seq;
	rx_err rc;

	if (s->known_to.seq == 0 || head->seq < s->known_to.seq ||
	    head->seq - s->known_to.seq > behind_most(s))
		return (false);
	rx_status_clear(&ignored);
	if (rx_audit_head_at(s, s->known_to.seq, &last, &ignored) != RX_OK ||
	    memcmp(last.hash, s->known_to.hash, RX_HASH_BYTES) != 0)
		return (false);
	for (seq = s->known_to.seq + 1; seq <= head->seq && row && !all;
	    seq++) {
		/* Under a key that is still to come, say: then anything. */
		if ((rc = rx_audit_peek_at(s, seq, &e, &row, &ignored)) ==
		    RX_OK && row)
			rc = entry_seen(s, &e, &all, &ignored);
		all |= rc != RX_OK;
	}
	return (row && !all);
}

/* Forget what others, or the session itself, have changed since.  What is
 * written in a transaction that is not over may be rolled back: everything is
 * read anew in it, and forgotten at the next call. */
static rx_err
refresh(struct rx_session *s, bool list, struct rx_status *st)
{
	struct rx_audit_head head;
	rx_err rc;

	if (rx_store_in_transaction(s->store)) {
		rx_known_free(s);
		return (RX_OK);
	}
	/* One case is read sooner than all are opened that were kept. */
	if ((list && !s->kept.tried && (rc = rx_kept_load(s, st)) != RX_OK) ||
	    (rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	if (head.seq == s->known_to.seq && memcmp(head.hash, s->known_to.hash,
	    RX_HASH_BYTES) == 0)
		return (RX_OK);
	if (!rx_known_follows(s, &head))
		rx_known_free(s);
	s->known_to = head;
	return (RX_OK);
}

/* ---- units ---- */

rx_err
rx_known_place(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_known_unit **out, struct rx_status *st)
{
	const size_t i = unit_place(s, unit);
	struct rx_known_unit **grown, *u;
	size_t cap;

	if (i < s->nknown && memcmp(s->known[i]->unit, unit,
	    RX_UNIT_BYTES) == 0) {
		*out = s->known[i];
		return (RX_OK);
	}
	if (s->nknown == s->knowncap) {
		cap = 2 * s->knowncap + 16;
		if ((grown = reallocarray(s->known, cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		s->known = grown;
		s->knowncap = cap;
	}
	if ((u = calloc(1, sizeof(*u))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	memcpy(u->unit, unit, RX_UNIT_BYTES);
	memmove(&s->known[i + 1], &s->known[i],
	    (s->nknown - i) * sizeof(*s->known));
	s->known[i] = u;
	s->nknown++;
	*out = u;
	return (RX_OK);
}

rx_err
rx_known_list(struct rx_known_unit *u, const struct rx_buf *ids,
    struct rx_status *st)
{
	const size_t n = ids->len / RX_ID_BYTES;
	struct rx_known *k, *old;
	size_t i;

	if ((k = calloc(n + 1, sizeof(*k))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < n; i++) {
		const uint8_t *id = ids->b + i * RX_ID_BYTES;

		if ((old = rx_known_find(u, id)) != NULL) {
			k[i] = *old;
			memset(old, 0, sizeof(*old));
			memcpy(old->id, id, RX_ID_BYTES);
		} else {
			memcpy(k[i].id, id, RX_ID_BYTES);
		}
	}
	for (i = 0; i < u->n; i++)
		entry_clear(&u->k[i]);
	free(u->k);
	u->k = k;
	u->n = n;
	u->listed = true;
	return (RX_OK);
}

/* List ${u}, unless it is. */
static rx_err
unit_list(struct rx_session *s, struct rx_known_unit *u, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	rx_err rc;

	if (u->listed)
		return (RX_OK);
	if ((rc = rx_child_ids(s, u->unit, &ids, st)) == RX_OK)
		rc = rx_known_list(u, &ids, st);
	rx_buf_free(&ids);
	return (rc);
}

/* The cases of ${unit}, of which a ${list} is to be made. */
static rx_err
known_unit(struct rx_session *s, const char unit[RX_UNIT_BYTES], bool list,
    struct rx_known_unit **out, struct rx_status *st)
{
	struct rx_known_unit *u;
	rx_err rc;

	*out = NULL;
	if ((rc = refresh(s, list, st)) != RX_OK ||
	    (rc = rx_known_place(s, unit, &u, st)) != RX_OK ||
	    (rc = unit_list(s, u, st)) != RX_OK)
		return (rc);
	*out = u;
	return (RX_OK);
}

rx_err
rx_known_unit(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_known_unit **out, struct rx_status *st)
{

	return (known_unit(s, unit, true, out, st));
}

/* ---- cases ---- */

rx_err
rx_known_read(struct rx_session *s, struct rx_case *c,
    const struct rx_known_unit *u, struct rx_known *k, struct rx_status *st)
{
	struct rx_record r;
	rx_err rc;

	if (k->read) {
		rx_flags_now(s, u->unit, &k->state, k->flags, k->nflags);
		return (RX_OK);
	}
	rx_record_init(&r);
	if ((rc = rx_case_load(c, s, k->id, u->unit, RX_BIT(RX_COMP_CODED),
	    st)) == RX_OK &&
	    (rc = rx_case_read(s, c, &r, &k->state, &k->flags, &k->nflags,
	    st)) == RX_OK &&
	    (rc = rx_record_encode(&k->coded, &r, RX_COMP_CODED, st)) ==
	    RX_OK) {
		memcpy(k->author, r.author, RX_ID_BYTES);
		k->at = r.at;
		k->epoch = r.epoch;
		k->read = true;
		s->kept.fresh++;
	} else
		entry_clear(k);
	rx_record_free(&r);
	return (rc);
}

rx_err
rx_case_known(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    struct rx_known **known, struct rx_status *st)
{
	struct rx_known_unit *u;
	struct rx_known *k;
	rx_err rc;

	*known = NULL;
	if ((rc = known_unit(s, unit, false, &u, st)) != RX_OK)
		return (rc);
	if ((k = rx_known_find(u, id)) == NULL)
		return (rx_fail(st, RX_ENOENT, RX_MSG_CHILD_UNKNOWN));
	if ((rc = rx_known_read(s, c, u, k, st)) == RX_OK)
		*known = k;
	return (rc);
}

rx_err
rx_known_child(const struct rx_known_unit *u, const struct rx_known *k,
    struct rx_record *r, struct rx_status *st)
{

	rx_record_reset(r);
	r->type = RX_CHILD;
	memcpy(r->id, k->id, RX_ID_BYTES);
	memcpy(r->child, k->id, RX_ID_BYTES);
	memcpy(r->unit, u->unit, RX_UNIT_BYTES);
	memcpy(r->author, k->author, RX_ID_BYTES);
	r->version = k->state.version;
	r->at = k->at;
	r->epoch = k->epoch;
	return (rx_record_decode(r, RX_COMP_CODED, k->coded.b, k->coded.len,
	    st));
}

void
rx_known_row(const struct rx_known *k, const struct rx_record *r,
    struct rx_child_row *row)
{
	const struct rx_case_state *state = &k->state;

	row->child = r;
	row->observations = state->observations;
	row->interventions = state->interventions;
	row->risk = state->risk;
	row->last = state->last;
	row->due = state->due;
	row->flagged = state->flagged;
	row->withdrawn = state->withdrawn;
	row->closed_on = state->closed ? state->closed_on : 0;
	row->consent_on = state->consent_on;
	row->kept_until = state->kept_until;
}

/* ---- for the next session ---- */

rx_err
rx_known_keep(struct rx_session *s, size_t least, struct rx_status *st)
{
	const bool far = s->kept.seq != 0 && s->known_to.seq > s->kept.seq &&
	    s->known_to.seq - s->kept.seq > behind_most(s) / 2;

	if (s->borrowed || s->known_to.seq == 0 ||
	    rx_store_in_transaction(s->store))
		return (RX_OK);
	/* Some times as many bytes are written as are read for a case. */
	if (!far && s->kept.fresh < least + rx_known_cases(s) / KEEP_OF)
		return (RX_OK);
	return (rx_kept_save(s, st));
}

/* ---- names ---- */

bool
rx_known_named(const struct rx_known_unit *u, const struct rx_known *k)
{

	return (k->named && u->names != NULL);
}

/* The name of ${k} among ${names}, the other texts behind it; NULL when it was not
 * opened. */
static const char *
name_of(const struct rx_names *names, const struct rx_known_unit *u,
    const struct rx_known *k)
{

	if (names == NULL || names->at == NULL || names->at[k - u->k] == 0)
		return (NULL);
	return ((const char *)names->text.b + names->at[k - u->k] - 1);
}

rx_err
rx_known_name(struct rx_session *s, struct rx_case *c,
    const struct rx_known_unit *u, const struct rx_known *k,
    const struct rx_names *names, struct rx_record *r, struct rx_status *st)
{
	const char *name = rx_known_named(u, k) ?
	    (const char *)u->names->b + k->text : name_of(names, u, k);
	rx_err rc;

	if (name != NULL) {
		r->identity = true;
		return (*name == '\0' ? RX_OK : rx_record_set_text(r,
		    RX_F_NAME, name, strlen(name), st));
	}
	if ((rc = rx_case_load(c, s, k->id, u->unit, RX_BIT(RX_COMP_IDENTITY),
	    st)) != RX_OK)
		return (rc);
	return (rx_child_name_open(s, c, false, r, st));
}

void
rx_text_fold(char *text)
{

	for (; *text != '\0'; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* Append ${text} and its NUL, in small letters when ${fold}. */
static rx_err
text_add(struct rx_buf *out, const char *text, bool fold, struct rx_status *st)
{
	const size_t at = out->len, n = strlen(text) + 1;
	rx_err rc;

	if ((rc = rx_buf_add(out, text, n, st)) == RX_OK && fold)
		rx_text_fold((char *)out->b + at);
	return (rc);
}

/* Append what one searches for in the case ${k}, opened by itself. */
static rx_err
texts_open(struct rx_buf *out, struct rx_session *s, struct rx_case *c,
    const struct rx_known_unit *u, const struct rx_known *k,
    struct rx_record *r, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_case_load(c, s, k->id, u->unit, RX_BIT(RX_COMP_IDENTITY) |
	    RX_BIT(RX_COMP_CODED), st)) != RX_OK ||
	    (rc = rx_child_open(s, c, 0, false, r, st)) != RX_OK ||
	    (rc = rx_child_name_open(s, c, true, r, st)) != RX_OK ||
	    (rc = text_add(out, rx_record_text(r, RX_F_NAME), false, st)) !=
	    RX_OK ||
	    (rc = text_add(out, rx_record_text(r, RX_F_CALLER_ID), true,
	    st)) != RX_OK)
		return (rc);
	return (text_add(out, rx_record_text(r, RX_F_ID_NUMBER), true, st));
}

/* Bytes of the texts of a case at ${p}. */
static size_t
texts_bytes(const char *p)
{
	const char *from = p;
	int i;

	for (i = 0; i < RX_NAMES_TEXTS; i++)
		p += strlen(p) + 1;
	return ((size_t)(p - from));
}

/* Append those of all cases of ${u}, and note where they lie; it is listed then. */
static rx_err
texts_gather(struct rx_buf *out, struct rx_session *s, struct rx_case *c,
    struct rx_known_unit *u, struct rx_status *st)
{
	struct rx_names names = { .at = NULL };
	struct rx_record r;
	struct rx_known *k;
	const char *had;
	size_t i, at;
	rx_err rc;

	rx_record_init(&r);
	rc = rx_names_open(&names, s, u, NULL, true, st);
	for (i = 0; i < u->n && rc == RX_OK; i++) {
		k = &u->k[i];
		at = out->len;
		had = rx_known_named(u, k) ? (const char *)u->names->b +
		    k->text : name_of(&names, u, k);
		rc = had != NULL ? rx_buf_add(out, had, texts_bytes(had), st) :
		    texts_open(out, s, c, u, k, &r, st);
		k->text = at;
	}
	rx_record_free(&r);
	rx_names_free(&names);
	return (rc);
}

/* Whether all of ${u} that is there is named. */
static bool
all_named(const struct rx_known_unit *u)
{
	size_t i;

	for (i = 0; i < u->n && u->k[i].named; i++)
		continue;
	return (u->names != NULL && i == u->n);
}

/* Open the texts of all cases of ${u}, into ${scratch} and, when so much may be
 * locked, the memory of the session. */
static rx_err
texts_open_all(struct rx_session *s, struct rx_case *c,
    struct rx_known_unit *u, struct rx_buf *scratch, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	rc = texts_gather(scratch, s, c, u, st);
	rx_secret_free(u->names);
	u->names = rc == RX_OK && u->n > 0 ? rx_secret_spare(scratch->len) :
	    NULL;
	for (i = 0; i < u->n; i++)
		u->k[i].named = u->names != NULL;
	if (u->names != NULL) {
		memcpy(u->names->b, scratch->b, scratch->len);
		u->names->len = scratch->len;
	}
	return (rc);
}

rx_err
rx_known_texts(struct rx_session *s, struct rx_case *c,
    const char unit[RX_UNIT_BYTES], struct rx_known_unit **out,
    struct rx_buf *scratch, const char **texts, size_t *n,
    struct rx_status *st)
{
	struct rx_known_unit *u;
	rx_err rc;

	rx_buf_reset(scratch);
	*out = NULL;
	*texts = "";
	*n = 0;
	/* One that never was listed is when its names are opened. */
	if ((rc = refresh(s, true, st)) != RX_OK ||
	    (rc = rx_known_place(s, unit, &u, st)) != RX_OK ||
	    (u->n > 0 && (rc = unit_list(s, u, st)) != RX_OK) ||
	    ((!u->listed || !all_named(u)) && (rc = texts_open_all(s, c, u,
	    scratch, st)) != RX_OK))
		return (rc);
	*out = u;
	if (u->n > 0) {
		*texts = (const char *)(u->names != NULL ? u->names->b :
		    scratch->b);
		*n = u->names != NULL ? u->names->len : scratch->len;
	}
	return (RX_OK);
}
