#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

#define REQUEST_BYTES (4 + 4 + 16 + 32 + 32 + RX_SIGNATURE_BYTES)
#define REQUEST_LABEL "runxin request v1"
#define CERT_YEARS 10
#define ROOT_YEARS 100	/* nobody could renew these */
#define YEAR_MS (INT64_C(31557600000))

/*
 * Request v1, by which a user asks for a certificate of new keys:
 *   "RXRQ" || version 1 || 0 0 0 || user id 16 || X25519 public 32 ||
 *   Ed25519 public 32 || signature 64 of his certified key over
 *   "runxin request v1\0" || the bytes before.
 */

static rx_err
alloc(struct rx_session **out, struct rx_status *st)
{
	struct rx_session *s;
	size_t i;
	rx_err rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_keypool_new(&s->pool, st)) != RX_OK ||
	    (rc = rx_secret_new(&s->blob_mem, sizeof(*s->blob), st)) != RX_OK ||
	    (rc = rx_secret_new(&s->id_mem, sizeof(*s->id), st)) != RX_OK)
		goto err0;
	for (i = 0; i < 3; i++)
		if ((rc = rx_key_new(&s->scratch[i], s->pool, st)) != RX_OK)
			goto err0;
	for (i = 0; i < 2; i++)
		if ((rc = rx_key_new(&s->step[i], s->pool, st)) != RX_OK)
			goto err0;
	s->blob = (struct rx_keyblob *)(void *)s->blob_mem->b;
	s->id = (struct rx_identity *)(void *)s->id_mem->b;
	*out = s;
	return (RX_OK);
err0:
	rx_session_close(s);
	return (rc);
}

rx_err
rx_session_new(struct rx_session **out, struct rx_status *st)
{

	*out = NULL;
	return (alloc(out, st));
}

void
rx_session_close(struct rx_session *s)
{

	if (s == NULL)
		return;
	rx_secret_free(s->blob_mem);
	rx_secret_free(s->id_mem);
	rx_secret_free(s->next_mem);
	rx_custodian_drop(s);
	rx_keypool_free(s->pool);
	if (!s->borrowed)
		rx_store_close(s->store);
	rx_known_free(s);
	free(s->held);
	free(s->spare);
	free(s->members);
	rx_wipe(s, sizeof(*s));
	free(s);
}

const char *
rx_session_user(const struct rx_session *s)
{

	return (s->user);
}

const char *
rx_session_unit(const struct rx_session *s)
{

	return (s->unit);
}

bool
rx_session_has_role(const struct rx_session *s, enum rx_role role)
{
	size_t i, first = rx_member_first(s, s->user_id);

	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++)
		if (s->members[i].cert.role == role &&
		    rx_member_live(&s->members[i]))
			return (true);
	return (false);
}

/* ---- signing in ---- */

static rx_err
load_register(struct rx_session *s, struct rx_status *st)
{
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_STORE, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK) {
		p = row ? rx_col_bytes(cur, 1, &n) : NULL;
		if (p != NULL && n == RX_ID_BYTES) {
			memcpy(s->store_id, p, RX_ID_BYTES);
			rx_unit_set(s->unit, rx_col_text(cur, 2));
		} else
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_session_register(struct rx_session *s, char *name, size_t size,
    struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	rx_text_copy(name, size, "");
	if ((rc = rx_query_open(&cur, s->store, RX_Q_STORE, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		rx_text_copy(name, size, rx_col_text(cur, 4));
	rx_query_close(cur);
	return (rc);
}

/* The user's row; an unknown one fails like a wrong passphrase. */
static rx_err
load_user(struct rx_session *s, const char *user, struct rx_status *st)
{
	struct rx_value arg = rx_text(user);
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_USER_BY_NAME, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) != RX_OK)
		goto done;
	if (!row) {
		rc = rx_fail(st, RX_EPERM, RX_MSG_WRONG_PASSPHRASE);
		goto done;
	}
	p = rx_col_bytes(cur, 0, &n);
	if (n == RX_ID_BYTES)
		memcpy(s->user_id, p, RX_ID_BYTES);
	p = rx_col_bytes(cur, 2, &n);
	if (n != RX_KEYBLOB_BYTES) {
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_KEYBLOB_CORRUPT);
		goto done;
	}
	memcpy(s->sealed, p, n);
	rx_text_copy(s->user, sizeof(s->user), user);
done:
	rx_query_close(cur);
	return (rc);
}

/* The register root as the database shows it, not trusted. */
static rx_err
shown_root(struct rx_session *s, uint8_t root[32], struct rx_status *st)
{
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	memset(root, 0, 32);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_ROOT, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row &&
	    (p = rx_col_bytes(cur, 0, &n)) != NULL && n == 32)
		memcpy(root, p, 32);
	rx_query_close(cur);
	return (rc);
}

