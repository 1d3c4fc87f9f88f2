#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/*
 * Erasure: the keys and rows of a case are destroyed, and a certificate stays.
 * It is also the tombstone: what has one is never stored again.
 *
 * A row of ERASURE: child, unit, time, swept (the files were rewritten since),
 * two fields at store, unit, object = subject = the child, version 1:
 *   coded (column 4, the unit's C key, padded CODED):
 *     version 1 || ground 1 || asker 1 || 0 || author 16 || time, ms 8 ||
 *     versions of the child 4 || records 4 || versions of records 4 ||
 *     epochs of keys 4 || slots 4 || signature 64
 *   narrative (column 5, the unit's N key, padded TEXT): the reason.
 * The author's Ed25519 signature is over "runxin erasure v1\0" || store 16 ||
 *   child 16 || unit 16 || the 48 bytes before the signature ||
 *   BLAKE2b-256("runxin erasure reason v1\0" || the box of the narrative).
 */

#define HEAD_BYTES 48
#define CODED_BYTES (HEAD_BYTES + RX_SIGNATURE_BYTES)
#define SIGN_LABEL "runxin erasure v1"
#define SIGNED_BYTES (3 * 16 + HEAD_BYTES + RX_HASH_BYTES)
#define FORMAT 1
#define REASON_CHARACTERS 256

enum {
	COL_CHILD, COL_UNIT, COL_TIME, COL_SWEPT, COL_CODED, COL_NARRATIVE,
	COLUMNS
};

const struct rx_erase_word rx_erase_grounds[RX_ERASE_GROUNDS] = {
	[RX_GROUND_UNSTATED] = { "unstated", RX_MSG_ERASE_UNSTATED },
	[RX_GROUND_PURPOSE] = { "purpose", RX_MSG_GROUND_PURPOSE },
	[RX_GROUND_EXPIRED] = { "expired", RX_MSG_GROUND_EXPIRED },
	[RX_GROUND_WITHDRAWN] = { "withdrawn", RX_MSG_GROUND_WITHDRAWN },
	[RX_GROUND_UNLAWFUL] = { "unlawful", RX_MSG_GROUND_UNLAWFUL },
	[RX_GROUND_OTHER] = { "other", RX_MSG_GROUND_OTHER },
	[RX_GROUND_MOVED] = { "moved", RX_MSG_GROUND_MOVED }
};
const struct rx_erase_word rx_erase_askers[RX_ERASE_ASKERS] = {
	[RX_ASKER_UNSTATED] = { "unstated", RX_MSG_ERASE_UNSTATED },
	[RX_ASKER_GUARDIAN] = { "guardian", RX_MSG_ASKER_GUARDIAN },
	[RX_ASKER_CHILD] = { "child", RX_MSG_ASKER_CHILD },
	[RX_ASKER_AUTHORITY] = { "authority", RX_MSG_ASKER_AUTHORITY },
	[RX_ASKER_OFFICE] = { "office", RX_MSG_ASKER_OFFICE }
};

/* ---- what was erased stays erased ---- */

rx_err
rx_erased(struct rx_session *s, const uint8_t id[RX_ID_BYTES], bool *erased,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	rx_err rc;

	*erased = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_ERASURE, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	rc = rx_query_next(cur, erased, st);
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_erased_refuse(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	bool erased;
	rx_err rc;

	if ((rc = rx_erased(s, id, &erased, st)) != RX_OK)
		return (rc);
	return (erased ? rx_fail(st, RX_ECONFLICT, RX_MSG_CHILD_ERASED) :
	    RX_OK);
}

/* Fail with ${msg} about the child ${id}. */
static rx_err
about(struct rx_status *st, enum rx_msg msg, const uint8_t *id)
{
	char text[RX_UUID_TEXT];

	rx_uuid_text(id, text);
	rx_status_clear(st);
	rx_status_arg(st, "id", "%s", text);
	return (rx_fail(st, RX_ECORRUPT, msg));
}

rx_err
rx_erasures_clean(struct rx_session *s, struct rx_status *st)
{
	struct rx_cursor *cur;
	const uint8_t *id;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_ERASURES_LEFT, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &n);
		if (n != RX_ID_BYTES)
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
		else if (rx_col_int(cur, 1) != 0)
			rc = about(st, RX_MSG_ERASURE_LEFT, id);
		if (rc != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* ---- the certificate ---- */

static void
place_of(struct rx_place *p, const struct rx_session *s, const char *unit,
    const uint8_t *id, uint32_t column)
{

	rx_place_init(p, s, unit, id, id, RX_TABLE_ERASURE, column, 1);
}

static void
signed_bytes(uint8_t out[SIGNED_BYTES], const struct rx_session *s,
    const uint8_t *id, const char *unit, const uint8_t head[HEAD_BYTES],
    const uint8_t *narrative, size_t n)
{

	memcpy(out, s->store_id, 16);
	memcpy(out + 16, id, 16);
	memcpy(out + 32, unit, 16);
	memcpy(out + 48, head, HEAD_BYTES);
	rx_hash(out + 48 + HEAD_BYTES, RX_HASH_BYTES, NULL,
	    "runxin erasure reason v1", narrative, n);
}

/* Head and signature of ${e}. */
static void
coded_make(uint8_t out[CODED_BYTES], const struct rx_session *s,
    const struct rx_erasure *e, const struct rx_buf *narrative)
{
	uint8_t message[SIGNED_BYTES];

	out[0] = FORMAT;
	out[1] = (uint8_t)e->ground;
	out[2] = (uint8_t)e->asker;
	out[3] = 0;
	memcpy(out + 4, s->user_id, RX_ID_BYTES);
	rx_put64(out + 20, (uint64_t)e->time);
	rx_put32(out + 28, e->versions);
	rx_put32(out + 32, e->records);
	rx_put32(out + 36, e->record_versions);
	rx_put32(out + 40, e->epochs);
	rx_put32(out + 44, e->slots);
	signed_bytes(message, s, e->child, e->unit, out, narrative->b,
	    narrative->len);
	rx_sign(out + HEAD_BYTES, s->id->sign_secret, SIGN_LABEL, message,
	    sizeof(message));
}

/* Put the certificate ${e}, with its ${reason}, in the register. */
static rx_err
certify(struct rx_session *s, const struct rx_erasure *e, const char *reason,
    struct rx_status *st)
{
	struct rx_buf coded = RX_BUF_INIT, narrative = RX_BUF_INIT;
	uint8_t plain[CODED_BYTES];
	const struct rx_key *key;
	struct rx_value v[COLUMNS];
	struct rx_place place;
	uint32_t epoch;
	rx_err rc;

	place_of(&place, s, e->unit, e->child, COL_NARRATIVE);
	if ((rc = rx_unit_key(s, e->unit, RX_COMP_NARRATIVE, 0, &key, &epoch,
	    st)) != RX_OK || (rc = rx_field_seal(&narrative, key,
	    RX_COMP_NARRATIVE, epoch, &place, RX_PAD_TEXT, reason,
	    strlen(reason), st)) != RX_OK)
		goto done;
	coded_make(plain, s, e, &narrative);
	place_of(&place, s, e->unit, e->child, COL_CODED);
	if ((rc = rx_unit_key(s, e->unit, RX_COMP_CODED, 0, &key, &epoch,
	    st)) != RX_OK || (rc = rx_field_seal(&coded, key, RX_COMP_CODED,
	    epoch, &place, RX_PAD_CODED, plain, sizeof(plain), st)) != RX_OK)
		goto done;
	v[COL_CHILD] = rx_bytes(e->child, RX_ID_BYTES);
	v[COL_UNIT] = rx_text(e->unit);
	v[COL_TIME] = rx_int(e->time);
	v[COL_SWEPT] = rx_int(0);
	v[COL_CODED] = rx_bytes(coded.b, coded.len);
	v[COL_NARRATIVE] = rx_bytes(narrative.b, narrative.len);
	rc = rx_store_insert(s->store, RX_TABLE_ERASURE, v, st);
done:
	rx_buf_free(&coded);
	rx_buf_free(&narrative);
	return (rc);
}

/* Take the coded part ${plain} into ${e}; false when it is none. */
static bool
coded_take(struct rx_erasure *e, const struct rx_buf *plain)
{
	const uint8_t *p = plain->b;

	if (plain->len != CODED_BYTES || p[0] != FORMAT ||
	    p[1] >= RX_ERASE_GROUNDS || p[2] >= RX_ERASE_ASKERS ||
	    (int64_t)rx_get64(p + 20) != e->time)
		return (false);
	e->ground = (enum rx_erase_ground)p[1];
	e->asker = (enum rx_erase_asker)p[2];
	e->versions = rx_get32(p + 28);
	e->records = rx_get32(p + 32);
	e->record_versions = rx_get32(p + 36);
	e->epochs = rx_get32(p + 40);
	e->slots = rx_get32(p + 44);
	return (true);
}

/* Open and verify the coded part of the certificate under ${cur}. */
static rx_err
coded_open(struct rx_session *s, const struct rx_cursor *cur,
    struct rx_erasure *e, struct rx_status *st)
{
	struct rx_buf plain = RX_BUF_INIT;
	uint8_t message[SIGNED_BYTES];
	const uint8_t *box, *narrative;
	const struct rx_key *key;
	struct rx_place place;
	size_t n, nn;
	rx_err rc;

	box = rx_col_bytes(cur, COL_CODED, &n);
	narrative = rx_col_bytes(cur, COL_NARRATIVE, &nn);
	place_of(&place, s, e->unit, e->child, COL_CODED);
	if ((rc = rx_unit_key(s, e->unit, RX_COMP_CODED,
	    rx_envelope_epoch(box, n), &key, NULL, st)) != RX_OK ||
	    (rc = rx_field_open(&plain, box, n, key, RX_COMP_CODED, &place,
	    st)) != RX_OK)
		goto done;
	if (!coded_take(e, &plain)) {
		rc = about(st, RX_MSG_ERASURE_CORRUPT, e->child);
		goto done;
	}
	rx_text_copy(e->author, sizeof(e->author), rx_member_name(s,
	    plain.b + 4));
	signed_bytes(message, s, e->child, e->unit, plain.b, narrative, nn);
	if (!rx_author_may(s, plain.b + 4, RX_CHILD, e->unit, e->time) ||
	    !rx_member_signed(s, plain.b + 4, e->time, plain.b + HEAD_BYTES,
	    SIGN_LABEL, message, sizeof(message)))
		rc = about(st, RX_MSG_ERASURE_CORRUPT, e->child);
done:
	rx_buf_free(&plain);
	return (rc);
}

/* Open the reason, if the session may read it. */
static rx_err
reason_open(struct rx_session *s, const struct rx_cursor *cur,
    struct rx_erasure *e, struct rx_status *st)
{
	struct rx_buf plain = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_place place;
	const uint8_t *box;
	size_t n;
	rx_err rc;

	if (!rx_permitted(s, RX_ACT_WRITE_CASE, e->unit))
		return (RX_OK);
	box = rx_col_bytes(cur, COL_NARRATIVE, &n);
	place_of(&place, s, e->unit, e->child, COL_NARRATIVE);
	if ((rc = rx_unit_key(s, e->unit, RX_COMP_NARRATIVE,
	    rx_envelope_epoch(box, n), &key, NULL, st)) == RX_OK &&
	    (rc = rx_field_open(&plain, box, n, key, RX_COMP_NARRATIVE, &place,
	    st)) == RX_OK && (e->reasoned = rx_utf8_valid((const char *)plain.b,
	    plain.len)) && (rc = rx_buf_add(&plain, "", 1, st)) == RX_OK)
		rx_text_copy(e->reason, sizeof(e->reason),
		    (const char *)plain.b);
	rx_buf_free(&plain);
	return (rc);
}

/* The certificate under ${cur}, as far as the session may read it. */
static rx_err
certificate_open(struct rx_session *s, const struct rx_cursor *cur,
    struct rx_erasure *e, struct rx_status *st)
{
	const void *p;
	size_t n;
	rx_err rc;

	memset(e, 0, sizeof(*e));
	p = rx_col_bytes(cur, COL_CHILD, &n);
	if (n != RX_ID_BYTES)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT));
	memcpy(e->child, p, n);
	rx_unit_set(e->unit, rx_col_text(cur, COL_UNIT));
	e->time = rx_col_int(cur, COL_TIME);
	e->swept = rx_col_int(cur, COL_SWEPT) == 1;
	if ((rc = coded_open(s, cur, e, st)) != RX_OK)
		return (rc);
	return (reason_open(s, cur, e, st));
}

/* ---- destroying ---- */

/* Collect the (id, version) keys of query ${q} for ${id}. */
static rx_err
collect_versions(struct rx_session *s, enum rx_query q, const uint8_t *id,
    struct rx_buf *ids, struct rx_buf *versions, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	const void *p;
	int64_t version;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, q, &arg, 1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 0, &n);
		version = rx_col_int(cur, 1);
		if (n != RX_ID_BYTES) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
			break;
		}
		if ((rc = rx_buf_add(ids, p, n, st)) != RX_OK ||
		    (rc = rx_buf_add(versions, &version, sizeof(version),
		    st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* Delete all versions that query ${q} finds; *all and *things count versions
 * and what they are versions of. */
static rx_err
erase_versions(struct rx_session *s, enum rx_query q, enum rx_table table,
    const uint8_t *id, uint32_t *all, uint32_t *things, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT, versions = RX_BUF_INIT;
	struct rx_value key[2];
	int64_t version;
	size_t i;
	rx_err rc;

	rc = collect_versions(s, q, id, &ids, &versions, st);
	for (i = 0; i < ids.len / RX_ID_BYTES && rc == RX_OK; i++) {
		memcpy(&version, versions.b + i * sizeof(version),
		    sizeof(version));
		key[0] = rx_bytes(ids.b + i * RX_ID_BYTES, RX_ID_BYTES);
		key[1] = rx_int(version);
		++*all;
		*things += version == 1;
		rc = rx_store_delete(s->store, table, key, NULL, st);
	}
	rx_buf_free(&ids);
	rx_buf_free(&versions);
	return (rc);
}

/* Delete what was written twice of the case. */
static rx_err
erase_conflicts(struct rx_session *s, const struct rx_case *c,
    struct rx_status *st)
{
	struct rx_value key[4] = { rx_bytes(c->id, RX_ID_BYTES) };
	struct conflict {
		int64_t source, version;
		uint8_t id[RX_ID_BYTES], digest[RX_HASH_BYTES];
	} k;
	struct rx_buf keys = RX_BUF_INIT;
	struct rx_cursor *cur;
	const void *id, *digest;
	size_t i, n, nd;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CONFLICTS_OF_CHILD, key,
	    1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		memset(&k, 0, sizeof(k));
		k.source = rx_col_int(cur, 0);
		id = rx_col_bytes(cur, 1, &n);
		k.version = rx_col_int(cur, 2);
		digest = rx_col_bytes(cur, 3, &nd);
		if (n != RX_ID_BYTES || nd != RX_HASH_BYTES) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
			break;
		}
		memcpy(k.id, id, n);
		memcpy(k.digest, digest, nd);
		if ((rc = rx_buf_add(&keys, &k, sizeof(k), st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	for (i = 0; i < keys.len && rc == RX_OK; i += sizeof(k)) {
		memcpy(&k, keys.b + i, sizeof(k));
		key[0] = rx_int(k.source);
		key[1] = rx_bytes(k.id, RX_ID_BYTES);
		key[2] = rx_int(k.version);
		key[3] = rx_bytes(k.digest, RX_HASH_BYTES);
		rc = rx_store_delete(s->store, RX_TABLE_CONFLICT, key, NULL,
		    st);
	}
	rx_buf_free(&keys);
	return (rc);
}

/* Delete every wrapped key of the case, an offer of it, and its moves. */
static rx_err
erase_keys(struct rx_session *s, const struct rx_case *c,
    struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(c->id, RX_ID_BYTES) };
	size_t i;
	rx_err rc;

	if ((rc = rx_store_delete(s->store, RX_TABLE_TRANSFER, key, NULL,
	    st)) == RX_OK)
		rc = rx_passages_forget(s, c->id, st);
	for (i = 0; i < c->n && rc == RX_OK; i++) {
		key[1] = rx_int(c->e[i].epoch);
		if ((rc = rx_store_delete(s->store, RX_TABLE_CASE_KEY, key,
		    NULL, st)) == RX_OK)
			rc = rx_store_delete(s->store, RX_TABLE_CASE_LINK, key,
			    NULL, st);
	}
	return (rc);
}

/* In a transaction: destroy the loaded case, and what anybody remembers of it;
 * ${e} counts. */
static rx_err
destroy(struct rx_session *s, struct rx_case *c, struct rx_erasure *e,
    struct rx_status *st)
{
	uint32_t ignored = 0;
	rx_err rc;

	e->epochs = (uint32_t)c->n;
	rx_known_free(s);
	if ((rc = rx_kept_forget(s, NULL, st)) != RX_OK ||
	    (rc = rx_draft_delete(s, c->id, st)) != RX_OK ||
	    (rc = rx_departures_forget(s, c->id, st)) != RX_OK ||
	    (rc = rx_origins_forget(s, c->id, st)) != RX_OK ||
	    (rc = erase_keys(s, c, st)) != RX_OK ||
	    (rc = rx_slots_forget(s, c->id, &e->slots, st)) != RX_OK ||
	    (rc = rx_extract_forget(s, c->id, st)) != RX_OK ||
	    (rc = erase_conflicts(s, c, st)) != RX_OK ||
	    (rc = erase_versions(s, RX_Q_RECORD_VERSIONS, RX_TABLE_RECORD,
	    c->id, &e->record_versions, &e->records, st)) != RX_OK)
		return (rc);
	return (erase_versions(s, RX_Q_CHILD_VERSIONS, RX_TABLE_CHILD, c->id,
	    &e->versions, &ignored, st));
}

/* ---- rewriting the files ---- */

/* Note in the certificate that the files were rewritten; *row is false when
 * there was none without that note. */
static rx_err
sweep_note(struct rx_session *s, bool *row, struct rx_status *st)
{
	struct rx_buf b[3] = { RX_BUF_INIT, RX_BUF_INIT, RX_BUF_INIT };
	static const int from[3] = { COL_CHILD, COL_CODED, COL_NARRATIVE };
	char unit[RX_UNIT_BYTES] = "";
	struct rx_value v[COLUMNS];
	struct rx_cursor *cur;
	int64_t time = 0;
	const void *p;
	size_t i, n;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_ERASURE_UNSWEPT, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, row, st)) == RX_OK && *row) {
		rx_unit_set(unit, rx_col_text(cur, COL_UNIT));
		time = rx_col_int(cur, COL_TIME);
		for (i = 0; i < 3 && rc == RX_OK; i++) {
			p = rx_col_bytes(cur, from[i], &n);
			rc = rx_buf_add(&b[i], p, n, st);
		}
	}
	rx_query_close(cur);
	if (rc == RX_OK && *row) {
		v[COL_CHILD] = rx_bytes(b[0].b, b[0].len);
		v[COL_UNIT] = rx_text(unit);
		v[COL_TIME] = rx_int(time);
		v[COL_SWEPT] = rx_int(1);
		v[COL_CODED] = rx_bytes(b[1].b, b[1].len);
		v[COL_NARRATIVE] = rx_bytes(b[2].b, b[2].len);
		rc = rx_store_replace(s->store, RX_TABLE_ERASURE, v, st);
	}
	for (i = 0; i < 3; i++)
		rx_buf_free(&b[i]);
	return (rc);
}

/* Rewrite the files, then say so: deleted content is overwritten at once
 * (secure_delete), but pages that were split before may hold older copies. */
static rx_err
sweep(struct rx_session *s, struct rx_status *st)
{
	bool row = true;
	rx_err rc;

	if ((rc = rx_store_vacuum(s->store, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	while (rc == RX_OK && row)
		rc = sweep_note(s, &row, st);
	/* In a copy nothing is erased but what a bundle of home says. */
	return (rx_finish(s, rc, s->copy ? RX_DID_BUNDLE : RX_DID_ERASE, NULL,
	    "swept", st));
}

rx_err
rx_erasure_heal(struct rx_session *s, struct rx_status *st)
{
	struct rx_status later;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_ERASURE_UNSWEPT, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	rc = rx_query_next(cur, &row, st);
	rx_query_close(cur);
	if (rc != RX_OK || !row)
		return (rc);
	/* A full or busy disk is no reason to keep people out: what is left to
	 * do stands in the certificate, and is shown with it. */
	rx_status_clear(&later);
	if ((rc = sweep(s, &later)) == RX_EIO)
		return (RX_OK);
	if (rc != RX_OK)
		*st = later;
	return (rc);
}

/* ---- the order ---- */

rx_err
rx_erase_reason_check(struct rx_session *s, struct rx_case *c,
    const char *reason, struct rx_status *st)
{
	const char *name, *number;
	struct rx_record r;
	rx_err rc;

	if (rx_utf8_count(reason, strlen(reason)) > REASON_CHARACTERS)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_ERASE_REASON_LONG));
	rx_record_init(&r);
	if ((rc = rx_child_open(s, c, RX_BIT(RX_COMP_IDENTITY), false, &r,
	    st)) == RX_OK) {
		name = rx_record_text(&r, RX_F_NAME);
		number = rx_record_text(&r, RX_F_ID_NUMBER);
		if ((rx_utf8_count(name, strlen(name)) >= 2 &&
		    strstr(reason, name) != NULL) ||
		    (*number != '\0' && strcasestr(reason, number) != NULL))
			rc = rx_fail(st, RX_EUSAGE, RX_MSG_ERASE_REASON_NAMES);
	}
	rx_record_free(&r);
	return (rc);
}

/* In a transaction: everything that an erasure is. */
static rx_err
erase(struct rx_session *s, struct rx_case *c, struct rx_erasure *e,
    const char *reason, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_case_load(c, s, e->child, e->unit, RX_CASE_KEYS, st)) !=
	    RX_OK || (rc = rx_erase_reason_check(s, c, reason, st)) != RX_OK)
		return (rc);
	e->time = rx_session_now(s);
	if ((rc = rx_residue_add(s, c, st)) != RX_OK ||
	    (rc = destroy(s, c, e, st)) != RX_OK ||
	    (rc = certify(s, e, reason, st)) != RX_OK)
		return (rc);
	return (rx_erasures_clean(s, st));
}

rx_err
rx_erase_moved(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    const char *reason, struct rx_status *st)
{
	struct rx_erasure e;

	memset(&e, 0, sizeof(e));
	memcpy(e.child, id, RX_ID_BYTES);
	memcpy(e.unit, unit, RX_UNIT_BYTES);
	e.ground = RX_GROUND_MOVED;
	return (erase(s, c, &e, reason, st));
}

/* The case's own keys are gone: the unit's seal the reason for the audit. */
static rx_err
audit_reason(struct rx_buf *box, struct rx_session *s,
    const struct rx_case *c, const char *reason, struct rx_status *st)
{
	const struct rx_key *key;
	uint32_t epoch;
	rx_err rc;

	if ((rc = rx_unit_key(s, c->unit, RX_COMP_NARRATIVE, 0, &key, &epoch,
	    st)) == RX_OK)
		rc = rx_reason_seal(box, s, c, key, epoch, reason, st);
	return (rc);
}

rx_err
rx_erase_sweep(struct rx_session *s, struct rx_status *st)
{
	rx_err rc;

	if ((rc = sweep(s, st)) != RX_OK) {
		rx_status_clear(st);
		rc = rx_fail(st, RX_EIO, RX_MSG_ERASE_NOT_SWEPT);
	}
	return (rc);
}

rx_err
rx_child_erase_for(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const struct rx_erase_order *order, struct rx_status *st)
{
	const char *reason = order->reason;
	struct rx_buf box = RX_BUF_INIT;
	struct rx_erasure e;
	struct rx_case c;
	rx_err rc;

	if (reason == NULL || *reason == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_REASON_MISSING));
	if (order->ground == RX_GROUND_MOVED)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_ERASE_GROUND_MOVED));
	memset(&e, 0, sizeof(e));
	memcpy(e.child, id, RX_ID_BYTES);
	e.ground = order->ground;
	e.asker = order->asker;
	if ((rc = rx_case_unit(s, id, e.unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, e.unit, st)) != RX_OK)
		return (rc);
	rx_case_init(&c);
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto done;
	/* It may have moved meanwhile. */
	if ((rc = rx_case_unit(s, id, e.unit, st)) == RX_OK &&
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, e.unit, st)) == RX_OK &&
	    (rc = rx_departure_refuse(s, id, st)) == RX_OK &&
	    (rc = erase(s, &c, &e, reason, st)) == RX_OK)
		rc = audit_reason(&box, s, &c, reason, st);
	rc = rx_finish_with(s, rc, RX_DID_ERASE, id, box.b, box.len, st);
	/* Erased it is, whatever comes now. */
	if (rc == RX_OK)
		rc = rx_erase_sweep(s, st);
