/*
 * What people do with the register, without memory, and where the disk does not
 * read or write, at every line of the program that asks for either (fault.h): it
 * says so, holds nothing, and the register is whole.  What changes keys, and is
 * done in steps, is interrupted in tests/unit/test_interrupt.c as well.
 */

#include <sys/stat.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/json.h"
#include "tests/crash/deeds.h"

/* The register, settled: everybody signed in, and one more file of it; what lies
 * beside it; and what a deed makes. */
static const char *base, *dir, *kept, *made;

static const char *
path(const char *folder, const char *name)
{
	static char text[4][400];
	static unsigned i;

	i = (i + 1) % 4;
	(void)snprintf(text[i], sizeof(text[i]), "%s/%s", folder, name);
	return (text[i]);
}

/* What is called for every row needs memory, as whoever shows it does. */
static void *volatile asked;

static rx_err
ask(struct rx_status *u)
{

	if ((asked = malloc(1)) == NULL)
		return (rx_fail(u, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	free(asked);
	return (RX_OK);
}

#define EACH(name, type) static rx_err \
	name(void *c, type row, struct rx_status *u) \
	{ (void)c; (void)row; return (ask(u)); }
EACH(child_row, const struct rx_child_row *)
EACH(move, const struct rx_move *)
EACH(setting, const struct rx_setting_row *)
EACH(over, const struct rx_retention_row *)
EACH(erasure, const struct rx_erasure *)
EACH(transfer, const struct rx_transfer_row *)
EACH(departure, const struct rx_departure_row *)
EACH(answered, const struct rx_answered *)
EACH(flag_row, const struct rx_flag_row *)
EACH(residue, const struct rx_residue *)
EACH(user_row, const struct rx_user_row *)
EACH(rotation, const struct rx_rotation *)
EACH(audit_row, const struct rx_audit_row *)
EACH(countersigned, const struct rx_countersigned *)
EACH(vault_file, const struct rx_vault_file *)
EACH(bundle, const struct rx_bundle *)
EACH(unit_of, const char *)

/* Shown as JSON. */
static rx_err
record(void *c, const struct rx_record *r, struct rx_status *u)
{
	json_t *json = NULL;
	const rx_err rc = rx_record_json(&json, r, u);

	(void)c;
	json_decref(json);
	return (rc);
}

static rx_err
version(void *c, const struct rx_record *r, uint64_t changed,
    struct rx_status *u)
{

	(void)changed;
	return (record(c, r, u));
}

static rx_err
origin(void *c, const struct rx_address *from, const struct rx_record *r,
    const char *author, struct rx_status *u)
{

	(void)from;
	(void)author;
	return (record(c, r, u));
}

static rx_err
since(void *c, const struct rx_record *r, bool now, struct rx_status *u)
{

	(void)now;
	return (record(c, r, u));
}

static rx_err
two_texts(void *c, const char *a, const char *b, struct rx_status *u)
{

	(void)b;
	return (unit_of(c, a, u));
}

static rx_err
four_texts(void *c, const char *a, const char *b, const char *level,
    const char *above, struct rx_status *u)
{

	(void)level;
	(void)above;
	return (two_texts(c, a, b, u));
}

static rx_err
holder(void *c, const char *name, enum rx_role role, struct rx_status *u)
{

	(void)role;
	return (unit_of(c, name, u));
}

static rx_err
custody(void *c, const char *unit, bool held, struct rx_status *u)
{

	(void)held;
	return (unit_of(c, unit, u));
}

static rx_err
release(void *c, const uint8_t *id, const char *text, size_t n,
    struct rx_status *u)
{

	(void)id;
	(void)n;
	return (unit_of(c, text, u));
}

static rx_err
note(void *c, int64_t at, const char *user, const char *name,
    struct rx_status *u)
{

	(void)at;
	return (two_texts(c, user, name != NULL ? name : "", u));
}

static rx_err
expired(void *c, const char *file, int64_t days, struct rx_status *u)
{

	(void)days;
	return (unit_of(c, file, u));
}

/* ---- what is done ---- */

#define ACT(name, expr) static rx_err \
	name(struct rx_session *s) { return (expr); }
#define C1_ID fixture_id[C1]
#define C2_ID fixture_id[C2]
#define VILLAGE "350102001001\0\0\0"
/* A long address. */
#define FAR "很远很远很远很远很远很远很远很远很远很远很远很远很远很远很远很远"
#define DAY 30000		/* in 2052: all are grown up */
#define NAMED ((1U << RX_F_NAME) | (1U << RX_F_ID_NUMBER))

ACT(act_list, rx_child_each(s, 0, 0, child_row, NULL, &st))
ACT(act_due, rx_child_each(s, RX_LIST_DUE | RX_LIST_FLAGGED, DAY, child_row,
    NULL, &st))
ACT(act_coded_list, rx_child_each(s, RX_LIST_CODED, 0, child_row, NULL, &st))
ACT(act_search, rx_child_search(s, NULL, "甲", child_row, NULL, &st))
ACT(act_number, rx_child_search(s, "11010519491231002X", NULL, child_row, NULL,
    &st))
ACT(act_browse, rx_child_browse(s, "甲", true, child_row, NULL, &st))
ACT(act_browse_all, rx_child_browse(s, "", false, child_row, NULL, &st))
ACT(act_glance, rx_child_glance(s, C1_ID, child_row, NULL, &st))
ACT(act_show, rx_child_show(s, C1_ID, NULL, record, NULL, &st))
ACT(act_show_named, rx_child_show(s, C1_ID, "核实", record, NULL, &st))
ACT(act_case, rx_child_case(s, C1_ID, NAMED, record, NULL, &st))
ACT(act_history, rx_child_history(s, C2_ID, C2_ID, NAMED, version, NULL, &st))
ACT(act_record_history, rx_child_history(s, C1_ID, fixture_id[O1], 0, version,
    NULL, &st))
ACT(act_activity_history, rx_activity_history(s, fixture_id[A1], version, NULL,
    &st))
ACT(act_draft_save, rx_draft_save(s, C1_ID, "draft", 5, &st))
ACT(act_draft_drop, rx_draft_drop(s, C1_ID, &st))
ACT(act_settings, rx_setting_each(s, setting, NULL, &st))
ACT(act_set, rx_setting_set(s, "visit-red-days", 5, &st))
ACT(act_over, rx_retention_each(s, DAY, RX_RETENTION_NAMES, over, NULL, &st))
ACT(act_over_masked, rx_retention_each(s, DAY, RX_RETENTION_MASKED, over, NULL,
    &st))
ACT(act_over_coded, rx_retention_each(s, DAY, RX_RETENTION_CODED, over, NULL,
    &st))
ACT(act_keep, rx_retention_keep(s, C1_ID, DAY, "诉讼", &st))
ACT(act_erasures, rx_erasures(s, erasure, NULL, &st))
ACT(act_transfers, rx_transfer_each(s, true, transfer, NULL, &st))
ACT(act_departures, rx_departure_each(s, NULL, true, departure, NULL, &st))
ACT(act_answers, rx_arrival_each(s, answered, NULL, &st))
ACT(act_flags, rx_review_each(s, true, flag_row, NULL, &st))
ACT(act_activities, rx_activity_each(s, VILLAGE, record, NULL, &st))
ACT(act_own_activities, rx_activity_own_each(s, record, NULL, &st))
ACT(act_own_units, rx_unit_own_each(s, true, two_texts, NULL, &st))
ACT(act_units, rx_unit_each(s, four_texts, NULL, &st))
ACT(act_coded, rx_coded_each(s, "350102000000\0\0\0", record, NULL, &st))
ACT(act_running_save, rx_running_save(s, VILLAGE, 1, 2, "tally", 5, &st))
ACT(act_releases, rx_release_each(s, release, NULL, &st))
ACT(act_users, rx_user_each(s, user_row, NULL, &st))
ACT(act_key_holders, rx_key_holders_each(s, "s1", VILLAGE, holder, NULL, &st))
ACT(act_unit_holders, rx_unit_holders_each(s, VILLAGE, holder, NULL, &st))
ACT(act_handovers, rx_handover_each(s, two_texts, NULL, &st))
ACT(act_rotations, rx_rotation_each(s, "350102000000\0\0\0", unit_of, NULL,
    &st))
ACT(act_rotation, rx_rotation_mine(s, rotation, NULL, &st))
ACT(act_unit_add, rx_unit_add(s, "350102001101", "新村", "village",
    "350102001", &st))
ACT(act_user_add, rx_user_add(s, "n1", RX_ROLE_DIRECTOR, "350102001002",
    word("n1-pass"), &st))
ACT(act_user_again, rx_user_add(s, "d1", RX_ROLE_SUPERVISOR, "350102001", NULL,
    &st))
ACT(act_heads, rx_countersigned_each(s, countersigned, NULL, &st))
ACT(act_verify, rx_audit_verify(s, NULL, NULL, NULL, NULL, &st))
ACT(act_backup, rx_backup_make(s, path(made, "b"), NULL, NULL, RX_BACKUP_KEEP,
    &st))
ACT(act_increment, rx_backup_make(s, path(made, "i"), path(made, "i.keys"),
    path(made, "whole"), RX_BACKUP_KEEP, &st))
ACT(act_keys, rx_backup_keys(s, path(made, "k"), RX_BACKUP_KEEP, &st))
ACT(act_notes, rx_backup_notes(s, note, NULL, &st))
ACT(act_vault, rx_vault_each(s, path(made, "vault"), vault_file, NULL, &st))
ACT(act_expired, rx_vault_expired(s, path(made, "vault"), false, expired, NULL,
    &st))
ACT(act_copies, rx_bundle_each(s, bundle, NULL, &st))
ACT(act_conflicts, rx_conflict_each(s, C1_ID, record, NULL, &st))
ACT(act_activity_conflicts, rx_activity_conflict_each(s, fixture_id[A1],
    record, NULL, &st))

static rx_err
act_find(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];

	return (rx_child_find(s, "c2", id, &st));
}

static rx_err
act_seek(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];

	return (rx_child_seek(s, "c2", id, &st));
}