/*
 * Which certified key of the user signed his keyblob?  Asked of the
 * certificates under the root that the database shows, only so that a damaged
 * keyblob can be told from a wrong passphrase: *known is false when that root
 * certifies nothing for him, and then the pinned root decides later.
 */
static rx_err
keyblob_signer(struct rx_session *s, const uint8_t root[32],
    uint8_t sign_public[32], bool *known, struct rx_status *st)
{
	uint8_t message[RX_ID_BYTES + RX_KEYBLOB_BYTES - RX_SIGNATURE_BYTES];
	const size_t signed_len = RX_KEYBLOB_BYTES - RX_SIGNATURE_BYTES;
	struct rx_status ignored;
	size_t i, first;
	rx_err rc;

	*known = false;
	rx_status_clear(&ignored);
	/* What is wrong with the rows shows under the pinned root; a disk that
	 * does not answer is no sign of another root. */
	if ((rc = rx_members_load(s, root, &ignored)) == RX_EIO ||
	    rc == RX_EINTERNAL) {
		*st = ignored;
		return (rc);
	}
	if (rc != RX_OK ||
	    (first = rx_member_first(s, s->user_id)) == s->nmembers)
		return (RX_OK);
	*known = true;
	memcpy(message, s->store_id, RX_ID_BYTES);
	memcpy(message + RX_ID_BYTES, s->sealed, signed_len);
	for (i = first; i < rx_member_next(s, first); i++)
		if (rx_sign_verify(s->sealed + signed_len,
		    s->members[i].cert.sign_public, "runxin keyblob v1",
		    message, sizeof(message))) {
			memcpy(sign_public, s->members[i].cert.sign_public, 32);
			return (RX_OK);
		}
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_KEYBLOB_CORRUPT));
}

static rx_err
open_keyblob(struct rx_session *s, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	uint8_t root[32], sign_public[32];
	bool known;
	rx_err rc;

	if ((rc = shown_root(s, root, st)) != RX_OK)
		return (rc);
	if ((rc = keyblob_signer(s, root, sign_public, &known, st)) != RX_OK)
		return (rc);
	rc = rx_keyblob_open(s->blob, s->sealed, RX_KEYBLOB_BYTES,
	    known ? sign_public : NULL, passphrase, s->store_id, s->user_id,
	    st);
	if (rc == RX_EPERM && !known) {
		/* Whatever the passphrase: these are not his register's keys. */
		rx_status_clear(st);
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT);
	}
	if (rc != RX_OK)
		return (rc);
	if (!rx_equal(root, s->blob->root_public, 32))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_ROOT_SWAPPED));
	if (!known)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT));
	rx_identity_derive(s->id, s->blob->seed);
	s->cost = rx_keyblob_cost(s->sealed);
	return (RX_OK);
}

/* Load the keys that were asked for and are not certified yet. */
static rx_err
load_next(struct rx_session *s, struct rx_status *st)
{
	static const uint8_t none[32];
	rx_err rc;

	if (rx_equal(s->blob->next, none, 32))
		return (RX_OK);
	if ((rc = rx_secret_new(&s->next_mem, sizeof(*s->next), st)) != RX_OK)
		return (rc);
	s->next = (struct rx_identity *)(void *)s->next_mem->b;
	rx_identity_derive(s->next, s->blob->next);
	return (RX_OK);
}

