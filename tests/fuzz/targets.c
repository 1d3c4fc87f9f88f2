#include <stdlib.h>
#include <string.h>

#include "crypto/container.h"
#include "crypto/grant.h"
#include "crypto/passphrase.h"
#include "crypto/recovery.h"
#include "register/backup.h"
#include "register/internal.h"
#include "register/record.h"
#include "store/store.h"
#include "web/web.h"

#include "targets.h"

#define TODAY 20000		/* 2024-10-04 */

size_t targets_taken;

static struct rx_keypool *pool;
static struct rx_key *key;
static struct rx_identity identity;
static struct rx_secret *passphrase;
static struct rx_place place;

static void
must(bool holds)
{

	if (!holds)
		abort();
}

void
targets_init(void)
{
	struct rx_status st = { 0 };
	uint8_t seed[32] = { 7 };

	must(rx_crypto_init(&st) == RX_OK);
	rx_json_init();
	must(rx_keypool_new(&pool, &st) == RX_OK);
	must(rx_key_new(&key, pool, &st) == RX_OK);
	must(rx_secret_new(&passphrase, 8, &st) == RX_OK);
	rx_identity_derive(&identity, seed);
}

/* The two bytes at the front choose, the rest is the input. */
static unsigned
choose(const uint8_t **p, size_t *n, unsigned of)
{
	unsigned k;

	if (*n < 2)
		return (0);
	k = ((unsigned)(*p)[0] << 8 | (*p)[1]) % of;
	*p += 2;
	*n -= 2;
	return (k);
}

/* A box that was not sealed opens nowhere; what was sealed opens, padded. */
static void
envelope(const uint8_t *p, size_t n)
{
	struct rx_buf box = RX_BUF_INIT, plain = RX_BUF_INIT;
	struct rx_status st = { 0 };
	unsigned pad = choose(&p, &n, 4);

	must(rx_field_open(&plain, p, n, key, RX_COMP_NARRATIVE, &place,
	    &st) != RX_OK && plain.len == 0);
	rx_status_clear(&st);
	if (rx_field_seal(&box, key, RX_COMP_NARRATIVE, 1, &place,
	    (enum rx_pad)pad, p, n, &st) == RX_OK) {
		must(rx_field_open(&plain, box.b, box.len, key,
		    RX_COMP_NARRATIVE, &place, &st) == RX_OK);
		must(plain.len == n && (n == 0 ||
		    memcmp(plain.b, p, n) == 0));
	}
	rx_buf_free(&box);
	rx_buf_free(&plain);
}

/* Plaintext that is authentic and yet not padded as it should be. */
static void
padding(const uint8_t *p, size_t n)
{
	struct rx_buf plain = RX_BUF_INIT;
	struct rx_status st = { 0 };
	uint8_t *box;

	if ((box = malloc(rx_envelope_size(n))) == NULL)
		return;
	must(rx_envelope_seal(box, key, RX_ENV_FIELD, RX_COMP_CODED, 1, &place,
	    p, n, &st) == RX_OK);
	if (rx_field_open(&plain, box, rx_envelope_size(n), key, RX_COMP_CODED,
	    &place, &st) == RX_OK)
		must(plain.len < n);
	free(box);
	rx_buf_free(&plain);
}

static void
keyblob(const uint8_t *p, size_t n)
{
	struct rx_keyblob blob;
	struct rx_status st = { 0 };
	uint8_t id[RX_ID_BYTES] = { 0 };

	must(rx_keyblob_open(&blob, p, n, identity.sign_public, passphrase, id,
	    id, &st) != RX_OK);
}