static rx_err
act_moves(struct rx_session *s)
{
	uint32_t n;

	return (rx_child_moves(s, C2_ID, move, NULL, &n, &st));
}

static rx_err
act_draft_places(struct rx_session *s)
{
	struct rx_buf places = RX_BUF_INIT;
	rx_err rc = rx_draft_places(s, &places, &st);

	rx_buf_free(&places);
	return (rc);
}

static rx_err
act_draft_load(struct rx_session *s)
{
	struct rx_buf out = RX_BUF_INIT;
	bool found;
	const rx_err rc = rx_draft_load(s, C1_ID, &out, &found, &st);

	rx_buf_free(&out);
	return (rc);
}

static rx_err
save(struct rx_session *s, enum rx_type type, const char *text, bool correct)
{
	struct rx_save_result result;
	json_t *json;
	rx_err rc;

	if ((rc = rx_json_parse(&json, text, strlen(text), &st)) != RX_OK)
		return (rc);
	rc = rx_save(s, type, json, correct, &result, &st);
	json_decref(json);
	return (rc);
}

ACT(act_child, save(s, RX_CHILD, "{\"unit\":\"350102001001\",\"name\":\"丁\","
    "\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":[\"left_behind\"],"
    "\"legal_basis\":\"consent\",\"id_number\":\"11010519491231002X\"}",
    false))
ACT(act_correct, save(s, RX_CHILD, "{\"id\":\"c1\",\"unit\":\"350102001001\","
    "\"name\":\"甲\",\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":"
    "[\"left_behind\"],\"legal_basis\":\"consent\",\"school\":\"三小\"}", true))
ACT(act_observe, save(s, RX_OBSERVATION, "{\"id\":\"o9\",\"child\":\"c2\","
    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\",\"signs\":"
    "[\"self_harm\"],\"risk\":\"red\",\"note\":\"更糟\"}", false))
/* Longer than what there is room for at first. */
ACT(act_observe_all, save(s, RX_OBSERVATION, "{\"id\":\"o8\",\"child\":\"c2\","
    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\",\"signs\":"
    "[\"mood_low\",\"irritable\",\"anxious_fear\",\"interest_loss\","
    "\"sleep_change\",\"appetite_change\",\"somatic\",\"grade_drop\","
    "\"aggression\",\"bullied\",\"grief\"],\"risk\":\"yellow\"}", false))
ACT(act_activity_all, save(s, RX_ACTIVITY, "{\"id\":\"a3\",\"unit\":"
    "\"350102001001\",\"date\":\"2025-06-01\",\"kind\":\"theme_activity\","
    "\"held\":true,\"children\":[\"c1\",\"c2\",\"m0\",\"m1\",\"m2\","
    "\"m3\",\"m4\",\"m5\",\"m6\",\"m7\"]}", false))
ACT(act_live_far, save(s, RX_CHILD, "{\"id\":\"c1\",\"unit\":\"350102001001\","
    "\"name\":\"甲\",\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":"
    "[\"left_behind\"],\"legal_basis\":\"consent\",\"id_number\":"
    "\"11010519491231002X\",\"phone\":\"13800000000\",\"address\":\""
    FAR FAR FAR "\",\"school\":\"三小\"}", true))
/* As it is in the case, and not, of a case that came from another unit. */
#define OF_BEFORE(note) "{\"id\":\"o2\",\"child\":\"c1\",\"date\":" \
    "\"2025-06-05\",\"channel\":\"home_visit\",\"signs\":[\"mood_low\"]," \
    "\"risk\":\"orange\",\"note\":\"" note "\"}"
ACT(act_of_before, save(s, RX_OBSERVATION, OF_BEFORE("second"), false))
ACT(act_not_of_before, save(s, RX_OBSERVATION, OF_BEFORE("other"), true))
ACT(act_activity, save(s, RX_ACTIVITY, "{\"id\":\"a2\",\"unit\":"
    "\"350102001001\",\"date\":\"2025-06-01\",\"kind\":\"theme_activity\","
    "\"held\":true,\"children\":[\"c1\",\"c2\"]}", false))
ACT(act_consent, save(s, RX_CONSENT, "{\"id\":\"w1\",\"child\":\"c2\","
    "\"date\":\"2025-07-01\",\"state\":\"withdrawn\",\"by\":\"guardian\"}",
    false))
ACT(act_flag, save(s, RX_FLAG, "{\"id\":\"f1\",\"child\":\"c2\",\"date\":"
    "\"2025-06-03\",\"reason\":\"请关注\"}", false))

/* The same form twice. */
static rx_err
act_register(struct rx_session *s)
{
	static const uint8_t id[RX_ID_BYTES] = { 1, 151, 0, 0, 0, 0, 0x70, 0,
	    0x80, 1 };
	static const char text[] = "{\"unit\":\"350102001001\",\"name\":"
	    "\"戊\",\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":"
	    "[\"left_behind\"],\"legal_basis\":\"consent\"}";
	struct rx_save_result result;
	json_t *json;
	rx_err rc;

	if ((rc = rx_json_parse(&json, text, sizeof(text) - 1, &st)) != RX_OK)
		return (rc);
	rc = rx_child_register(s, id, json, &result, &st);
	json_decref(json);
	return (rc);
}

static rx_err
import(struct rx_session *s, const char *file)
{
	struct rx_import_counts counts;

	return (rx_import(s, path(kept, file), &counts, NULL, NULL, &st));
}
ACT(act_import, import(s, "in.ndjson"))
ACT(act_import_mixed, import(s, "mixed.ndjson"))
/* More of one case than an import remembers: it is read again at the end. */
ACT(act_import_long, import(s, "long.ndjson"))
/* More cases than it remembers. */
ACT(act_import_many, import(s, "many.ndjson"))

/* What is known of the cases is read again where it was changed. */
static rx_err
act_list_twice(struct rx_session *s)
{
	rx_err rc;

	if ((rc = act_list(s)) != RX_OK || (rc = act_observe(s)) != RX_OK)
		return (rc);
	return (act_list(s));
}

/* What one searches through is opened again where it was changed: one of many by
 * itself. */
static rx_err
act_search_twice(struct rx_session *s)
{
	rx_err rc;

	if ((rc = act_search(s)) != RX_OK || (rc = act_correct(s)) != RX_OK ||
	    (rc = act_list(s)) != RX_OK)
		return (rc);
	return (act_search(s));
}

static rx_err
act_know(struct rx_session *s)
{
	rx_err rc;

	if ((rc = act_flags(s)) != RX_OK)
		return (rc);
	return (rx_kept_save(s, &st));
}
ACT(act_known, rx_kept_load(s, &st))

static rx_err
act_erase(struct rx_session *s)
{
	const struct rx_erase_order order = { "期满", RX_GROUND_EXPIRED,
	    RX_ASKER_OFFICE };

	return (rx_child_erase_for(s, C2_ID, &order, &st));
}

static rx_err
act_erasure_verify(struct rx_session *s)
{
	size_t n;

	return (rx_erasure_verify(s, &n, &st));
}

static rx_err
act_erasure_find(struct rx_session *s)
{
	struct rx_erasure e;
	char text[RX_UUID_TEXT];

	rx_uuid_text(C2_ID, text);
	return (rx_erasure_find(s, text, &e, &st));
}

ACT(act_offer, rx_transfer_offer(s, C1_ID, "350102001002", "搬家", &st))
ACT(act_reject, rx_transfer_reject(s, C1_ID, "没有", &st))
ACT(act_withdraw, rx_transfer_withdraw(s, C1_ID, &st))

/* It is refused while he is signed in, and he offers it once more. */
static rx_err
act_offer_again(struct rx_session *s)
{
	struct rx_session *d2;
	rx_err rc;

	if ((rc = rx_session_open(&d2, dir, "d2", word("d2-pass"), &st)) !=
	    RX_OK)
		return (rc);
	rc = act_reject(d2);
	rx_session_close(d2);
	return (rc != RX_OK ? rc : act_offer(s));
}

static rx_err
act_accept(struct rx_session *s)
{
	char number[16];

	return (rx_transfer_accept(s, C1_ID, number, &st));
}

static rx_err
decide(struct rx_session *s, const char *decision)
{
	struct rx_flag_row flag;
	const rx_err rc = rx_review_find(s, "o1", &flag, &st);

	return (rc != RX_OK ? rc : rx_review_decide(s, &flag, decision,
	    "已核实", &st));
}
ACT(act_take_on, decide(s, "accept"))
ACT(act_return, decide(s, "return"))

static struct rx_mark mark;

static rx_err
line(void *cookie, const uint8_t *child, const char *unit,
    const struct rx_form_line *l, struct rx_status *why)
{

	(void)cookie, (void)child, (void)unit, (void)l, (void)why;
	return (RX_OK);
}

ACT(act_form, rx_form_each(s, "350102000000\0\0\0", record, line, residue,
    NULL, &mark, &st))
ACT(act_form_records, rx_form_each(s, "350102000000\0\0\0", record, NULL,
    residue, NULL, &mark, &st))

static rx_err
act_extracts(struct rx_session *s)
{
	size_t wrong;

	return (rx_extracts_check(s, "350102000000\0\0\0", &wrong, &st));
}

/* One that says nothing, of as many versions as there are. */
static void
before_wrong(const char *where)
{
	struct rx_session *s = fixture_open(where, "d1");
	struct rx_extract x = { .versions = (uint32_t)fixture_number(where,
	    "SELECT count(*) FROM main.record WHERE child = $c2") };
	struct rx_case c;

	rx_case_init(&c);
	ok(rx_case_load(&c, s, C2_ID, VILLAGE, RX_BIT(RX_COMP_CODED), &st),
	    &st);
	ok(rx_begin(s, &st), &st);
	ok(rx_finish(s, rx_extract_put(&x, s, &c, &st), RX_DID_SAVE, C2_ID,
	    "x", &st), &st);
	rx_case_done(&c, s);
	rx_session_close(s);
}

static rx_err
act_form_since(struct rx_session *s)
{
	struct rx_mark from = mark;
	bool known;

	return (rx_form_since(s, "350102000000\0\0\0", &from, since, NULL,
	    &known, &st));
}

static rx_err
act_running_load(struct rx_session *s)
{
	struct rx_buf out = RX_BUF_INIT;
	bool found;
	const rx_err rc = rx_running_load(s, VILLAGE, 1, 2, &out, &found, &st);

	rx_buf_free(&out);
	return (rc);
}

static rx_err
act_release(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];

	return (rx_release_add(s, 0, "{}", 2, id, &st));
}