static rx_err
sign_in(struct rx_session *s, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	const struct rx_member *m;
	rx_err rc;

	if ((rc = load_register(s, st)) != RX_OK ||
	    (rc = rx_copy_load(s, st)) != RX_OK ||
	    (rc = load_user(s, user, st)) != RX_OK ||
	    (rc = open_keyblob(s, passphrase, st)) != RX_OK ||
	    (rc = load_next(s, st)) != RX_OK ||
	    /* Loaded under that root already, to know who signed the keyblob. */
	    (rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	m = rx_member_newest(s, rx_member_first(s, s->user_id));
	if (m == NULL) {
		rx_status_arg(st, "user", "%s", user);
		return (rx_fail(st, RX_EPERM, RX_MSG_NOT_A_MEMBER));
	}
	/* Names in the database can be exchanged, signed ones cannot. */
	if (strcmp(m->cert.name, user) != 0)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT));
	/* A keyblob of before the last change of keys was put back. */
	if (memcmp(m->cert.sign_public, s->id->sign_public, 32) != 0 &&
	    (s->next == NULL || memcmp(m->cert.sign_public,
	    s->next->sign_public, 32) != 0))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_KEYBLOB_CORRUPT));
	if ((rc = rx_settings_load(s, st)) != RX_OK)
		return (rc);
	return (rx_audit_check_head(s, st));
}

rx_err
rx_session_attach(struct rx_session **out, struct rx_store *store,
    const char *user, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	struct rx_session *s = NULL;
	rx_err rc;

	*out = NULL;
	if ((rc = alloc(&s, st)) != RX_OK)
		return (rc);
	s->store = store;
	s->borrowed = true;
	if ((rc = sign_in(s, user, passphrase, st)) != RX_OK) {
		rx_session_close(s);
		return (rc);
	}
	*out = s;
	return (RX_OK);
}

/* Make the keys of the units that the session is a member of itself.  The list
 * of members may become another one meanwhile. */
static rx_err
own_units(struct rx_session *s, struct rx_status *st)
{
	size_t i, first = rx_member_first(s, s->user_id);
	struct rx_buf units = RX_BUF_INIT;
	rx_err rc = RX_OK;

	for (i = first; i < rx_member_next(s, first) && rc == RX_OK; i++) {
		const struct rx_cert *c = &s->members[i].cert;

		if ((c->role == RX_ROLE_DIRECTOR ||
		    c->role == RX_ROLE_STATISTICIAN) &&
		    rx_member_live(&s->members[i]))
			rc = rx_buf_add(&units, c->unit, RX_UNIT_BYTES, st);
	}
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = rx_unit_keys_ensure(s, (const char *)units.b + i, st);
	rx_buf_free(&units);
	if (!rx_store_in_transaction(s->store))
		return (rc);
	return (rx_finish(s, rc, RX_DID_GRANT, NULL, NULL, st));
}

/* ---- new certificates ---- */

/* Verify the request ${p}; *first is the index of the asker's certificates. */
static bool
request_verify(const struct rx_session *s, const uint8_t p[REQUEST_BYTES],
    size_t *first)
{
	const struct rx_member *m;

	*first = rx_member_first(s, p + 8);
	/* By the keys in use, not by ones that were replaced. */
	return (memcmp(p, "RXRQ\1\0\0\0", 8) == 0 &&
	    (m = rx_member_newest(s, *first)) != NULL && rx_sign_verify(
	    p + REQUEST_BYTES - RX_SIGNATURE_BYTES, m->cert.sign_public,
	    REQUEST_LABEL, p, REQUEST_BYTES - RX_SIGNATURE_BYTES));
}

/* Administrator: certify the new keys of one request, role by role. */
static rx_err
certify(struct rx_session *s, const uint8_t *p, size_t first,
    struct rx_status *st)
{
	const struct rx_member *m = rx_member_newest(s, first);
	size_t i, next = rx_member_next(s, first);
	struct rx_cert cert;
	rx_err rc;