static void
signed_forms(const uint8_t *p, size_t n)
{
	struct rx_cert cert;
	struct rx_grant grant;
	struct rx_key secret;
	struct rx_status st = { 0 };
	uint8_t id[RX_ID_BYTES], store[RX_ID_BYTES] = { 0 };
	uint8_t code[RX_CODE_BYTES] = { 0 };
	enum rx_revoked why;
	int64_t at;

	must(rx_cert_open(&cert, p, n, identity.sign_public, store, &st) !=
	    RX_OK);
	rx_status_clear(&st);
	must(rx_revocation_open(id, &at, &why, p, n, identity.sign_public, store,
	    &st) != RX_OK);
	rx_status_clear(&st);
	must(rx_grant_open(&grant, p, n, &identity, &st) != RX_OK);
	rx_status_clear(&st);
	must(rx_recovery_open(&secret, p, n, 0, 1, code, code, store, &st) !=
	    RX_OK);
}

/* A line of an import: what is accepted is stored and read back the same. */
static void
line(const uint8_t *p, size_t n)
{
	struct rx_record r, back;
	struct rx_buf form = RX_BUF_INIT, again = RX_BUF_INIT;
	struct rx_status st = { 0 };
	json_t *json;
	enum rx_compartment comp;

	if (rx_json_parse(&json, (const char *)p, n, &st) != RX_OK)
		return;
	rx_record_init(&r);
	rx_record_init(&back);
	if (rx_record_parse(&r, json, TODAY, &st) != RX_OK)
		goto out;
	back.type = r.type;
	for (comp = RX_COMP_IDENTITY; comp <= RX_COMP_CODED; comp++) {
		rx_buf_reset(&form);
		rx_buf_reset(&again);
		/* References are text until the register resolves them. */
		if (rx_record_encode(&form, &r, comp, &st) != RX_OK ||
		    rx_record_decode(&back, comp, form.b, form.len, &st) !=
		    RX_OK)
			goto out;
		must(rx_record_encode(&again, &back, comp, &st) == RX_OK);
		must(form.len == again.len && (form.len == 0 ||
		    memcmp(form.b, again.b, form.len) == 0));
	}
out:
	rx_buf_free(&form);
	rx_buf_free(&again);
	rx_record_free(&r);
	rx_record_free(&back);
	json_decref(json);
}

/* The stored form: what is accepted is written the same. */
static void
stored(const uint8_t *p, size_t n)
{
	struct rx_record r;
	struct rx_buf form = RX_BUF_INIT;
	struct rx_status st = { 0 };
	json_t *json = NULL;
	unsigned k = choose(&p, &n, 3 * (RX_TYPE_COUNT - 1));
	enum rx_compartment comp = (enum rx_compartment)
	    (RX_COMP_IDENTITY + k % 3);

	rx_record_init(&r);
	r.type = (enum rx_type)(1 + k / 3);
	if (rx_record_decode(&r, comp, p, n, &st) == RX_OK) {
		must(rx_record_encode(&form, &r, comp, &st) == RX_OK);
		must(form.len == n && (n == 0 || memcmp(form.b, p, n) == 0));
		r.identity = r.narrative = true;
		if (rx_record_json(&json, &r, &st) == RX_OK)
			json_decref(json);
	}
	rx_buf_free(&form);
	rx_record_free(&r);
}

/* Short texts: unit codes, dates, custodians' codes, heads of the audit, and a
 * countersigned one. */
