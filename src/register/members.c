#include <stdlib.h>

#include "base/date.h"
#include "register/internal.h"

/* Sort by user, the oldest certificate first. */
static int
member_cmp(const void *a, const void *b)
{
	const struct rx_member *x = a, *y = b;
	int c = memcmp(x->cert.user, y->cert.user, RX_ID_BYTES);

	if (c == 0)
		c = (x->cert.not_before > y->cert.not_before) -
		    (x->cert.not_before < y->cert.not_before);
	return (c != 0 ? c : memcmp(x->cert.id, y->cert.id, RX_ID_BYTES));
}

/* Read and verify every certificate. */
static rx_err
load_certs(struct rx_session *s, const uint8_t root_public[32],
    struct rx_status *st)
{
	struct rx_cursor *cur;
	struct rx_member *grown;
	const uint8_t *p;
	size_t n, cap = 0;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CERTS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if (s->nmembers == cap) {
			cap = cap == 0 ? 16 : 2 * cap;
			grown = reallocarray(s->members, cap, sizeof(*grown));
			if (grown == NULL) {
				rc = rx_fail(st, RX_EINTERNAL,
				    RX_MSG_NO_MEMORY);
				break;
			}
			s->members = grown;
		}
		p = rx_col_bytes(cur, 2, &n);
		s->members[s->nmembers].revoked = 0;
		s->members[s->nmembers].ended = false;
		if ((rc = rx_cert_open(&s->members[s->nmembers].cert, p, n,
		    root_public, s->store_id, st)) != RX_OK)
			break;
		s->nmembers++;
	}
	rx_query_close(cur);
	return (rc);
}

/* Is there a later certificate of the same person, role and unit? */
bool
rx_member_superseded(const struct rx_session *s, size_t at)
{
	const struct rx_cert *c = &s->members[at].cert;
	size_t i;

	for (i = at + 1; i < s->nmembers &&
	    memcmp(s->members[i].cert.user, c->user, RX_ID_BYTES) == 0; i++)
		if (s->members[i].cert.role == c->role &&
		    memcmp(s->members[i].cert.unit, c->unit,
		    RX_UNIT_BYTES) == 0)
			return (true);
	return (false);
}

/* Read and verify every revocation, and mark what it revokes. */
static rx_err
load_revocations(struct rx_session *s, const uint8_t root_public[32],
    struct rx_status *st)
{
	struct rx_cursor *cur;
	uint8_t id[RX_ID_BYTES];
	enum rx_revoked why;
	const uint8_t *p;
	int64_t at;
	size_t i, n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_REVOCATIONS, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 1, &n);
		if ((rc = rx_revocation_open(id, &at, &why, p, n,
		    root_public, s->store_id, st)) != RX_OK)
			break;
		for (i = 0; i < s->nmembers; i++) {
			if (memcmp(s->members[i].cert.id, id, RX_ID_BYTES) != 0)
				continue;
			s->members[i].revoked = at > 0 ? at : 1;
			s->members[i].ended = why == RX_REVOKED_ENDED ||
			    (why == RX_REVOKED_UNSAID &&
			    !rx_member_superseded(s, i));
		}
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_members_load(struct rx_session *s, const uint8_t root_public[32],
    struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	rx_err rc;

	free(s->members);
	s->members = NULL;
	s->nmembers = 0;
	memset(s->members_digest, 0, sizeof(s->members_digest));
	memset(s->entry_known, 0, sizeof(s->entry_known));
	/* The digest first: what others change meanwhile is read again. */
	if ((rc = rx_members_digest(s, digest, st)) != RX_OK ||
	    (rc = load_certs(s, root_public, st)) != RX_OK)
		goto err0;
	if (s->nmembers > 0)
		qsort(s->members, s->nmembers, sizeof(*s->members),
		    member_cmp);
	if ((rc = load_revocations(s, root_public, st)) != RX_OK)
		goto err0;

	/* Success! */
	memcpy(s->members_digest, digest, sizeof(digest));
	return (RX_OK);

err0:
	/* Failure!  Without its end the list would let in who was revoked. */
	s->nmembers = 0;
	return (rc);
}

/* Take the sealed thing in column ${col} of every row of ${q}, a query of
 * ${table}, into ${digest}. */
static rx_err
digest_rows(struct rx_session *s, enum rx_query q, enum rx_table table,
    int col, uint8_t digest[RX_HASH_BYTES], struct rx_status *st)
{
	uint8_t all[RX_HASH_BYTES + 4 + RX_CERT_BYTES] = { 0 };
	struct rx_cursor *cur;
	const void *p;
	bool row = false;
	size_t n;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, q, NULL, 0, st)) != RX_OK)
		return (rc);
	rx_put32(all + RX_HASH_BYTES, (uint32_t)table);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, col, &n);
		if (n == 0 || n > RX_CERT_BYTES) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT);
			break;
		}
		memcpy(all, digest, RX_HASH_BYTES);
		memcpy(all + RX_HASH_BYTES + 4, p, n);
		rx_hash(digest, RX_HASH_BYTES, NULL, "runxin members v1", all,
		    RX_HASH_BYTES + 4 + n);
	}
	rx_query_close(cur);
	return (rc);
}

