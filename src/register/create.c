#include <stdlib.h>

#include "base/date.h"
#include "crypto/recovery.h"
#include "register/internal.h"

/* Making a register: root, first administrator, recovery, units. */

struct making {			/* secrets in passing, in guarded memory */
	struct rx_identity recovery;
	struct rx_key recovery_secret;
	uint8_t code[3][RX_CODE_BYTES];
	uint8_t recovery_seed[32];
};

/* Units of the embedded list at and under ${unit}; just the unit itself when
 * it is not in the list. */
static rx_err
insert_units(struct rx_session *s, const char *name, struct rx_status *st)
{
	const struct rx_embedded_unit *all;
	char id[RX_UNIT_BYTES];
	size_t i, n, added = 0;
	rx_err rc;

	all = rx_embedded_units(&n);
	for (i = 0; i < n; i++) {
		rx_unit_set(id, all[i].code);
		if (!rx_unit_covers(s->unit, id))
			continue;
		if ((rc = rx_unit_row_insert(s, all[i].code, all[i].name,
		    all[i].level, st)) != RX_OK)
			return (rc);
		added++;
	}
	if (added > 0)
		return (RX_OK);
	/* Another place: its units come by `unit import`. */
	return (rx_unit_row_insert(s, s->unit, name,
	    rx_level_key(rx_unit_level(s->unit)), st));
}

/* The row that says which register this is. */
static rx_err
insert_store(struct rx_session *s, const char *name, struct rx_status *st)
{
	struct rx_value v[5];

	v[0] = rx_int(1);
	v[1] = rx_bytes(s->store_id, RX_ID_BYTES);
	v[2] = rx_text(s->unit);
	v[3] = rx_int(rx_time_now());
	v[4] = rx_text(name);
	return (rx_store_insert(s->store, RX_TABLE_STORE, v, st));
}

/* Root, the administrator's keyblob and certificate. */
static rx_err
insert_admin(struct rx_session *s, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	uint8_t box[RX_KEYBLOB_BYTES], secret[64];
	struct rx_cert cert = { .role = RX_ROLE_ADMIN };
	struct rx_value v[3];
	rx_err rc;

	rx_random(s->blob->seed, 32);
	rx_random(s->blob->root_seed, 32);
	rx_root_derive(s->blob->root_public, secret, s->blob->root_seed);
	rx_wipe(secret, sizeof(secret));
	rx_identity_derive(s->id, s->blob->seed);
	if ((rc = rx_keyblob_seal(box, s->blob, passphrase, s->store_id,
	    s->user_id, &rx_kdf_default, st)) != RX_OK)
		return (rc);
	v[0] = rx_int(1);
	v[1] = rx_bytes(s->blob->root_public, 32);
	if ((rc = rx_store_insert(s->store, RX_TABLE_ROOT, v, st)) != RX_OK)
		return (rc);
	v[0] = rx_bytes(s->user_id, RX_ID_BYTES);
	v[1] = rx_text(s->user);
	v[2] = rx_bytes(box, sizeof(box));
	if ((rc = rx_store_insert(s->store, RX_TABLE_USER, v, st)) != RX_OK)
		return (rc);
	memcpy(cert.user, s->user_id, RX_ID_BYTES);
	rx_text_copy(cert.name, sizeof(cert.name), s->user);
	memcpy(cert.unit, s->unit, RX_UNIT_BYTES);
	memcpy(cert.box_public, s->id->box_public, 32);
	memcpy(cert.sign_public, s->id->sign_public, 32);
	return (rx_cert_issue(s, &cert, st));
}

/* The recovery key under each pair of codes, and its certificate. */
static rx_err
insert_recovery(struct rx_session *s, struct making *m,
    struct rx_codes *codes, struct rx_status *st)
{
	static const unsigned pair[3][2] = { { 0, 1 }, { 0, 2 }, { 1, 2 } };
	struct rx_cert cert = { .role = RX_ROLE_RECOVERY };
	uint8_t box[RX_RECOVERY_BOX];
	struct rx_value v[2];
	unsigned i;
	rx_err rc;

	memcpy(m->recovery_secret.b, m->recovery_seed, 32);
	for (i = 0; i < 3; i++) {
		rx_random(m->code[i], RX_CODE_BYTES);
		rx_code_text(codes->text[i], m->code[i]);
	}
	for (i = 0; i < 3; i++) {
		if ((rc = rx_recovery_seal(box, &m->recovery_secret,
		    pair[i][0], pair[i][1], m->code[pair[i][0]],
		    m->code[pair[i][1]], s->store_id, st)) != RX_OK)
			return (rc);
		v[0] = rx_int(i);
		v[1] = rx_bytes(box, sizeof(box));
		if ((rc = rx_store_insert(s->store, RX_TABLE_RECOVERY, v,
		    st)) != RX_OK)
			return (rc);
	}
	rx_uuid7(cert.user, rx_time_now());
	rx_text_copy(cert.name, sizeof(cert.name), "recovery");
	memcpy(cert.unit, s->unit, RX_UNIT_BYTES);
	memcpy(cert.box_public, m->recovery.box_public, 32);
	memcpy(cert.sign_public, m->recovery.sign_public, 32);
	return (rx_cert_issue(s, &cert, st));
}

