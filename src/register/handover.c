#include <stdlib.h>

#include "base/date.h"
#include "register/internal.h"

/*
 * One person goes, another takes over.  When nobody but the leaver has the keys,
 * he stays until he has handed them on: a statement by the register root says
 * so.  Statement v1, 128 bytes:
 *   "RXHO" || version 1 || 0 0 0 || store 16 || leaver 16 || successor 16 ||
 *   at, ms 8 || signature 64 of the root over "runxin handover v1\0" || the bytes
 *   before
 */

#define STATEMENT_BYTES (8 + 3 * RX_ID_BYTES + 8 + RX_SIGNATURE_BYTES)
#define STATEMENT_LABEL "runxin handover v1"
#define SIGNED (STATEMENT_BYTES - RX_SIGNATURE_BYTES)

static rx_err
statement_insert(struct rx_session *s, const uint8_t *leaver,
    const uint8_t *successor, struct rx_status *st)
{
	uint8_t p[STATEMENT_BYTES] = "RXHO\1", secret[64], root_public[32];
	struct rx_value v[2];

	memcpy(p + 8, s->store_id, RX_ID_BYTES);
	memcpy(p + 24, leaver, RX_ID_BYTES);
	memcpy(p + 40, successor, RX_ID_BYTES);
	rx_put64(p + 56, (uint64_t)rx_session_now(s));
	rx_root_derive(root_public, secret, s->blob->root_seed);
	rx_sign(p + SIGNED, secret, STATEMENT_LABEL, p, SIGNED);
	rx_wipe(secret, sizeof(secret));
	v[0] = rx_bytes(leaver, RX_ID_BYTES);
	v[1] = rx_bytes(p, sizeof(p));
	return (rx_store_replace(s->store, RX_TABLE_HANDOVER, v, st));
}

/* The verified statements, one after the other, appended to ${out}. */
static rx_err
statements(struct rx_session *s, struct rx_buf *out, struct rx_status *st)
{
	struct rx_cursor *cur;
	const uint8_t *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_HANDOVERS, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 1, &n);
		if (n != STATEMENT_BYTES || memcmp(p, "RXHO\1\0\0\0", 8) != 0 ||
		    memcmp(p + 8, s->store_id, RX_ID_BYTES) != 0 ||
		    !rx_sign_verify(p + SIGNED, s->blob->root_public,
		    STATEMENT_LABEL, p, SIGNED)) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT);
			break;
		}
		if ((rc = rx_buf_add(out, p, n, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* ---- who has which keys ---- */

struct holding {		/* of one unit's newest keys */
	struct rx_session *s;
	const uint8_t *leaver, *successor;
	unsigned missing;	/* the successor's, that nobody else has yet */
};

/* Somebody else than the two, who is here, has what is missing? */
static rx_err
other_holder(struct holding *h, const char *unit, struct rx_status *st)
{
	struct rx_session *s = h->s;
	unsigned comps;
	size_t i;
	rx_err rc;

	for (i = 0; i < s->nmembers && h->missing != 0;
	    i = rx_member_next(s, i)) {
		const uint8_t *user = s->members[i].cert.user;

		if (s->members[i].cert.role == RX_ROLE_RECOVERY ||
		    rx_entitled(s, i, unit) == 0 ||
		    memcmp(user, h->leaver, RX_ID_BYTES) == 0 ||
		    memcmp(user, h->successor, RX_ID_BYTES) == 0)
			continue;
		if ((rc = rx_granted_newest(s, unit, user, &comps, st)) !=
		    RX_OK)
			return (rc);
		h->missing &= ~comps;
	}
	return (RX_OK);
}

/* Count the units whose keys ${leaver} has and ${successor} should get: all
 * that are waited for, and those that ${leaver} alone can give. */
static rx_err
waiting(struct rx_session *s, const uint8_t *leaver, const uint8_t *successor,
    unsigned *all, unsigned *alone, struct rx_status *st)
{
	const size_t first = rx_member_first(s, successor);
	struct holding h = { s, leaver, successor, 0 };
	struct rx_buf units = RX_BUF_INIT;
	unsigned his, got;
	size_t i;
	rx_err rc;

	*all = *alone = 0;
	rc = rx_units_of(s, rx_member_first(s, leaver), &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		const char *unit = (const char *)units.b + i;

		if ((rc = rx_granted_newest(s, unit, leaver, &his, st)) !=
		    RX_OK || (rc = rx_granted_newest(s, unit, successor, &got,
		    st)) != RX_OK)
			break;
		h.missing = his & rx_entitled(s, first, unit) & ~got;
		*all += h.missing != 0;
		if (h.missing != 0 && (rc = other_holder(&h, unit, st)) ==
		    RX_OK)
			*alone += h.missing != 0;
	}
	rx_buf_free(&units);
	return (rc);
}

/* ---- the steps ---- */

/* Give ${name} the roles of members[first..], as far as he has them not. */
static rx_err
roles_copy(struct rx_session *s, const uint8_t *leaver, const char *name,
    const struct rx_secret *passphrase, uint8_t *successor,
    struct rx_status *st)
{
	const size_t first = rx_member_first(s, leaver);
	const size_t n = rx_member_next(s, first) - first;
	struct rx_cert *certs;
	size_t i, k = 0;
	rx_err rc = RX_OK;

	/* Enrolling sorts the list of members anew. */
	if ((certs = calloc(n, sizeof(*certs))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = first; i < first + n; i++)
		if (rx_member_live(&s->members[i]))
			certs[k++] = s->members[i].cert;
	for (i = 0; i < k && rc == RX_OK; i++) {
		memset(certs[i].name, 0, sizeof(certs[i].name));
		rx_text_copy(certs[i].name, sizeof(certs[i].name), name);
		rc = rx_person_enrol(s, &certs[i], passphrase, st);
		if (rc == RX_ECONFLICT && st->msg == RX_MSG_USER_EXISTS) {
			rx_status_clear(st);
			rc = RX_OK;
		}
	}
	free(certs);
	if (rc == RX_OK && k == 0)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_USER_DISABLED);
	if (rc == RX_OK) {
		bool found;

		rc = rx_user_find(s, name, successor, &found, st);
	}
	return (rc);
}

static rx_err
handover(struct rx_session *s, const uint8_t *leaver, const char *name,
    const struct rx_secret *passphrase, bool now, struct rx_handover *result,
    struct rx_status *st)
{
	struct rx_value key = rx_bytes(leaver, RX_ID_BYTES);
	uint8_t successor[RX_ID_BYTES];
	unsigned alone;
	size_t ended;
	rx_err rc;

	if ((rc = roles_copy(s, leaver, name, passphrase, successor, st)) !=
	    RX_OK || (rc = waiting(s, leaver, successor, &result->waiting,
	    &alone, st)) != RX_OK)
		return (rc);
	result->ended = now || alone == 0;
	if (!result->ended)
		return (statement_insert(s, leaver, successor, st));
	if ((rc = rx_store_delete(s->store, RX_TABLE_HANDOVER, &key, NULL,
	    st)) != RX_OK)
		return (rc);
	return (rx_person_end(s, rx_member_first(s, leaver), &ended, st));
}

rx_err
rx_user_handover(struct rx_session *s, const char *leaver,
    const char *successor, const struct rx_secret *passphrase, bool now,
    struct rx_handover *result, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	bool found;
	rx_err rc;

	memset(result, 0, sizeof(*result));
	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = rx_user_name_check(successor, st)) != RX_OK ||
	    (rc = rx_user_find(s, leaver, id, &found, st)) != RX_OK)
		return (rc);
	rx_status_arg(st, "user", "%.60s", leaver);
	if (!found)
		return (rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN));
	if (memcmp(id, s->user_id, RX_ID_BYTES) == 0 ||
	    strcmp(leaver, successor) == 0)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_USER_SELF));
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = handover(s, id, successor, passphrase, now, result, st);
	rc = rx_finish(s, rc, RX_DID_HANDOVER, id, successor, st);
	if (rc == RX_OK) {
		rx_status_clear(st);
		rc = rx_members_load(s, s->blob->root_public, st);
	}
	return (rc);
}