static rx_err
act_unit_name(struct rx_session *s)
{
	char name[64];
	rx_err rc = rx_unit_name(s, VILLAGE, name, sizeof(name), &st);

	return (rc != RX_OK ? rc : rx_session_register(s, name, sizeof(name),
	    &st));
}

static rx_err
act_pending(struct rx_session *s)
{
	struct rx_buf out = RX_BUF_INIT;
	const rx_err rc = rx_user_pending(s, "s1", &out, &st);

	rx_buf_free(&out);
	return (rc);
}

static rx_err
act_custody(struct rx_session *s)
{
	int64_t at;

	return (rx_custody_each(s, &at, custody, NULL, &st));
}

static rx_err
act_unit_import(struct rx_session *s)
{
	static const char tsv[] = "350102001101\t新村\tvillage\t350102001\n"
	    "350102001102\t新二村\tvillage\t350102001\n";
	size_t n;

	return (rx_unit_import(s, tsv, sizeof(tsv) - 1, &n, &st));
}

static rx_err
act_rotate(struct rx_session *s)
{
	size_t n;

	return (rx_rotate(s, NULL, &n, &st));
}

static rx_err
act_rotate_some(struct rx_session *s)
{
	size_t n, left;
	rx_err rc = rx_rotate_some(s, NULL, 1, &n, &left, &st);

	return (rc != RX_OK ? rc : rx_rotate_go_on(s, 1, &left, &st));
}

static rx_err
act_audit(struct rx_session *s)
{
	const struct rx_audit_filter f = { .from = 1, .to = DAY, .limit = 50 };
	size_t n;

	return (rx_audit_list(s, &f, &n, audit_row, NULL, &st));
}

static rx_err
act_audit_case(struct rx_session *s)
{
	const struct rx_audit_filter f = { .child = C1_ID, .user = "d1",
	    .skip = 1 };
	size_t n;

	return (rx_audit_list(s, &f, &n, audit_row, NULL, &st));
}

static rx_err
act_countersign(struct rx_session *s)
{
	struct rx_countersigned c;

	return (rx_audit_countersign(s, &c, NULL, NULL, &st));
}

static rx_err
act_check(struct rx_session *s)
{
	struct rx_audit_check check = { .trust = RX_TRUST_OTHERS };

	return (rx_audit_check(s, &check, NULL, NULL, &st));
}

static rx_err
act_anchor(struct rx_session *s)
{
	struct rx_audit_head head;
	struct rx_anchor a;
	char text[RX_ANCHOR_TEXT];
	rx_err rc;

	if ((rc = rx_audit_head(s, &head, &st)) != RX_OK)
		return (rc);
	rx_anchor_format(text, &head);
	if ((rc = rx_anchor_parse(&a, text, &st)) != RX_OK)
		return (rc);
	return (rx_anchor_find(s, &a, &st));
}

static rx_err
restore(const char *keys, const char *to, const char *copy, const char *live)
{
	const struct rx_restore ask = { .file = path(kept, "next"),
	    .keys = keys, .user = "admin", .passphrase = word("admin-pass"),
	    .dir = to, .copy = copy, .live = live };
	struct rx_restored got;

	return (rx_backup_restore(&ask, &got, &st));
}

static rx_err
act_restore(struct rx_session *s)
{

	(void)s;
	return (restore(NULL, path(made, "again"), NULL, dir));
}

static rx_err
act_restore_copy(struct rx_session *s)
{

	(void)s;
	return (restore(NULL, path(made, "again"), "二号", NULL));
}

static rx_err
act_proved(struct rx_session *s)
{
	struct rx_audit_head head;
	uint64_t seen = 0;
	int64_t at = 0;
	rx_err rc;

	if ((rc = rx_audit_head(s, &head, &st)) != RX_OK ||
	    (rc = rx_backup_note(s, "b", &head, &st)) != RX_OK)
		return (rc);
	return (rx_backup_verified(s, &seen, &at, &st));
}