/* The audit key and the ledger key, granted to the administrator; by him, with
 * the root seed, to the recovery key. */
static rx_err
insert_register_keys(struct rx_session *s, struct rx_status *st)
{
	const struct rx_key *keys[RX_GRANT_KEYS];
	size_t made = 0;
	rx_err rc;

	rx_random(s->scratch[0]->b, RX_KEY_BYTES);
	rx_random(s->scratch[1]->b, RX_KEY_BYTES);
	keys[0] = s->scratch[0];
	keys[1] = s->scratch[1];
	keys[2] = NULL;
	rc = rx_grant_insert(s, RX_REGISTER_KEYS, 1, RX_AUDIT_KEYS, keys,
	    s->user_id, s->id->box_public, st);
	rx_wipe(s->scratch[0]->b, RX_KEY_BYTES);
	rx_wipe(s->scratch[1]->b, RX_KEY_BYTES);
	return (rc != RX_OK ? rc : rx_grant_unit(s, RX_REGISTER_KEYS, &made,
	    st));
}

/* Everything that a new register holds, in the running transaction. */
static rx_err
fill(struct rx_session *s, const char *name, const struct rx_secret *passphrase,
    struct making *m, struct rx_codes *codes, struct rx_status *st)
{
	rx_err rc;

	/* The keyblobs pin it, so it comes first. */
	rx_random(m->recovery_seed, 32);
	rx_identity_derive(&m->recovery, m->recovery_seed);
	memcpy(s->blob->recovery_public, m->recovery.box_public, 32);
	if ((rc = insert_store(s, name, st)) != RX_OK ||
	    (rc = insert_units(s, name, st)) != RX_OK ||
	    (rc = insert_admin(s, passphrase, st)) != RX_OK ||
	    (rc = insert_recovery(s, m, codes, st)) != RX_OK ||
	    (rc = rx_members_load(s, s->blob->root_public, st)) != RX_OK)
		return (rc);
	return (insert_register_keys(s, st));
}

/* Whether the embedded list has ${unit}, or something below it. */
static bool
is_listed(const char unit[RX_UNIT_BYTES])
{
	const struct rx_embedded_unit *all;
	char id[RX_UNIT_BYTES];
	size_t i, n;

	all = rx_embedded_units(&n);
	for (i = 0; i < n; i++) {
		rx_unit_set(id, all[i].code);
		if (rx_unit_covers(unit, id))
			return (true);
	}
	return (false);
}

rx_err
rx_register_create(const char *dir, const char *user, const char *name,
    const char *unit_text, const struct rx_secret *passphrase,
    struct rx_codes *codes, struct rx_status *st)
{
	struct rx_secret *mem;
	struct rx_session *s;
	char unit[RX_UNIT_BYTES], text[RX_UNIT_TEXT];
	rx_err rc;

	if ((rc = rx_unit_parse(unit, unit_text, st)) != RX_OK)
		return (rc);
	if (rx_unit_level(unit) == RX_LEVEL_SELF) {
		rx_status_arg(st, "unit", "%.32s", unit_text);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_INVALID));
	}
	/* The list knows all of Fujian (35): there it is a slip, and nothing is
	 * made. */
	if (strncmp(unit, "35", 2) == 0 && !is_listed(unit)) {
		rx_unit_text(text, unit);
		rx_status_arg(st, "unit", "%s", text);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_NOT_LISTED));
	}
	if ((rc = rx_user_name_check(user, st)) != RX_OK)
		return (rc);
	if ((rc = rx_secret_new(&mem, sizeof(struct making), st)) != RX_OK)
		return (rc);
	if ((rc = rx_session_new(&s, st)) != RX_OK)
		goto err0;
	memcpy(s->unit, unit, RX_UNIT_BYTES);
	rx_text_copy(s->user, sizeof(s->user), user);
	rx_uuid7(s->user_id, rx_time_now());
	rx_uuid7(s->store_id, rx_time_now());
	if ((rc = rx_store_create(&s->store, dir, st)) != RX_OK)
		goto err1;
	if ((rc = rx_store_begin(s->store, st)) == RX_OK)
		rc = rx_finish(s, fill(s, name, passphrase,
		    (struct making *)(void *)mem->b, codes, st), RX_DID_INIT,
		    NULL, name, st);
err1:
	rx_session_close(s);
err0:
	rx_secret_free(mem);
	return (rc);
}