static void
words(const uint8_t *p, size_t n)
{
	char text[RX_COUNTERSIGNED_TEXT + 200], unit[RX_UNIT_BYTES];
	char shown[RX_UNIT_TEXT];
	char again[RX_UNIT_BYTES], date_text[RX_DATE_TEXT];
	char code_text[RX_CODE_TEXT], anchor_text[RX_ANCHOR_TEXT];
	struct rx_anchor anchor, anchor_again;
	struct rx_audit_head head = { 0 };
	uint8_t code[RX_CODE_BYTES], code_again[RX_CODE_BYTES];
	struct rx_status st = { 0 };
	int32_t date;

	n = n < sizeof(text) - 1 ? n : sizeof(text) - 1;
	memcpy(text, p, n);
	text[n] = '\0';
	if (rx_unit_parse(unit, text, &st) == RX_OK) {
		rx_unit_text(shown, unit);
		must(rx_unit_parse(again, shown, &st) == RX_OK);
		must(memcmp(unit, again, RX_UNIT_BYTES) == 0);
	}
	if (rx_date_parse(text, &date)) {
		rx_date_format(date, date_text);
		must(strcmp(date_text, text) == 0);
	}
	if (rx_month_parse(text, &date))
		must(date >= 1900 * 12);
	rx_status_clear(&st);
	if (rx_code_parse(code, text, &st) == RX_OK) {
		rx_code_text(code_text, code);
		must(rx_code_parse(code_again, code_text, &st) == RX_OK);
		must(memcmp(code, code_again, sizeof(code)) == 0);
	}
	rx_status_clear(&st);
	if (rx_anchor_parse(&anchor, text, &st) == RX_OK) {
		head.seq = anchor.seq;
		memcpy(head.hash, anchor.hash, sizeof(head.hash));
		rx_anchor_format(anchor_text, &head);
		if (anchor.n == RX_ANCHOR_HASH)
			must(rx_anchor_parse(&anchor_again, anchor_text,
			    &st) == RX_OK && memcmp(&anchor, &anchor_again,
			    sizeof(anchor)) == 0);
		/* What it says of itself is what was signed. */
		must(!anchor.countersigned || (anchor.n == RX_HASH_BYTES &&
		    memcmp(anchor.hash, anchor.statement + RX_ANCHOR_AT_SEQ +
		    8, RX_HASH_BYTES) == 0));
	}
}

/* The body of a form, or a query: what was read, written and read again, is
 * the same, but that CR LF becomes LF, and so CR CR LF twice. */
static void
form(const uint8_t *p, size_t n)
{
	struct rx_fields *f, *again;
	struct rx_buf url = RX_BUF_INIT, back = RX_BUF_INIT;
	struct rx_status st = { 0 };

	must(rx_fields_new(&f, &st) == RX_OK);
	must(rx_fields_new(&again, &st) == RX_OK);
	if (rx_fields_parse(f, (const char *)p, n, &st) == RX_OK) {
		must(rx_fields_query(f, "", &url, &st) == RX_OK);
		must(rx_fields_parse(again, (const char *)url.b, url.len,
		    &st) == RX_OK);
		must(rx_fields_query(again, "", &back, &st) == RX_OK);
		must(url.len == 0 ? back.len == 0 :
		    memmem(url.b, url.len, "%0D", 3) != NULL ||
		    (url.len == back.len &&
		    memcmp(url.b, back.b, url.len) == 0));
	}
	rx_buf_free(&url);
	rx_buf_free(&back);
	rx_fields_free(f);
	rx_fields_free(again);
}

/* A form with a file, its parts between lines of "--x": the file lies within it,
 * with no such line inside, and what is said twice, or after the end, is refused. */
static void
upload(const uint8_t *p, size_t n)
{
	static const char more[] = "--x\r\nContent-Disposition: form-data; "
	    "name=\"f\"; filename=\"\"\r\n\r\n\r\n";
	struct rx_buf twice = RX_BUF_INIT;
	struct rx_fields *f;
	struct rx_status st = { 0 };
	const uint8_t *file;
	size_t nfile;
	bool had;
	rx_err rc;

	must(rx_fields_new(&f, &st) == RX_OK);
	if (rx_fields_multipart(f, "x", p, n, &file, &nfile, &st) == RX_OK) {
		must(file == NULL ? nfile == 0 : file > p && file + nfile <
		    p + n && memmem(file, nfile, "\r\n--x", 5) == NULL);
		had = file != NULL;
		must(rx_buf_add(&twice, more, sizeof(more) - 1, &st) ==
		    RX_OK && rx_buf_add(&twice, p, n, &st) == RX_OK);
		rc = rx_fields_multipart(f, "x", twice.b, twice.len, &file,
		    &nfile, &st);
		must(!had || rc != RX_OK);
	}
	rx_buf_free(&twice);
	rx_fields_free(f);
}