static rx_err
act_vault_write(struct rx_session *s)
{
	const char *vault = path(made, "vault");
	char name[RX_VAULT_NAME];
	struct rx_audit_head head;
	struct rx_vault_file top;
	struct rx_backup *b;
	bool full;
	rx_err rc;

	if ((rc = rx_vault_newest(s, vault, &top, &st)) != RX_OK ||
	    (rc = rx_backup_take(&b, s, RX_BACKUP_KEEP, &st)) != RX_OK)
		return (rc);
	rx_backup_head(b, &head);
	if ((rc = rx_vault_write(b, vault, path(made, "keys"), &top, name, &full,
	    &st)) == RX_OK)
		rc = rx_vault_prove(b, vault, path(made, "keys"), name, &st);
	rx_backup_release(b);
	return (rc != RX_OK ? rc : rx_vault_note(s, name, &head, &st));
}

static rx_err
act_tidy(struct rx_session *s)
{
	bool changed;
	size_t n;
	rx_err rc;

	if ((rc = rx_vault_tidy(s, path(made, "vault"), NULL, &n, &st)) !=
	    RX_OK)
		return (rc);
	return (rx_vault_changed(s, 1, &changed, &st));
}

static rx_err
act_bundle(struct rx_session *s)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_bundle b;
	const rx_err rc = rx_bundle_seal(s, "350102001001", SIZE_MAX, &out, &b,
	    &st);

	rx_buf_free(&out);
	return (rc);
}

static rx_err
each_recipient(void *c, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *u)
{

	return (two_texts(c, unit, name, u));
}
ACT(act_recipients, rx_bundle_recipients(s, each_recipient, NULL, &st))

static rx_err
act_bundle_show(struct rx_session *s)
{
	struct rx_bundle b;

	return (rx_bundle_show(s, path(kept, "came"), &b, &st));
}

static rx_err
act_bundle_open(struct rx_session *s)
{
	struct rx_bundle b;

	return (rx_bundle_open(s, path(kept, "came"), true, &b, &st));
}

static rx_err
act_conflict_cases(struct rx_session *s)
{
	struct rx_buf ids = RX_BUF_INIT;
	size_t n;
	rx_err rc = rx_conflict_cases(s, &ids, &st);

	rx_buf_free(&ids);
	return (rc != RX_OK ? rc : rx_conflicts_of(s, C1_ID, &n, &st));
}

static rx_err
act_origin(struct rx_session *s)
{
	unsigned n;

	return (rx_origin_each(s, C1_ID, NULL, origin, NULL, &n, &st));
}

static rx_err
act_fingerprint(struct rx_session *s)
{
	char text[36], root[36];

	return (rx_user_fingerprint(s, "d1", text, root, &st));
}

static rx_err
act_address(struct rx_session *s)
{
	struct rx_address a;

	return (rx_address_make(s, NULL, path(made, "address"), &a, &st));
}

static rx_err
act_copy(struct rx_session *s)
{

	(void)s;
	return (rx_copy_begin(path(made, "copy"), "d1", word("d1-pass"),
	    "一号", &st));
}

static rx_err
act_create(struct rx_session *s)
{
	struct rx_codes other;
	const rx_err rc = rx_register_create(path(made, "new"), "admin", "县",
	    "350104", word("admin-pass"), &other, &st);

	(void)s;
	rx_wipe(&other, sizeof(other));
	return (rc);
}

/* ---- what was done before ---- */

static void
did(const char *where, const char *user, rx_err (*act)(struct rx_session *))
{
	char pass[20];

	(void)snprintf(pass, sizeof(pass), "%s-pass", user);
	ok(as(where, user, pass, act), &st);
}

#define BEFORE(name, user, act) static void \
	name(const char *where) { did(where, user, act); }
/* With new keys of his own. */
static rx_err
act_rekey(struct rx_session *s)
{
	rx_err rc;

	if ((rc = rx_begin(s, &st)) == RX_OK)
		rc = rx_slots_rekey(s, s->id, &st);
	rx_abandon(s);
	return (rc);
}

/* An urgent flag of four days ago, and somebody above who has not heard of it. */
static void
before_overdue(const char *where)
{
	struct rx_session *s = fixture_open(where, "admin");
	struct rx_record r;
	struct rx_case c;

	ok(rx_user_add(s, "s9", RX_ROLE_SUPERVISOR, "350102", word("s9-pass"),
	    &st), &st);
	rx_session_close(s);
	s = fixture_open(where, "d1");
	rx_record_init(&r);
	rx_case_init(&c);
	r.type = RX_FLAG;
	r.version = 1;
	r.at = rx_time_now() - 4 * INT64_C(86400000);
	rx_uuid7(r.id, r.at);
	memcpy(r.child, C2_ID, RX_ID_BYTES);
	memcpy(r.unit, VILLAGE, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	ok(rx_record_set_text(&r, RX_F_CALLER_ID, "old", 3, &st), &st);
	ok(rx_record_set_text(&r, RX_F_REASON, "x", 1, &st), &st);
	ok(rx_record_set_int(&r, RX_F_DATE, rx_date_today(), &st), &st);
	ok(rx_record_set_int(&r, RX_F_RAISES_FLAG, 1, &st), &st);
	ok(rx_begin(s, &st), &st);
	ok(rx_case_load(&c, s, C2_ID, VILLAGE, RX_CASE_KEYS, &st), &st);
	ok(rx_row_insert(s, &c, &r, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st), &st);
	rx_case_done(&c, s);
	rx_record_free(&r);
	rx_session_close(s);
}

static sqlite3 *raw(const char *);

/* A slot for who does not supervise the case. */
static void
before_slot(const char *where)
{
	char sql[300], hex[2 * RX_ID_BYTES + 1];
	sqlite3 *db = raw(where);

	rx_hex(hex, fixture_id[S2], RX_ID_BYTES);
	(void)snprintf(sql, sizeof(sql), "INSERT INTO main.slot SELECT child, "
	    "x'%s', sealed FROM main.slot GROUP BY child", hex);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

BEFORE(before_draft, "d1", act_draft_save)
BEFORE(before_known, "d1", act_know)
BEFORE(before_registered, "d1", act_register)
BEFORE(before_far, "d1", act_live_far)
BEFORE(before_erasure, "d1", act_erase)
BEFORE(before_running, "st", act_running_save)
BEFORE(before_release, "st", act_release)
BEFORE(before_countersign, "s1", act_countersign)
BEFORE(before_handed, "d1", act_bundle_open)
BEFORE(before_set, "admin", act_set)
BEFORE(before_keep, "d1", act_keep)

/* The offer was made; who it is made to has seen it. */
static void
before_answer(const char *where)
{

	did(where, "d1", act_offer);
	did(where, "d2", act_nothing);
}

static rx_err
act_disable(struct rx_session *s)
{

	return (rx_user_disable(s, "gone", &st));
}
BEFORE(before_rotation, "admin", act_disable)

/* All cases have new keys, and what was written lies under those before. */
static void
before_renewed(const char *where)
{

	before_rotation(where);
	did(where, "d1", act_rotate);
}

/* In a copy, the same record was written as at home: twice. */
static void
before_conflict(const char *where)
{

	did(where, "d1", act_correct);
	did(where, "d1", act_bundle_open);
}

/* d2 has the case of d1 now. */
static void
before_moved(const char *where)
{

	before_answer(where);
	did(where, "d2", act_accept);
	did(where, "d1", act_nothing);
}

static void
before_many(const char *where)
{
	struct rx_session *s = fixture_open(where, "d1");
	char text[300];
	unsigned i;

	for (i = 0; i < 8; i++) {
		(void)snprintf(text, sizeof(text), "{\"id\":\"m%u\",\"unit\":"
		    "\"350102001001\",\"name\":\"多\",\"sex\":\"m\","
		    "\"birth\":\"2015-02\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"consent\"}", i);
		fixture_save(s, RX_CHILD, text, false, NULL);
		(void)snprintf(text, sizeof(text), "{\"id\":\"mf%0*u\","
		    "\"child\":\"m%u\",\"date\":\"2025-06-03\",\"reason\":"
		    "\"请关注\"}", (int)(1 + 5 * i), i, i);
		fixture_save(s, RX_FLAG, text, false, NULL);
	}
	rx_session_close(s);
}

static rx_err
act_find_flag(struct rx_session *s)
{
	struct rx_flag_row flag;
	char text[RX_UUID_TEXT];

	rx_uuid_text(fixture_id[O3], text);
	return (rx_review_find(s, text, &flag, &st));
}

/* Of a flag that nobody raised. */
static rx_err
act_decide_nothing(struct rx_session *s)
{
	struct rx_flag_row flag;
	rx_err rc;

	if ((rc = rx_review_find(s, "o1", &flag, &st)) != RX_OK)
		return (rc);
	flag.id[0] ^= 1;
	return (rx_review_decide(s, &flag, "accept", "已核实", &st));
}

static rx_err
act_review_history(struct rx_session *s)
{
	struct rx_flag_row flag;
	rx_err rc;

	if ((rc = rx_review_find(s, "o1", &flag, &st)) != RX_OK)
		return (rc);
	return (rx_review_history(s, &flag, version, NULL, &st));
}

static rx_err
act_origins(struct rx_session *s)
{
	unsigned n;

	return (rx_origin_count(s, C1_ID, &n, &st));
}

static rx_err
act_seek_moved(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];

	return (rx_child_seek(s, "c1", id, &st));
}

/* By its number, as a link has it. */
static rx_err
act_seek_erased(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	char text[RX_UUID_TEXT];

	rx_uuid_text(C2_ID, text);
	return (rx_child_seek(s, text, id, &st));
}

static rx_err
act_seek_nobody(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];

	return (rx_child_seek(s, "c77", id, &st));
}