/* The same for the later epochs of unit keys: what is new is decided by them,
 * and a session acts on it at once. */
static rx_err
digest_epochs(struct rx_session *s, uint8_t digest[RX_HASH_BYTES],
    struct rx_status *st)
{
	enum { AT = RX_HASH_BYTES + 4, FIXED = RX_UNIT_BYTES + 4 + 4 + 8,
	    BOX = RX_ENV_KEY_BYTES };
	uint8_t all[AT + FIXED + BOX] = { 0 };
	struct rx_cursor *cur;
	const void *p;
	bool row = false;
	size_t n;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_EPOCHS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	rx_put32(all + RX_HASH_BYTES, RX_TABLE_UNIT_EPOCH);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 4, &n);
		if (n != BOX) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT);
			break;
		}
		memcpy(all, digest, RX_HASH_BYTES);
		rx_unit_set((char *)all + AT, rx_col_text(cur, 0));
		rx_put32(all + AT + 16, (uint32_t)rx_col_int(cur, 1));
		rx_put32(all + AT + 20, (uint32_t)rx_col_int(cur, 2));
		rx_put64(all + AT + 24, (uint64_t)rx_col_int(cur, 3));
		memcpy(all + AT + FIXED, p, n);
		rx_hash(digest, RX_HASH_BYTES, NULL, "runxin members v1", all,
		    sizeof(all));
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_members_digest(struct rx_session *s, uint8_t digest[RX_HASH_BYTES],
    struct rx_status *st)
{
	rx_err rc;

	memset(digest, 0, RX_HASH_BYTES);
	if ((rc = digest_rows(s, RX_Q_CERTS, RX_TABLE_CERT, 2, digest, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = digest_rows(s, RX_Q_REVOCATIONS, RX_TABLE_REVOCATION, 1,
	    digest, st)) != RX_OK)
		return (rc);
	return (digest_epochs(s, digest, st));
}

size_t
rx_member_first(const struct rx_session *s, const uint8_t user[RX_ID_BYTES])
{
	size_t lo = 0, hi = s->nmembers, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (memcmp(s->members[mid].cert.user, user, RX_ID_BYTES) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->nmembers &&
	    memcmp(s->members[lo].cert.user, user, RX_ID_BYTES) != 0)
		return (s->nmembers);
	return (lo);
}

size_t
rx_member_next(const struct rx_session *s, size_t first)
{
	size_t i = first;

	while (i < s->nmembers && memcmp(s->members[i].cert.user,
	    s->members[first].cert.user, RX_ID_BYTES) == 0)
		i++;
	return (i);
}

const struct rx_member *
rx_member_newest(const struct rx_session *s, size_t first)
{
	const struct rx_member *newest = NULL;
	size_t i;

	if (first >= s->nmembers)
		return (NULL);
	for (i = first; i < rx_member_next(s, first); i++)
		if (rx_member_live(&s->members[i]))
			newest = &s->members[i];
	return (newest);
}

bool
rx_member_signed(const struct rx_session *s, const uint8_t user[RX_ID_BYTES],
    int64_t at, const uint8_t sig[RX_SIGNATURE_BYTES], const char *label,
    const void *p, size_t n)
{
	const uint8_t *tried = NULL, *key;
	size_t i, first = rx_member_first(s, user);

	if (first == s->nmembers)
		return (false);
	for (i = first; i < rx_member_next(s, first); i++) {
		if (!rx_cert_valid_at(&s->members[i].cert, at) ||
		    (s->members[i].revoked != 0 && at > s->members[i].revoked))
			continue;
		key = s->members[i].cert.sign_public;
		/* Several roles share one key: do not verify it again. */
		if (tried != NULL &&
		    memcmp(tried, key, RX_SIGN_PUBLIC_BYTES) == 0)
			continue;
		if (rx_sign_verify(sig, key, label, p, n))
			return (true);
		tried = key;
	}
	return (false);
}

const char *
rx_session_author(const struct rx_session *s, const uint8_t id[RX_ID_BYTES])
{

	return (rx_member_name(s, id));
}

const char *
rx_member_name(const struct rx_session *s, const uint8_t user[RX_ID_BYTES])
{
	const size_t first = rx_member_first(s, user);

	return (first < s->nmembers ? s->members[first].cert.name : "?");
}

rx_err
rx_member_name_find(struct rx_session *s, const uint8_t user[RX_ID_BYTES],
    char name[RX_USER_NAME_BYTES], struct rx_status *st)
{
	rx_err rc;

	if (rx_member_first(s, user) == s->nmembers &&
	    (rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	rx_text_copy(name, RX_USER_NAME_BYTES, rx_member_name(s, user));
	return (RX_OK);
}

int64_t
rx_session_now(const struct rx_session *s)
{
	const int64_t now = rx_time_now();

	return (now > s->clock ? now : s->clock);
}

rx_err
rx_members_refresh(struct rx_session *s, struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	rx_err rc;

	if ((rc = rx_members_digest(s, digest, st)) != RX_OK ||
	    rx_equal(digest, s->members_digest, sizeof(digest)))
		return (rc);
	return (rx_members_load(s, s->blob->root_public, st));
}