	for (i = first; i < next && m != NULL; i++) {
		/* One new certificate for each that is live under the keys in
		 * use so far. */
		if (!rx_member_live(&s->members[i]) ||
		    memcmp(s->members[i].cert.sign_public,
		    m->cert.sign_public, 32) != 0)
			continue;
		cert = s->members[i].cert;
		memcpy(cert.box_public, p + 24, 32);
		memcpy(cert.sign_public, p + 56, 32);
		if ((rc = rx_cert_issue(s, &cert, st)) != RX_OK ||
		    /* What the old keys sign from now on is worth nothing. */
		    (rc = rx_cert_revoke(s, &s->members[i],
		    RX_REVOKED_REPLACED, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

rx_err
rx_cert_revoke(struct rx_session *s, const struct rx_member *m,
    enum rx_revoked why, struct rx_status *st)
{
	uint8_t p[RX_REVOCATION_BYTES], secret[64], root_public[32];
	struct rx_value v[2];
	int64_t at;
	rx_err rc;

	/* What came from a machine whose clock is ahead, and was taken, stays
	 * good: the end is not before it. */
	if ((rc = rx_bundle_newest(s, &at, st)) != RX_OK)
		return (rc);
	if (at < rx_session_now(s))
		at = rx_session_now(s);
	rx_root_derive(root_public, secret, s->blob->root_seed);
	rx_revocation_make(p, m->cert.id, s->store_id, at, why, secret);
	rx_wipe(secret, sizeof(secret));
	v[0] = rx_bytes(m->cert.id, RX_ID_BYTES);
	v[1] = rx_bytes(p, sizeof(p));
	return (rx_store_insert(s->store, RX_TABLE_REVOCATION, v, st));
}

rx_err
rx_cert_issue(struct rx_session *s, struct rx_cert *cert,
    struct rx_status *st)
{
	uint8_t bytes[RX_CERT_BYTES], secret[64], root_public[32];
	struct rx_value v[3];

	rx_uuid7(cert->id, rx_time_now());
	memcpy(cert->store, s->store_id, RX_ID_BYTES);
	cert->not_before = rx_session_now(s);
	cert->not_after = cert->not_before + YEAR_MS * (cert->role ==
	    RX_ROLE_ADMIN || cert->role == RX_ROLE_RECOVERY ? ROOT_YEARS :
	    CERT_YEARS);
	rx_root_derive(root_public, secret, s->blob->root_seed);
	rx_cert_make(bytes, cert, secret);
	rx_wipe(secret, sizeof(secret));
	v[0] = rx_bytes(cert->id, RX_ID_BYTES);
	v[1] = rx_bytes(cert->user, RX_ID_BYTES);
	v[2] = rx_bytes(bytes, sizeof(bytes));
	return (rx_store_insert(s->store, RX_TABLE_CERT, v, st));
}

/* Put all that is asked for in ${all}, in place of what it held. */
static rx_err
requests_read(struct rx_session *s, struct rx_buf *all, struct rx_status *st)
{
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	rx_buf_reset(all);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_REQUESTS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 1, &n);
		if (n != REQUEST_BYTES)
			continue;
		if ((rc = rx_buf_add(all, p, n, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* Administrator: certify everything that was asked for. */
static rx_err
certify_requests(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT;
	struct rx_value key;
	size_t i, first;
	rx_err rc;

	if ((rc = requests_read(s, &all, st)) != RX_OK || all.len == 0)
		goto done;
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto done;
	/* Again: somebody may have asked for other keys meanwhile, and has no
	 * use for a certificate of those he asked for before. */
	if ((rc = requests_read(s, &all, st)) != RX_OK || all.len == 0) {
		rx_abandon(s);
		goto done;
	}
	for (i = 0; i < all.len && rc == RX_OK; i += REQUEST_BYTES) {
		if (!request_verify(s, all.b + i, &first))
			continue;	/* not his: it stays, and is shown */
		if ((rc = certify(s, all.b + i, first, st)) != RX_OK)
			break;
		key = rx_bytes(all.b + i + 8, RX_ID_BYTES);
		rc = rx_store_delete(s->store, RX_TABLE_REQUEST, &key, NULL,
		    st);
	}
	rc = rx_finish(s, rc, RX_DID_CERTIFY, NULL, NULL, st);
	if (rc == RX_OK)
		rc = rx_members_load(s, s->blob->root_public, st);
done:
	rx_buf_free(&all);
	return (rc);
}

/* The row of the user, as the session knows it. */
static void
user_row(struct rx_value v[3], const struct rx_session *s)
{

	v[0] = rx_bytes(s->user_id, RX_ID_BYTES);
	v[1] = rx_text(s->user);
	v[2] = rx_bytes(s->sealed, sizeof(s->sealed));
}

rx_err
rx_keyblob_replace(struct rx_session *s, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	struct rx_kdf cost = rx_kdf_default;
	struct rx_value v[3];
	rx_err rc;

	/* Never less than it was. */
	if (s->cost.memory > cost.memory)
		cost.memory = s->cost.memory;
	if (s->cost.passes > cost.passes)
		cost.passes = s->cost.passes;
	if ((rc = rx_keyblob_seal(s->sealed, s->blob, passphrase, s->store_id,
	    s->user_id, &cost, st)) != RX_OK)
		return (rc);
	user_row(v, s);
	return (rx_store_replace(s->store, RX_TABLE_USER, v, st));
}

/* Another session of the user may have put another keyblob there since this one
 * read it: what this one has in memory would put the passphrase, the seed or the
 * recovery key of before back. */
static rx_err
keyblob_same(struct rx_session *s, struct rx_status *st)
{
	struct rx_value v[3];
	enum rx_there how;
	rx_err rc;

	user_row(v, s);
	if ((rc = rx_store_compare(s->store, RX_TABLE_USER, v, &how, NULL,
	    st)) != RX_OK)
		return (rc);
	return (how == RX_SAME ? RX_OK :
	    rx_fail(st, RX_ECONFLICT, RX_MSG_SESSION_STALE));
}

/* End the transaction, the keyblob put back under ${passphrase} if all went well
 * so far. */
static rx_err
keyblob_finish(struct rx_session *s, rx_err rc,
    const struct rx_secret *passphrase, enum rx_action action,
    const char *detail, struct rx_status *st)
{
	uint8_t before[RX_KEYBLOB_BYTES];

	memcpy(before, s->sealed, sizeof(before));
	if (rc == RX_OK && (rc = keyblob_same(s, st)) == RX_OK)
		rc = rx_keyblob_replace(s, passphrase, st);
	if ((rc = rx_finish(s, rc, action, NULL, detail, st)) != RX_OK)
		memcpy(s->sealed, before, sizeof(before));
	return (rc);
}

rx_err
rx_session_cost(struct rx_session *s, const struct rx_secret *passphrase,
    const struct rx_kdf *today, struct rx_status *st)
{
	rx_err rc;

	if (!rx_kdf_below(&s->cost, today))
		return (RX_OK);
	if (today->memory > s->cost.memory)
		s->cost.memory = today->memory;
	if (today->passes > s->cost.passes)
		s->cost.passes = today->passes;
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	return (keyblob_finish(s, RX_OK, passphrase, RX_DID_PASSWD, "cost",
	    st));
}

bool
rx_session_kdf(const struct rx_session *s, struct rx_kdf *cost)
{

	*cost = s->cost;
	return (rx_kdf_below(&s->cost, &rx_kdf_default));
}

/* Take up a recovery key that was issued anew. */
static rx_err
adopt(struct rx_session *s, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	bool adopted;
	rx_err rc;

	rc = rx_succession_adopt(s, &adopted, st);
	if (!adopted)
		return (rc);
	return (keyblob_finish(s, rc, passphrase, RX_DID_CUSTODY, "adopt",
	    st));
}

/* What the administrator's sign-in does for others. */
static rx_err
administer(struct rx_session *s, struct rx_status *st)
{
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_ADMIN))
		return (RX_OK);
	if ((rc = certify_requests(s, st)) != RX_OK)
		return (rc);
	return (rx_handovers_complete(s, st));
}

static void
identity_swap(struct rx_identity *a, struct rx_identity *b)
{
	uint8_t *x = (uint8_t *)a, *y = (uint8_t *)b, c;
	size_t i;

	for (i = 0; i < sizeof(*a); i++) {
		c = x[i];
		x[i] = y[i];
		y[i] = c;
	}
}

/* Were the keys that were asked for certified? */
static bool
next_certified(const struct rx_session *s)
{
	const struct rx_member *m = rx_member_newest(s,
	    rx_member_first(s, s->user_id));

	return (s->next != NULL && m != NULL && memcmp(m->cert.sign_public,
	    s->next->sign_public, RX_SIGN_PUBLIC_BYTES) == 0);
}

/* Use the keys that were asked for as soon as they are certified: nothing is
 * written with those of before.  These are s->next then, until take_next forgets
 * them; whatever was sealed to them is opened with both. */
static bool
use_next(struct rx_session *s)
{

	if (!next_certified(s))
		return (false);
	identity_swap(s->id, s->next);
	return (true);
}

/* The keys that were asked for are in use: move everything that was granted to the
 * old ones over to them, and forget the old seed. */
static rx_err
take_next(struct rx_session *s, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_grants_rekey(s, s->id, st)) == RX_OK) {
		/* They are sealed under the old seed. */
		rc = rx_drafts_forget(s, st);
	}
	if (rc == RX_OK) {
		memcpy(s->blob->seed, s->blob->next, 32);
		rx_wipe(s->blob->next, 32);
	}
	rc = keyblob_finish(s, rc, passphrase, RX_DID_PASSWD, NULL, st);
	if (rc == RX_OK) {
		rx_secret_free(s->next_mem);
		s->next_mem = NULL;
		s->next = NULL;
	}
	return (rc);
}

static rx_err
session_open(struct rx_session **out, const char *dir, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	struct rx_session *s = NULL;
	bool renewed;
	rx_err rc;

	*out = NULL;
	if ((rc = alloc(&s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_store_open(&s->store, dir, st)) != RX_OK)
		goto err0;
	if ((rc = sign_in(s, user, passphrase, st)) != RX_OK)
		goto err0;
	renewed = use_next(s);
	/* All work on keys is the home register's: signing in to a copy writes
	 * nothing, so no two copies ever make different keys for one thing. */
	if (s->copy) {
		*out = s;
		return (RX_OK);
	}
	/* In this order: the recovery key trusted is the one granted to, and
	 * the new one was proved to the keys of before or to those in use. */
	if ((rc = administer(s, st)) != RX_OK ||
	    (rc = adopt(s, passphrase, st)) != RX_OK ||
	    (rc = rx_session_cost(s, passphrase, &rx_kdf_default, st)) !=
	    RX_OK)
		goto err0;
	if (renewed && (rc = take_next(s, passphrase, st)) != RX_OK)
		goto err0;
	if ((rc = own_units(s, st)) != RX_OK)
		goto err0;
	if ((rc = rx_grants_heal(s, st)) != RX_OK ||
	    (rc = rx_transfers_heal(s, st)) != RX_OK ||
	    (rc = rx_erasure_heal(s, st)) != RX_OK ||
	    (rc = rx_overdue_pass(s, st)) != RX_OK)
		goto err0;
	*out = s;
	return (RX_OK);
err0:
	rx_session_close(s);
	return (rc);
}

rx_err
rx_session_open(struct rx_session **out, const char *dir, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	rx_err rc = session_open(out, dir, user, passphrase, st);

	/* The user has just signed in elsewhere as well (a form sent twice), which put
	 * another keyblob there: it is read again. */
	if (rc == RX_ECONFLICT && st->msg == RX_MSG_SESSION_STALE) {
		rx_status_clear(st);
		rc = session_open(out, dir, user, passphrase, st);
	}
	return (rc);
}

/* Ask the administrator to certify ${next}. */
static rx_err
request_insert(struct rx_session *s, const struct rx_identity *next,
    struct rx_status *st)
{
	uint8_t p[REQUEST_BYTES] = "RXRQ\1";
	struct rx_value v[2];

	memcpy(p + 8, s->user_id, RX_ID_BYTES);
	memcpy(p + 24, next->box_public, 32);
	memcpy(p + 56, next->sign_public, 32);
	rx_sign(p + REQUEST_BYTES - RX_SIGNATURE_BYTES, s->id->sign_secret,
	    REQUEST_LABEL, p, REQUEST_BYTES - RX_SIGNATURE_BYTES);
	v[0] = rx_bytes(s->user_id, RX_ID_BYTES);
	v[1] = rx_bytes(p, sizeof(p));
	return (rx_store_replace(s->store, RX_TABLE_REQUEST, v, st));
}

rx_err
rx_session_passwd(struct rx_session *s, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	struct rx_secret *mem;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, sizeof(struct rx_identity), st)) != RX_OK)
		return (rc);
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto done;
	/* The administrator's seed was never anybody else's. */
	if (!rx_session_has_role(s, RX_ROLE_ADMIN)) {
		rx_random(s->blob->next, 32);
		rx_identity_derive((struct rx_identity *)(void *)mem->b,
		    s->blob->next);
		rc = request_insert(s, (struct rx_identity *)(void *)mem->b,
		    st);
	}
	rc = keyblob_finish(s, rc, passphrase, RX_DID_PASSWD, NULL, st);
done:
	rx_secret_free(mem);
	return (rc);
}