/* End one handover, if the keys were handed on. */
static rx_err
complete(struct rx_session *s, const uint8_t *leaver,
    const uint8_t *successor, struct rx_status *st)
{
	struct rx_value key = rx_bytes(leaver, RX_ID_BYTES);
	unsigned all, alone;
	size_t ended;
	rx_err rc;

	if ((rc = waiting(s, leaver, successor, &all, &alone, st)) != RX_OK ||
	    alone != 0)
		return (rc);
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* Who had them may have lost them meanwhile. */
	if ((rc = waiting(s, leaver, successor, &all, &alone, st)) != RX_OK ||
	    alone != 0) {
		rx_abandon(s);
		return (rc);
	}
	if ((rc = rx_store_delete(s->store, RX_TABLE_HANDOVER, &key, NULL,
	    st)) == RX_OK)
		rc = rx_person_end(s, rx_member_first(s, leaver), &ended, st);
	rc = rx_finish(s, rc, RX_DID_HANDOVER, leaver,
	    rx_member_name(s, successor), st);
	return (rc != RX_OK ? rc :
	    rx_members_load(s, s->blob->root_public, st));
}

rx_err
rx_handovers_complete(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	rc = statements(s, &all, st);
	for (i = 0; i < all.len && rc == RX_OK; i += STATEMENT_BYTES)
		rc = complete(s, all.b + i + 24, all.b + i + 40, st);
	rx_buf_free(&all);
	return (rc);
}

rx_err
rx_handover_each(struct rx_session *s,
    rx_err (*each)(void *, const char *leaver, const char *successor,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	char leaver[RX_USER_NAME_BYTES], successor[RX_USER_NAME_BYTES];
	struct rx_buf all = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	rc = statements(s, &all, st);
	for (i = 0; i < all.len && rc == RX_OK; i += STATEMENT_BYTES)
		if ((rc = rx_member_name_find(s, all.b + i + 24, leaver,
		    st)) == RX_OK && (rc = rx_member_name_find(s,
		    all.b + i + 40, successor, st)) == RX_OK)
			rc = each(cookie, leaver, successor, st);
	rx_buf_free(&all);
	return (rc);
}