done:
	rx_buf_free(&box);
	rx_case_done(&c, s);
	return (rc);
}

/* ---- what home has erased ---- */

/* The certificate of ${id}, verified, as it is stored; ${asked} by somebody, who
 * must direct or supervise its unit. */
static rx_err
stored_open(struct rx_session *s, const uint8_t id[RX_ID_BYTES], bool asked,
    struct rx_erasure *e, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	char unit[RX_UNIT_BYTES];
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_ERASURE, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && !row)
		rc = rx_fail(st, RX_ENOENT, RX_MSG_ERASURE_UNKNOWN);
	if (rc == RX_OK && asked) {
		rx_unit_set(unit, rx_col_text(cur, COL_UNIT));
		if (!rx_permitted(s, RX_ACT_WRITE_CASE, unit))
			rc = rx_permit(s, RX_ACT_SUPERVISE, unit, st);
	}
	if (rc == RX_OK)
		rc = certificate_open(s, cur, e, st);
	rx_query_close(cur);
	return (rc);
}

/* Load the case that the row ${v}, of the unit ${named}, says is erased, if it is
 * here.  RX_EPERM when it lies in another unit, or the session lacks keys to look
 * at either. */
static rx_err
case_here(struct rx_session *s, struct rx_case *c, const struct rx_value *v,
    const char *named, bool *here, struct rx_status *st)
{
	const bool writes = rx_permitted(s, RX_ACT_WRITE_CASE, named);
	char unit[RX_UNIT_BYTES];
	const struct rx_key *key;
	rx_err rc;

	*here = false;
	if ((rc = rx_unit_key(s, named, RX_COMP_CODED, rx_envelope_epoch(
	    v[COL_CODED].p, v[COL_CODED].n), &key, NULL, st)) != RX_OK ||
	    (writes && (rc = rx_unit_key(s, named, RX_COMP_NARRATIVE,
	    rx_envelope_epoch(v[COL_NARRATIVE].p, v[COL_NARRATIVE].n), &key,
	    NULL, st)) != RX_OK) ||
	    (rc = rx_case_unit(s, v[COL_CHILD].p, unit, st)) != RX_OK)
		return (rc);
	if (memcmp(unit, named, RX_UNIT_BYTES) != 0)
		return (rx_fail(st, RX_EPERM, RX_MSG_BUNDLE_NOT_ENTITLED));
	*here = true;
	return (rx_case_load(c, s, v[COL_CHILD].p, unit, writes ?
	    RX_CASE_KEYS : RX_BIT(RX_COMP_CODED), st));
}