/* A template over fixed data: it may be refused, and never shows a raw "<". */
static void
template(const uint8_t *p, size_t n)
{
	static json_t *data;
	struct rx_buf out = RX_BUF_INIT;
	struct rx_status st = { 0 };
	size_t k;
	bool angle = false;

	if (data == NULL)
		data = json_pack("{s:s, s:b, s:[{s:s},{s:s}], s:{s:i}}", "a",
		    "<img onerror='x'>", "b", 1, "l", "a", "\"", "a", "&",
		    "o", "n", 5);
	for (k = 0; k < n; k++)
		angle = angle || p[k] == '<';
	if (rx_template_render_text(&out, "fuzz", (const char *)p, n, data,
	    RX_LANG_ZH, &st) == RX_OK && !angle &&
	    memmem(p, n, "{{{", 3) == NULL && memmem(p, n, "{{>", 3) == NULL)
		must(out.len == 0 || memchr(out.b, '<', out.len) == NULL);
	rx_buf_free(&out);
}

/* Both database files of a register: pages of the first, and it; the other. */
static void
database(const uint8_t *p, size_t n)
{
	struct rx_buf content = RX_BUF_INIT, keys = RX_BUF_INIT;
	struct rx_status st = { 0 };
	struct rx_store *s;
	uint8_t digest[RX_HASH_BYTES];
	size_t first = (size_t)choose(&p, &n, UINT16_MAX) * 4096;

	first = first < n ? first : n;
	if (rx_buf_add(&content, p, first, &st) == RX_OK &&
	    rx_buf_add(&keys, p + first, n - first, &st) == RX_OK &&
	    rx_store_open_images(&s, &content, &keys, &st) == RX_OK) {
		if (rx_store_check(s, &st) == RX_OK)
			(void)!rx_store_manifest_recount(s, digest, NULL, NULL,
			    &st);
		rx_store_close(s);
	}
	rx_buf_free(&content);
	rx_buf_free(&keys);
}

/* A bundle on its way: what has the right lengths is described, and opens for
 * nobody and was signed by nobody. */
static void
container(const uint8_t *p, size_t n)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_status st = { 0 };
	struct rx_container c;
	size_t k;

	if (rx_container_read(&c, p, n, &st) == RX_OK) {
		must(c.body <= n && c.recipients > 0);
		must(!rx_container_signed(&c, identity.sign_public));
		for (k = 0; k < c.recipients; k += 1 + c.recipients / 3) {
			rx_status_clear(&st);
			must(rx_container_open(&out, &c,
			    rx_container_recipient(&c, k), &identity, &st) !=
			    RX_OK && out.len == 0);
		}
	}
	rx_buf_free(&out);
}

/* The answer to a case that went to another register: its parts lie within it,
 * and it was signed by nobody. */
static void
receipt(const uint8_t *p, size_t n)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_status st = { 0 };
	struct rx_receipt r;
	struct rx_address a;

	must(rx_address_take(&a, p, n, &st) != RX_OK);
	rx_status_clear(&st);
	if (rx_receipt_read(&r, p, n, &st) == RX_OK) {
		must(r.box > p && r.box + r.nbox + RX_SIGNATURE_BYTES ==
		    p + n);
		must(!rx_receipt_signed(&r, identity.sign_public));
		must(rx_receipt_reason(&out, &r, key->b, &st) != RX_OK &&
		    out.len == 0);
	}
	rx_buf_free(&out);
}

/* A row out of a bundle: what is taken apart is put together the same. */
static void
row(const uint8_t *p, size_t n)
{
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_buf again = RX_BUF_INIT;
	struct rx_status st = { 0 };
	enum rx_table table;

	if (rx_row_decode(&table, v, p, n, &st) == RX_OK) {
		must(rx_row_encode(&again, table, v, &st) == RX_OK);
		must(again.len == n && memcmp(again.b, p, n) == 0);
	}
	rx_buf_free(&again);
}

static rx_err
count_record(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	size_t *n = cookie;

	(void)st;
	*n += r->type != RX_CHILD;
	return (RX_OK);
}

/* What another register wrote of a case, as it lies in a file that was opened:
 * what is taken verifies, and is there when it is looked at again. */