static rx_err
act_moves_c1(struct rx_session *s)
{
	uint32_t n;

	return (rx_child_moves(s, C1_ID, move, NULL, &n, &st));
}

static rx_err
act_not_offered(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];

	return (rx_transfer_find(s, "c1", id, &st));
}

static rx_err
act_nothing_left(struct rx_session *s)
{
	bool open;

	return (rx_departure_is_open(s, C1_ID, &open, &st));
}

/* Sent by another register: nothing that is here. */
static rx_err
act_no_receipt(struct rx_session *s)
{
	static const uint8_t b[700] = "RXRC\1";
	struct rx_departed info;

	return (rx_departure_answer(s, b, sizeof(b), true, &info, &st));
}

static rx_err
act_no_case(struct rx_session *s)
{
	static const uint8_t b[700] = "RXBU\1";
	struct rx_arrival in;

	return (rx_arrival_look(s, b, sizeof(b), &in, &st));
}

static rx_err
act_no_address(struct rx_session *s)
{
	static const uint8_t b[RX_ADDRESS_BYTES] = "RXAD\1";
	struct rx_address a;

	(void)s;
	return (rx_address_take(&a, b, sizeof(b), &st));
}

/* To oneself: the fingerprint is right, the register is one's own. */
static rx_err
act_depart_home(struct rx_session *s)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_address a;
	rx_err rc;

	if ((rc = rx_address_issue(s, NULL, &a, &st)) == RX_OK)
		rc = rx_departure_seal(s, C1_ID, a.bytes, RX_ADDRESS_BYTES,
		    a.fingerprint, "搬家", SIZE_MAX, &out, &st);
	rx_buf_free(&out);
	return (rc);
}

static rx_err
act_depart_nowhy(struct rx_session *s)
{
	static const uint8_t b[RX_ADDRESS_BYTES];
	struct rx_buf out = RX_BUF_INIT;
	const rx_err rc = rx_departure_seal(s, C1_ID, b, sizeof(b), "0", "",
	    SIZE_MAX, &out, &st);

	rx_buf_free(&out);
	return (rc);
}

ACT(act_offer_nowhy, rx_transfer_offer(s, C1_ID, "350102001002", "", &st))
ACT(act_offer_same, rx_transfer_offer(s, C1_ID, "350102001001", "搬家", &st))
ACT(act_offer_far, rx_transfer_offer(s, C1_ID, "350104", "搬家", &st))
ACT(act_offer_nobody, rx_transfer_offer(s, C1_ID, "350102002", "搬家", &st))
ACT(act_reject_nowhy, rx_transfer_reject(s, C1_ID, "", &st))
ACT(act_transfers_of_nobody, rx_transfer_each(s, false, transfer, NULL, &st))
ACT(act_keep_past, rx_retention_keep(s, C1_ID, 1, "诉讼", &st))
ACT(act_decide_what, decide(s, "perhaps"))

/* Something new since. */
static void
before_since(const char *where)
{

	did(where, "st", act_form);
	did(where, "d1", act_correct);
	did(where, "d1", act_observe);
	did(where, "d1", act_activity);
}

#define D(a, u) { .name = #a, .user = u, .pass = u "-pass", .act = a }
#define REFUSED(b, a, u, code) { .name = #a, .user = u, .pass = u "-pass", \
	.act = a, .before = b, .again = code }
#define AFTER(b, a, u) { .name = #a, .user = u, .pass = u "-pass", .act = a, \
	.before = b }