rx_err
rx_erasure_take(struct rx_session *s, struct rx_case *c,
    const struct rx_value *sent, const char unit[RX_UNIT_BYTES],
    enum rx_taken *how, struct rx_status *st)
{
	struct rx_erasure e, counts;
	struct rx_value v[COLUMNS];
	struct rx_status why;
	bool known, here;
	rx_err rc;

	*how = RX_TAKEN_NOT;
	if ((rc = rx_erased(s, sent[COL_CHILD].p, &known, st)) != RX_OK ||
	    known)
		return (rc);
	rx_status_clear(&why);
	rc = case_here(s, c, sent, unit, &here, &why);
	if (rc == RX_EPERM) {
		*how = RX_TAKEN_ELSEWHERE;
		return (RX_OK);
	}
	if (rc != RX_OK && rc != RX_ENOENT) {
		*st = why;
		return (rc);
	}
	memcpy(v, sent, sizeof(v));
	v[COL_SWEPT] = rx_int(!here);
	if ((rc = rx_store_insert(s->store, RX_TABLE_ERASURE, v, st)) !=
	    RX_OK || (rc = stored_open(s, v[COL_CHILD].p, false, &e, st)) !=
	    RX_OK)
		return (rc);
	*how = here ? RX_TAKEN_GONE : RX_TAKEN_KNOWN;
	if (!here)
		return (RX_OK);
	memset(&counts, 0, sizeof(counts));
	if ((rc = destroy(s, c, &counts, st)) != RX_OK)
		return (rc);
	return (rx_erasures_clean(s, st));
}