static void
history(const uint8_t *p, size_t n)
{
	static struct rx_session nobody;
	struct rx_status st = { 0 };
	struct rx_view *v;
	size_t records = 0;

	if (rx_view_open(&v, &nobody, p, n, &st) != RX_OK) {
		must(v == NULL && st.code != RX_OK);
		return;
	}
	targets_taken++;
	must(rx_view_each(v, RX_CASE_KEYS, count_record, &records, &st) ==
	    RX_OK && records == v->records);
	rx_view_close(v);
}

/* The opened body of a case that comes: its histories lie within it, one behind
 * the other up to its end. */
static void
departure(const uint8_t *p, size_t n)
{
	static struct rx_arrival in;
	struct rx_status st = { 0 };
	size_t at, k;

	if (rx_arrival_parts(&in, &at, p, n, &st) != RX_OK)
		return;
	targets_taken++;
	must(strlen(in.reason) < sizeof(in.reason) && in.registers > 0);
	for (k = 0; k < in.registers; k++) {
		must(at + 4 <= n);
		at += 4 + rx_get32(p + at);
	}
	must(at == n);
}

/* A backup of the image of ${n} bytes ${p}, unsigned. */
static bool
backup_of(struct rx_backup_part *part, const uint8_t *p, size_t n)
{
	struct rx_status st = { 0 };

	memset(part, 0, sizeof(*part));
	memcpy(part->head, "RXBK\1\1", 6);
	rx_put64(part->head + RX_AT_LENGTH, n);
	rx_hash(part->head + RX_AT_HASH, RX_HASH_BYTES, NULL,
	    "runxin backup image v1", p, n);
	return (rx_buf_add(&part->image, p, n, &st) == RX_OK);
}

/* A backup as what differs from another: any bytes, put on a backup that they are
 * made to name, give an image that they name, or are refused; and what is made of
 * any image leads to it. */
static void
increment(const uint8_t *p, size_t n)
{
	static uint8_t base[2 * 4096 + 100];
	struct rx_backup_part from, to;
	struct rx_buf made = RX_BUF_INIT, any = RX_BUF_INIT;
	struct rx_status st = { 0 };
	char name[256];

	if (!backup_of(&from, base, sizeof(base)) || !backup_of(&to, p, n))
		goto out;
	must(rx_increment_make(&made, "a.rxb", &from, &to, &st) == RX_OK);
	must(rx_increment_is(made.b, made.len, name) &&
	    strcmp(name, "a.rxb") == 0);
	if (n < RX_INCREMENT_HEAD || rx_buf_add(&any, p, n, &st) != RX_OK)
		goto apply;
	memcpy(any.b + 8, made.b + 8, RX_HASH_BYTES);	/* of its base */
	if (rx_increment_apply(&from, any.b, any.len, &st) == RX_OK) {
		must(rx_backup_image_is(&from) && from.image.len ==
		    rx_get64(from.head + RX_AT_LENGTH));
		targets_taken++;
	}
	rx_buf_free(&from.image);
	rx_status_clear(&st);
	if (!backup_of(&from, base, sizeof(base)))
		goto out;
apply:
	must(rx_increment_apply(&from, made.b, made.len, &st) == RX_OK);
	must(from.image.len == n && (n == 0 ||
	    memcmp(from.image.b, p, n) == 0));
out:
	rx_buf_free(&from.image);
	rx_buf_free(&to.image);
	rx_buf_free(&made);
	rx_buf_free(&any);
}

const struct target targets[] = {
	{ "envelope", envelope, false }, { "padding", padding, false },
	{ "keyblob", keyblob, false }, { "signed", signed_forms, false },
	{ "line", line, false }, { "stored", stored, false },
	{ "words", words, false }, { "form", form, false },
	{ "template", template, false }, { "database", database, false },
	{ "container", container, false }, { "row", row, false },
	{ "upload", upload, false }, { "receipt", receipt, false },
	{ "history", history, true }, { "departure", departure, true },
	{ "increment", increment, true }
};
const size_t ntargets = sizeof(targets) / sizeof(*targets);