static const struct deed deeds[] = {
	D(act_nothing, "d1"), D(act_nothing, "admin"),
	D(act_nothing, "st"),
	AFTER(before_rotation, act_nothing, "s1"),
	AFTER(before_overdue, act_nothing, "d1"),
	D(act_list, "d1"), D(act_list, "s1"), D(act_due, "d1"),
	D(act_coded_list, "s1"), D(act_find, "d1"),
	D(act_seek, "d1"), D(act_show, "d1"),
	D(act_show_named, "s1"), D(act_search, "d1"),
	D(act_number, "d1"), D(act_browse, "d1"),
	D(act_browse_all, "d1"), D(act_glance, "d1"),
	AFTER(before_renewed, act_browse_all, "d1"),
	D(act_case, "d1"), D(act_moves, "d1"), D(act_history, "d1"),
	D(act_record_history, "d1"), D(act_activity_history, "d1"),
	D(act_list_twice, "d1"), D(act_know, "d1"),
	AFTER(before_many, act_search_twice, "d1"),
	AFTER(before_many, act_know, "d1"),
	AFTER(before_known, act_known, "d1"), D(act_draft_save, "d1"),
	AFTER(before_draft, act_draft_places, "d1"),
	AFTER(before_draft, act_draft_load, "d1"),
	AFTER(before_draft, act_draft_drop, "d1"),
	AFTER(before_set, act_settings, "admin"),
	D(act_review_history, "s1"),
	D(act_set, "admin"), AFTER(before_keep, act_over, "d1"),
	D(act_over_masked, "d1"), D(act_over_coded, "s1"),
	D(act_keep, "d1"), D(act_child, "d1"), D(act_correct, "d1"),
	D(act_observe, "d1"), D(act_activity, "d1"),
	D(act_consent, "d1"), D(act_flag, "d1"), D(act_import, "d1"),
	D(act_import_mixed, "d1"), D(act_import_long, "d1"),
	D(act_import_many, "d1"),
	D(act_observe_all, "d1"),
	AFTER(before_many, act_activity_all, "d1"),
	AFTER(before_far, act_show, "d1"), D(act_register, "d1"),
	AFTER(before_registered, act_register, "d1"),
	AFTER(before_rotation, act_observe, "d1"),
	AFTER(before_slot, act_observe, "d1"), D(act_rekey, "s1"),
	AFTER(before_moved, act_of_before, "d2"),
	D(act_erase, "d1"),
	AFTER(before_erasure, act_erasures, "d1"),
	AFTER(before_erasure, act_erasure_find, "s1"),
	AFTER(before_erasure, act_erasure_verify, "d1"),
	D(act_offer, "d1"),
	AFTER(before_answer, act_transfers, "d2"),
	AFTER(before_answer, act_accept, "d2"),
	AFTER(before_answer, act_reject, "d2"),
	AFTER(before_answer, act_withdraw, "d1"),
	AFTER(before_answer, act_offer_again, "d1"),
	D(act_departures, "d1"), D(act_answers, "d1"),
	D(act_address, "d1"), D(act_flags, "s1"), D(act_flags, "d1"),
	D(act_take_on, "s1"), D(act_return, "s1"),
	D(act_coded, "st"), D(act_form, "st"), D(act_form_records, "st"),
	AFTER(before_wrong, act_extracts, "st"),
	AFTER(before_erasure, act_form, "st"),
	AFTER(before_since, act_form_since, "st"), D(act_running_save, "st"),
	AFTER(before_running, act_running_load, "st"),
	D(act_release, "st"),
	AFTER(before_release, act_releases, "st"),
	D(act_activities, "st"), D(act_own_activities, "d1"),
	D(act_own_units, "d1"), D(act_units, "d1"),
	D(act_unit_name, "d1"), D(act_users, "admin"),
	D(act_pending, "admin"), D(act_key_holders, "admin"),
	D(act_unit_holders, "admin"), D(act_handovers, "admin"),
	D(act_custody, "admin"),
	D(act_unit_add, "admin"), D(act_unit_import, "admin"),
	D(act_user_add, "admin"), D(act_user_again, "admin"),
	D(act_disable, "admin"), D(act_rotate, "d1"),
	D(act_rotate_some, "d1"),
	AFTER(before_rotation, act_rotations, "admin"),
	AFTER(before_rotation, act_rotation, "d1"),
	D(act_audit, "admin"), D(act_audit_case, "d1"),
	D(act_verify, "d1"), D(act_anchor, "d1"),
	D(act_countersign, "s1"),
	AFTER(before_countersign, act_heads, "s1"),
	AFTER(before_countersign, act_check, "d1"),
	D(act_backup, "d1"), D(act_increment, "d1"), D(act_keys, "d1"),
	AFTER(before_countersign, act_restore, "admin"),
	D(act_restore_copy, "admin"), D(act_proved, "admin"),
	D(act_notes, "admin"), D(act_vault, "admin"),
	D(act_vault_write, "admin"), D(act_expired, "admin"),
	D(act_tidy, "admin"), D(act_bundle, "d1"),
	D(act_recipients, "s1"), D(act_bundle_show, "d1"),
	D(act_bundle_open, "d1"),
	AFTER(before_handed, act_bundle_open, "d1"),
	AFTER(before_handed, act_copies, "d1"),
	AFTER(before_conflict, act_conflicts, "d1"),
	D(act_activity_conflicts, "d1"),
	AFTER(before_conflict, act_conflict_cases, "d1"),
	D(act_origin, "d1"), D(act_origins, "d1"), D(act_fingerprint, "d1"),
	D(act_copy, "d1"), D(act_create, "admin"),
	AFTER(before_moved, act_list, "d2"),
	AFTER(before_moved, act_moves_c1, "d2"),
	AFTER(before_moved, act_audit, "d1"), D(act_nothing_left, "d1"),
	REFUSED(before_moved, act_seek_moved, "d1", RX_EPERM),
	REFUSED(before_erasure, act_seek_erased, "d1", RX_ENOENT),
	REFUSED(NULL, act_seek_nobody, "d1", RX_ENOENT),
	REFUSED(before_moved, act_not_of_before, "d2", RX_ECONFLICT),
	REFUSED(NULL, act_form_since, "d1", RX_EPERM),
	REFUSED(NULL, act_find_flag, "d1", RX_ENOENT),
	REFUSED(NULL, act_decide_nothing, "s1", RX_ENOENT),
	REFUSED(NULL, act_not_offered, "d1", RX_ENOENT),
	REFUSED(NULL, act_no_receipt, "d1", RX_ECORRUPT),
	REFUSED(NULL, act_no_case, "d1", RX_ECORRUPT),
	REFUSED(NULL, act_no_address, "d1", RX_ECORRUPT),
	REFUSED(NULL, act_depart_home, "d1", RX_EUSAGE),
	REFUSED(NULL, act_depart_nowhy, "d1", RX_EUSAGE),
	REFUSED(NULL, act_offer_nowhy, "d1", RX_EUSAGE),
	REFUSED(NULL, act_offer_same, "d1", RX_EUSAGE),
	REFUSED(NULL, act_offer_far, "d1", RX_EUSAGE),
	REFUSED(NULL, act_offer_nobody, "d1", RX_ECONFLICT),
	REFUSED(before_answer, act_offer, "d1", RX_ECONFLICT),
	REFUSED(before_answer, act_reject_nowhy, "d2", RX_EUSAGE),
	REFUSED(NULL, act_transfers_of_nobody, "st", RX_EPERM),
	REFUSED(NULL, act_keep_past, "d1", RX_EUSAGE),
	REFUSED(NULL, act_decide_what, "s1", RX_EUSAGE),
};

/* ---- at every line that asks ---- */

static void
must_link(const char *from, const char *to)
{

	if (link(path(kept, from), path(made, to)) != 0)
		fail_msg("link %s", to);
}

/* The register of ${start}, and beside it what ${act} finds there. */
static void
ready(const char *start, rx_err (*act)(struct rx_session *))
{

	remove_all(dir);
	remove_all(made);
	fixture_copy_over(start, dir);
	assert_int_equal(mkdir(path(made, "vault"), 0700), 0);
	assert_int_equal(mkdir(path(made, "keys"), 0700), 0);
	must_link("whole", "whole");
	must_link("whole", "vault/runxin-20250101-000000");
	must_link("whole.keys", "vault/runxin-20250101-000000.keys");
	if (act == act_copy) {
		assert_int_equal(mkdir(path(made, "copy"), 0700), 0);
		fixture_copy_over(base, path(made, "copy"));
	}
}

static void
starve_all(enum fault how)
{
	const size_t most = sizeof(deeds) / sizeof(deeds[0]);
	const struct deed *d;
	const char *start;
	size_t i, n = 0;

	starve_wrong = 0;
	for (i = 0; (d = i < most ? &deeds[i] : more_deed(i - most)) != NULL;
	    i++) {
		start = base;
		if (d->before != NULL) {
			start = fixture_copy_of(base);
			ready(start, NULL);
			d->before(start);
		}
		n += starve_deed(d, start, dir, ready, how, false);
	}
	print_message("%zu deeds, %s at %zu lines\n", i, fault_name[how], n);
	assert_int_equal(starve_wrong, 0);
}

static void
test_without_memory_it_says_so_and_holds_nothing(void **state)
{

	(void)state;
	starve_all(FAULT_MEMORY);
}

static void
test_where_the_disk_does_not_read_it_says_so(void **state)
{

	(void)state;
	starve_all(FAULT_READ);
}

static void
test_where_the_disk_does_not_write_it_says_so(void **state)
{

	(void)state;
	starve_all(FAULT_IO);
}

/* After those two: what they did not come to. */
static void
test_where_the_store_does_not_answer_it_says_so(void **state)
{

	(void)state;
	starve_all(FAULT_ANSWER);
}

/* A file is read twice: what cannot be read, or not again, is not taken for its
 * end. */
static void
test_import_that_cannot_be_read_again_stores_nothing(void **state)
{
	static const struct deed d = D(act_import_mixed, "d1");
	static const char rows[] = "SELECT (SELECT count(*) FROM main.child) "
	    "+ (SELECT count(*) FROM main.record)";
	const int64_t before = fixture_number(base, rows);
	unsigned at, calls, seen = 0;
	struct outcome o;

	(void)state;
	ready(base, NULL);
	o = attempt(&d, dir, FAULT_READ, 0);
	assert_int_equal(o.rc, RX_OK);			/* the control */
	assert_int_equal(fixture_number(dir, rows), before + 4);
	calls = o.calls;
	for (at = 1; at <= calls; at++) {
		ready(base, NULL);
		o = attempt(&d, dir, FAULT_READ, at);
		if (o.msg != RX_MSG_FILE_READ)
			continue;
		seen++;
		assert_int_equal(o.rc, RX_EIO);
		assert_int_equal(fixture_number(dir, rows), before);
	}
	print_message("%u of %u reads\n", seen, calls);
	assert_true(seen > 2);		/* the first reading is two */
}

/* ---- rows that somebody changed ---- */

/* Everything that is read, by whom, one after the other in one session: what it
 * answers, each of them either well or with a refusal. */
#define ALL(...) do { \
	rx_err (*const acts[])(struct rx_session *) = { __VA_ARGS__ }; \
	return (each_act(s, acts, sizeof(acts) / sizeof(acts[0]))); \
} while (0)

/* What was answered, in order: of the control, and now. */
#define SAID_MAX 512
static struct said {
	rx_err rc[SAID_MAX];
	size_t n, refusals;
} now, control;