rx_err
rx_child_erase(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, struct rx_status *st)
{
	const struct rx_erase_order order = {
		reason, RX_GROUND_UNSTATED, RX_ASKER_UNSTATED
	};

	return (rx_child_erase_for(s, id, &order, st));
}

/* ---- reading ---- */

static int
unit_cmp(const void *a, const void *b)
{

	return (memcmp(a, b, RX_UNIT_BYTES));
}

/* The units whose certificates the session may read, each once. */
static rx_err
readable(struct rx_session *s, struct rx_buf *units, struct rx_status *st)
{
	size_t i, n;
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR) &&
	    !rx_session_has_role(s, RX_ROLE_SUPERVISOR))
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	if ((rc = rx_locate_units(s, units, st)) != RX_OK || units->len == 0)
		return (rc);
	qsort(units->b, units->len / RX_UNIT_BYTES, RX_UNIT_BYTES, unit_cmp);
	for (i = n = RX_UNIT_BYTES; i < units->len; i += RX_UNIT_BYTES)
		if (unit_cmp(units->b + i, units->b + n - RX_UNIT_BYTES) != 0) {
			memmove(units->b + n, units->b + i, RX_UNIT_BYTES);
			n += RX_UNIT_BYTES;
		}
	units->len = n;
	return (RX_OK);
}