static void
say(rx_err rc)
{

	assert_true(now.n < SAID_MAX);
	now.rc[now.n++] = rc;
	now.refusals += rc != RX_OK;
}

static rx_err
each_act(struct rx_session *s, rx_err (*const *acts)(struct rx_session *),
    size_t n)
{
	rx_err rc;
	size_t i;

	for (i = 0; i < n; i++) {
		rx_status_clear(&st);
		rc = acts[i](s);
		say(rc);
		if (rc == RX_EINTERNAL && st.msg != RX_MSG_CASE_EPOCHS)
			return (rc);
	}
	rx_status_clear(&st);
	return (RX_OK);
}

static rx_err
all_of_director(struct rx_session *s)
{

	ALL(act_list, act_due, act_find, act_seek, act_show, act_search,
	    act_number, act_browse, act_glance, act_case, act_moves,
	    act_moves_c1, act_history, act_record_history,
	    act_activity_history, act_draft_load, act_over, act_erasures,
	    act_erasure_verify, act_transfers, act_departures, act_answers,
	    act_flags, act_own_activities, act_own_units, act_units,
	    act_audit_case, act_anchor, act_copies, act_conflicts,
	    act_activity_conflicts, act_conflict_cases, act_origin,
	    act_bundle, act_recipients, act_rotation, act_observe,
	    act_withdraw, act_accept, act_bundle_open, act_rotate);
}

static rx_err
all_of_supervisor(struct rx_session *s)
{

	ALL(act_list, act_coded_list, act_show_named, act_over_coded,
	    act_flags, act_heads, act_erasure_find, act_transfers,
	    act_recipients, act_take_on, act_countersign, act_verify);
}

static rx_err
all_of_statistician(struct rx_session *s)
{

	ALL(act_coded, act_form, act_form_records, act_form_since, act_running_load,
	    act_releases, act_activities);
}

static rx_err
all_of_administrator(struct rx_session *s)
{

	ALL(act_settings, act_users, act_pending, act_key_holders,
	    act_unit_holders, act_handovers, act_custody, act_rotations,
	    act_audit, act_notes, act_fingerprint, act_user_again,
	    act_disable);
}

/* A register in which there is something of most kinds. */
static const char *
rich(void)
{
	const char *start = fixture_copy_of(base);

	ready(start, NULL);
	did(start, "d1", act_draft_save);
	did(start, "d1", act_keep);
	did(start, "d1", act_erase);
	did(start, "d1", act_correct);
	did(start, "d1", act_bundle_open);
	before_answer(start);
	did(start, "st", act_form);
	did(start, "st", act_running_save);
	did(start, "st", act_release);
	did(start, "s1", act_countersign);
	did(start, "admin", act_set);
	did(start, "admin", act_disable);
	return (start);
}

static sqlite3 *
raw(const char *where)
{
	char sql[450];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path(where, "content.db"), &db),
	    SQLITE_OK);
	(void)snprintf(sql, sizeof(sql), "PRAGMA ignore_check_constraints = 1;"
	    "ATTACH '%s' AS keys", path(where, "keys.db"));
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return (db);
}

enum change { CUT, LAST, NUMBER, TEXT };

/* Change the column ${column} of all rows; whether there was one. */
static bool
change(const char *where, const char *db, const char *table,
    const char *column, enum change how)
{
	sqlite3 *at = raw(where);
	const char *const to[] = {
		"substr(v, 1, length(v) - 1)",
		"CAST(substr(v, 1, length(v) - 1) || x'aa' AS BLOB)",
		"v + 1", "v || 'x'"
	};
	char sql[500];
	bool changed;

	/* Under a name of its own the column can stand in what is constant. */
	(void)snprintf(sql, sizeof(sql), "UPDATE OR IGNORE %s.\"%s\" AS t SET "
	    "\"%s\" = (SELECT %s FROM (SELECT t.\"%s\" AS v))", db, table,
	    column, to[how], column);
	changed = sqlite3_exec(at, sql, NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_total_changes(at) > 0;
	assert_int_equal(sqlite3_close(at), SQLITE_OK);
	return (changed);
}

static unsigned wrong;		/* answers */

/* Everybody does everything with the register in ${dir}. */
static void
everybody(const char *what)
{
	static const struct { const char *user, *pass;
	    rx_err (*all)(struct rx_session *); } people[] = {
		{ "d1", "d1-pass", all_of_director },
		{ "d2", "d2-pass", all_of_director },
		{ "s1", "s1-pass", all_of_supervisor },
		{ "st", "st-pass", all_of_statistician },
		{ "admin", "admin-pass", all_of_administrator },
	};
	struct fault_held before, after;
	char text[200];
	size_t i;
	rx_err rc;

	memset(&now, 0, sizeof(now));
	for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		rx_status_clear(&st);
		fault_held(&before);
		rc = as(dir, people[i].user, people[i].pass, people[i].all);
		fault_held(&after);
		say(rc);
		rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
		if (rc == RX_EINTERNAL || after.blocks != before.blocks ||
		    after.guarded != before.guarded) {
			print_error("%s, %s: %d (%s in %s), %ld left\n", what,
			    people[i].user, (int)rc, text, st.where != NULL ?
			    st.where : "?", after.blocks - before.blocks);
			wrong++;
		}
	}
}

/* A column of every table of both files, cut, with another last byte, or
 * another number: refused by whoever comes to it, held by nobody, and never a
 * fault of the program's own. */
static void
test_changed_rows_bring_down_no_reader(void **state)
{
	static const char columns[] = "SELECT 'main', m.name, p.name, p.type "
	    "FROM main.sqlite_master m, pragma_table_info(m.name, 'main') p "
	    "WHERE m.type = 'table' UNION ALL SELECT 'keys', m.name, p.name, "
	    "p.type FROM keys.sqlite_master m, pragma_table_info(m.name, "
	    "'keys') p WHERE m.type = 'table'";
	const char *start = rich(), *type;
	char table[80], column[80], db[8], what[200];
	sqlite3_stmt *q;
	sqlite3 *at;
	enum change how, last;
	unsigned n = 0, seen = 0;

	(void)state;
	wrong = 0;
	ready(start, NULL);
	everybody("control");
	assert_int_equal(wrong, 0);
	control = now;
	ready(start, NULL);
	everybody("the same again");
	assert_memory_equal(&now, &control, sizeof(now));
	at = raw(start);
	assert_int_equal(sqlite3_prepare_v2(at, columns, -1, &q, NULL),
	    SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW) {
		(void)snprintf(db, sizeof(db), "%s",
		    (const char *)sqlite3_column_text(q, 0));
		(void)snprintf(table, sizeof(table), "%s",
		    (const char *)sqlite3_column_text(q, 1));
		(void)snprintf(column, sizeof(column), "%s",
		    (const char *)sqlite3_column_text(q, 2));
		type = (const char *)sqlite3_column_text(q, 3);
		how = strcmp(type, "BLOB") == 0 ? CUT : strcmp(type, "TEXT") ==
		    0 ? TEXT : NUMBER;
		last = how == CUT ? LAST : how;
		for (; how <= last; how++) {
			ready(start, NULL);
			if (!change(dir, db, table, column, how))
				continue;
			(void)snprintf(what, sizeof(what), "%s.%s, change %d",
			    table, column, (int)how);
			everybody(what);
			n++;
			seen += memcmp(&now, &control, sizeof(now)) != 0;
		}
	}
	(void)sqlite3_finalize(q);
	assert_int_equal(sqlite3_close(at), SQLITE_OK);
	print_message("%u changes, %u of them were met\n", n, seen);
	assert_int_equal(wrong, 0);
	assert_true(n > 100 && seen > n / 2);
}

/* ---- controls: what these tests would see ---- */

static void *volatile lost;

static rx_err
act_leak(struct rx_session *s)
{

	(void)s;
	lost = malloc(1);
	return (RX_OK);
}

static void
test_control_a_block_that_is_not_freed_is_seen(void **state)
{
	static const struct deed d = D(act_leak, "d1");
	struct outcome o;

	(void)state;
	ready(base, NULL);
	o = attempt(&d, dir, FAULT_MEMORY, 0);
	assert_int_equal(o.rc, RX_OK);
	assert_int_equal(o.left, 1);
	assert_false(honest(FAULT_MEMORY, &o));
}

/* Two lines that ask, one of them three times; and then none that is new. */
static void
test_control_every_line_that_asks_is_found_once(void **state)
{
	const unsigned *calls;
	unsigned k, i;

	(void)state;
	for (k = 0; k < 2; k++) {
		fault_arm(FAULT_MEMORY, 0, 0);
		for (i = 0; i < 3; i++) {
			lost = malloc(1);
			free(lost);
		}
		lost = malloc(1);
		free(lost);
		fault_disarm();
		assert_int_equal(fault_places(&calls), k == 0 ? 2 : 0);
		assert_true(k > 0 || (calls[0] == 1 && calls[1] == 4));
	}
}

/* ---- the register ---- */

static void
write_import(void)
{
	struct rx_buf many = RX_BUF_INIT;
	unsigned i;
	static const char text[] = "{\"type\":\"child\",\"id\":\"n1\","
	    "\"unit\":\"350102001001\",\"name\":\"例\",\"sex\":\"m\","
	    "\"birth\":\"2015-02\",\"categories\":[\"left_behind\"],"
	    "\"legal_basis\":\"consent\"}\n{\"type\":\"observation\","
	    "\"id\":\"no1\",\"child\":\"n1\",\"date\":\"2025-06-03\","
	    "\"channel\":\"phone_video\",\"signs\":[\"death_talk\"],"
	    "\"risk\":\"red\"}\n{\"type\":\"activity\",\"id\":\"na\","
	    "\"unit\":\"350102001001\",\"date\":\"2025-06-01\",\"kind\":"
	    "\"theme_activity\",\"held\":true,\"children\":[\"n1\"]}\n";

	/* Two that are here, of which one is flagged now; and one before its
	 * child. */
	static const char mixed[] = "{\"type\":\"flag\",\"id\":\"mf\","
	    "\"child\":\"c2\",\"date\":\"2025-06-03\",\"reason\":"
	    "\"请关注\"}\n{\"type\":\"observation\",\"id\":\"mo\","
	    "\"child\":\"c1\",\"date\":\"2025-06-03\",\"channel\":"
	    "\"phone_video\",\"signs\":[\"death_talk\"],\"risk\":\"red\"}\n"
	    "{\"type\":\"observation\",\"id\":\"mo1\",\"child\":\"mn\","
	    "\"date\":\"2025-06-03\",\"channel\":\"phone_video\","
	    "\"signs\":[\"mood_low\"],\"risk\":\"yellow\"}\n"
	    "{\"type\":\"child\",\"id\":\"mn\",\"unit\":\"350102001001\","
	    "\"name\":\"例\",\"sex\":\"m\",\"birth\":\"2015-02\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}\n";

	ok(rx_file_write(path(kept, "in.ndjson"), text, sizeof(text) - 1, 0600,
	    true, &st), &st);
	ok(rx_file_write(path(kept, "mixed.ndjson"), mixed, sizeof(mixed) - 1,
	    0600, true, &st), &st);
	for (i = 0; i < 140; i++)
		ok(rx_buf_printf(&many, &st, "{\"type\":\"intervention\","
		    "\"id\":\"l%u\",\"child\":\"c2\",\"date\":"
		    "\"2025-06-03\",\"kind\":\"cash_condolence\","
		    "\"delivered\":true,\"amount_fen\":100,\"agency\":"
		    "\"91350100M000100Y43\"}\n", i), &st);
	ok(rx_file_write(path(kept, "long.ndjson"), many.b, many.len, 0600,
	    true, &st), &st);
	/* Of the first it keeps when consent ended, of the second all is asked
	 * again. */
	rx_buf_reset(&many);
	for (i = 0; i < 1030; i++)
		ok(rx_buf_printf(&many, &st, "{\"type\":\"child\",\"id\":"
		    "\"h%u\",\"unit\":\"350102001001\",\"name\":\"例\","
		    "\"sex\":\"m\",\"birth\":\"2015-02\",\"categories\":"
		    "[\"left_behind\"],\"legal_basis\":\"consent\"}\n", i),
		    &st);
	ok(rx_buf_printf(&many, &st, "{\"type\":\"consent\",\"id\":\"hc\","
	    "\"child\":\"h0\",\"date\":\"2025-06-03\",\"state\":"
	    "\"withdrawn\",\"by\":\"guardian\"}\n{\"type\":\"activity\","
	    "\"id\":\"ha\",\"unit\":\"350102001001\",\"date\":"
	    "\"2025-06-01\",\"kind\":\"theme_activity\",\"held\":true,"
	    "\"children\":[\"h1\"]}\n"), &st);
	ok(rx_file_write(path(kept, "many.ndjson"), many.b, many.len, 0600,
	    true, &st), &st);
	rx_buf_free(&many);
}

static rx_err
act_keep_files(struct rx_session *s)
{
	rx_err rc;

	if ((rc = rx_backup_make(s, path(kept, "whole"), NULL, NULL,
	    RX_BACKUP_KEEP, &st)) != RX_OK)
		return (rc);
	return (rx_backup_make(s, path(kept, "next"), NULL, path(kept,
	    "whole"), RX_BACKUP_KEEP, &st));
}

static rx_err
act_send(struct rx_session *s)
{
	struct rx_bundle b;

	return (rx_bundle_make(s, "350102001001", path(kept, "came"), &b,
	    &st));
}

static int
setup(void **state)
{
	static const char *const people[] = { "admin", "d1", "d2", "s1", "st",
	    "d1" };
	const char *copy;
	size_t i;

	rx_status_clear(&st);
	(void)fixture_setup(state);
	base = fixture_copy();
	dir = test_dir();
	kept = test_dir();
	made = test_dir();
	for (i = 0; i < 6; i++) {
		(void)word("n1-pass");
		(void)word("admin-pass");
		(void)word("d1-pass");
		(void)word("d2-pass");
		did(base, people[i], act_nothing);
	}
	write_import();
	did(base, "d1", act_keep_files);
	copy = fixture_copy_of(base);
	ok(rx_copy_begin(copy, "d1", word("d1-pass"), "三号", &st), &st);
	did(copy, "d1", act_correct);
	did(copy, "d1", act_observe);
	did(copy, "d1", act_send);
	more_setup(base);
	return (0);
}

/* A token's text grows by and by: one refusal amid it must not be read over. */
static void
test_json_without_memory_once_is_refused_or_whole(void **state)
{
	char text[2048];
	json_t *whole, *json;
	unsigned at, n = 1;
	size_t i, len = 1;
	rx_err rc;

	(void)state;
	text[0] = '{';
	for (i = 0; i < 40; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s\"k%zu\":\"%.*s\"", i > 0 ? "," : "", i, (int)i,
		    "0123456789012345678901234567890123456789");
	text[len++] = '}';
	ok(rx_json_parse(&whole, text, len, &st), &st);
	for (at = 1; at <= n; at++) {
		rx_status_clear(&st);
		fault_arm(FAULT_MEMORY, at, 2);
		rc = rx_json_parse(&json, text, len, &st);
		fault_disarm();
		n = fault_calls(FAULT_MEMORY) >= at ? at + 1 : at - 1;
		if (rc == RX_OK) {
			assert_true(json_equal(json, whole));
			json_decref(json);
		} else
			assert_int_equal(st.msg, RX_MSG_NO_MEMORY);
	}
	assert_true(at > 100);
	json_decref(whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_control_a_block_that_is_not_freed_is_seen),
		cmocka_unit_test(
		    test_control_every_line_that_asks_is_found_once),
		cmocka_unit_test(
		    test_without_memory_it_says_so_and_holds_nothing),
		cmocka_unit_test(
		    test_json_without_memory_once_is_refused_or_whole),
		cmocka_unit_test(test_where_the_disk_does_not_read_it_says_so),
		cmocka_unit_test(
		    test_import_that_cannot_be_read_again_stores_nothing),
		cmocka_unit_test(test_where_the_disk_does_not_write_it_says_so),
		cmocka_unit_test(
		    test_where_the_store_does_not_answer_it_says_so),
		cmocka_unit_test(test_changed_rows_bring_down_no_reader),
	};

	fault_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, setup, NULL));
}