/* The certificates of ${unit}. */
static rx_err
each_of_unit(struct rx_session *s, const char *unit, rx_erasure_each *each,
    void *cookie, struct rx_status *st)
{
	struct rx_value arg = rx_text(unit);
	struct rx_cursor *cur;
	struct rx_erasure e;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_ERASURES_OF_UNIT, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = certificate_open(s, cur, &e, st)) != RX_OK ||
		    (rc = each(cookie, &e, st)) != RX_OK)
			break;
	rx_query_close(cur);
	rx_wipe(&e, sizeof(e));
	return (rc);
}

rx_err
rx_erasures(struct rx_session *s, rx_erasure_each *each, void *cookie,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) == RX_OK)
		rc = readable(s, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = each_of_unit(s, (const char *)units.b + i, each, cookie,
		    st);
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_erasure_find(struct rx_session *s, const char *text, struct rx_erasure *e,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	memset(e, 0, sizeof(*e));
	if (!rx_uuid_parse(text, id))
		return (rx_fail(st, RX_ENOENT, RX_MSG_ERASURE_UNKNOWN));
	if ((rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	return (stored_open(s, id, true, e, st));
}

static rx_err
count_each(void *cookie, const struct rx_erasure *e, struct rx_status *st)
{

	(void)st;
	++((size_t *)cookie)[0];
	((size_t *)cookie)[1] += !e->swept;
	return (RX_OK);
}

rx_err
rx_erasure_verify(struct rx_session *s, size_t *certificates,
    struct rx_status *st)
{
	size_t n[2] = { 0, 0 };
	rx_err rc;

	*certificates = 0;
	if ((rc = rx_erasures(s, count_each, n, st)) != RX_OK ||
	    (rc = rx_erasures_clean(s, st)) != RX_OK)
		return (rc);
	if (n[1] > 0)
		return (rx_fail(st, RX_EIO, RX_MSG_ERASE_NOT_SWEPT));
	*certificates = n[0];
	return (RX_OK);
}
