#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/register.h"

/*
 * Writing and reading cases: saving, consent, lists, follow-up, erasure, the
 * ledger, the audit; and what must hold when several write or one dies.  All
 * tests share one register, and each has children of its own in it.
 */

static struct {
	char dir[256];
	struct rx_session *admin;
	struct rx_session *d1, *d2;	/* directors of VILLAGE1, VILLAGE2 */
	struct rx_session *wide;	/* director of the county 350103 */
	struct rx_session *s1;		/* supervisor of TOWN */
	struct rx_session *county, *city;	/* statisticians */
} w;

static int
setup(void **state)
{

	(void)state;
	must(rx_crypto_init(&st));
	rx_json_init();
	w.admin = new_register(w.dir, "register", CITY);
	ok(enrol(w.admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(w.admin, "d2", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	ok(enrol(w.admin, "wide", RX_ROLE_DIRECTOR, "350103"), &st);
	ok(enrol(w.admin, "s1", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(w.admin, "county", RX_ROLE_STATISTICIAN, COUNTY), &st);
	ok(enrol(w.admin, "city", RX_ROLE_STATISTICIAN, CITY), &st);
	w.d1 = sign_in(w.dir, "d1");
	w.d2 = sign_in(w.dir, "d2");
	w.wide = sign_in(w.dir, "wide");
	w.s1 = sign_in(w.dir, "s1");
	w.county = sign_in(w.dir, "county");
	w.city = sign_in(w.dir, "city");
	return (0);
}

static int
teardown(void **state)
{

	(void)state;
	rx_session_close(w.admin);
	rx_session_close(w.d1);
	rx_session_close(w.d2);
	rx_session_close(w.wide);
	rx_session_close(w.s1);
	rx_session_close(w.county);
	rx_session_close(w.city);
	return (0);
}

/* ---- saving ---- */

static void
test_saving_twice_stores_once(void **state)
{
	static const char text[] = "{'id':'tw-o','child':'tw','date':"
	    "'2025-06-03','channel':'home_visit','signs':['self_harm'],"
	    "'risk':'red','note':'n'}";
	struct rx_save_result first, again;
	struct mark before;
	uint8_t child[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "tw", VILLAGE1);
	ok(save(w.d1, RX_OBSERVATION, false, &first, text), &st);
	assert_int_equal(first.how, RX_SAVED_NEW);
	assert_true(first.flagged);
	before = mark_of(w.d1);
	ok(save(w.d1, RX_OBSERVATION, false, &again, text), &st);
	assert_int_equal(again.how, RX_SAVED_PRESENT);
	assert_false(again.flagged);
	assert_memory_equal(first.id, again.id, RX_ID_BYTES);
	assert_true(unchanged(w.d1, &before));
	find_child(w.d1, "tw", child);
	assert_int_equal(rows_of(w.d1, RX_Q_RECORD_VERSIONS, child), 1);

	/* A child and an activity as well. */
	add_child(w.d1, "tw", VILLAGE1);
	assert_true(unchanged(w.d1, &before));
}

static void
test_saving_an_activity_twice_stores_once(void **state)
{
	static const char text[] = "{'id':'tw-a','unit':'" VILLAGE1 "','date':"
	    "'2025-06-01','kind':'theme_activity','held':true}";
	struct rx_save_result result;
	struct mark before;

	(void)state;
	ok(save(w.d1, RX_ACTIVITY, false, &result, text), &st);
	assert_int_equal(result.how, RX_SAVED_NEW);
	before = mark_of(w.d1);
	ok(save(w.d1, RX_ACTIVITY, false, &result, text), &st);
	assert_int_equal(result.how, RX_SAVED_PRESENT);
	assert_true(unchanged(w.d1, &before));
}

static void
test_record_without_an_id_gets_one(void **state)
{
	struct rx_save_result result;
	char uuid[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "wi", VILLAGE1);
	ok(save(w.d1, RX_OBSERVATION, false, &result, "{'child':'wi','date':"
	    "'2025-06-01','channel':'talk','signs':[],'risk':'green'}"), &st);
	assert_string_equal(result.number, "");
	/* A child gets a number that can be said, and is found by it. */
	ok(save(w.d1, RX_CHILD, false, &result, "{'unit':'" VILLAGE1 "',"
	    "'name':'无名','sex':'m','birth':'2013-01','categories':"
	    "['orphan'],'legal_basis':'statutory_duty'}"), &st);
	assert_int_equal(strlen(result.number), 7);
	assert_memory_equal(result.number, &VILLAGE1[9], 3);
	assert_int_equal(listed(w.d1, result.number).found, 1);
	find_child(w.d1, result.number, id);
	assert_memory_equal(id, result.id, RX_ID_BYTES);
	/* And by our id too. */
	rx_uuid_text(result.id, uuid);
	find_child(w.d1, uuid, id);
	assert_memory_equal(id, result.id, RX_ID_BYTES);
}

static void
test_uuid_of_a_child_is_accepted_as_reference(void **state)
{
	char uuid[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "uu", VILLAGE1);
	find_child(w.d1, "uu", id);
	rx_uuid_text(id, uuid);
	ok(observe(w.d1, "uu-o", uuid, "2025-06-01", "mood_low", "green"),
	    &st);
	assert_int_equal(listed(w.d1, "uu").row.observations, 1);
}

static void
test_id_conflict_other_content_under_one_id_is_refused(void **state)
{
	struct mark before;

	(void)state;
	add_child(w.d1, "ic", VILLAGE1);
	ok(observe(w.d1, "ic-o", "ic", "2025-06-01", "mood_low", "green"),
	    &st);
	before = mark_of(w.d1);
	refuses(observe(w.d1, "ic-o", "ic", "2025-06-01", "mood_low",
	    "yellow"), RX_ECONFLICT, ID_CONFLICT);
	refuses(save(w.d1, RX_CHILD, false, NULL, "{'id':'ic','unit':'"
	    VILLAGE1 "','name':'改名','sex':'f','birth':'2014-05',"
	    "'categories':['left_behind'],'legal_basis':'consent'}"),
	    RX_ECONFLICT, ID_CONFLICT);
	assert_true(unchanged(w.d1, &before));
}

/* Another child's record under the same id is a mistake of the caller, not a
 * damaged register. */
static void
test_id_conflict_with_a_record_of_another_child_is_refused(void **state)
{
	struct mark before;

	(void)state;
	add_child(w.d1, "oc1", VILLAGE1);
	add_child(w.d1, "oc2", VILLAGE1);
	ok(observe(w.d1, "oc-o", "oc1", "2025-06-01", "mood_low", "green"),
	    &st);
	before = mark_of(w.d1);
	refuses(observe(w.d1, "oc-o", "oc2", "2025-06-01", "mood_low",
	    "green"), RX_ECONFLICT, ID_CONFLICT);
	/* Nor can a correction move it. */
	refuses(save(w.d1, RX_OBSERVATION, true, NULL, "{'id':'oc-o','child':"
	    "'oc2','date':'2025-06-01','channel':'home_visit','signs':[],"
	    "'risk':'green'}"), RX_ECONFLICT, ID_CONFLICT);
	assert_true(unchanged(w.d1, &before));
}

static void
test_same_id_of_two_types_is_two_records(void **state)
{

	(void)state;
	add_child(w.d1, "ty", VILLAGE1);
	ok(observe(w.d1, "ty", "ty", "2025-06-01", "mood_low", "green"), &st);
	ok(save(w.d1, RX_INTERVENTION, false, NULL, "{'id':'ty','child':'ty',"
	    "'date':'2025-06-02','kind':'companionship','delivered':true}"),
	    &st);
	ok(save(w.d1, RX_ACTIVITY, false, NULL, "{'id':'ty','unit':'" VILLAGE1
	    "','date':'2025-06-01','kind':'theme_activity','held':true,"
	    "'children':['ty']}"), &st);
	assert_int_equal(listed(w.d1, "ty").row.observations, 1);
	assert_int_equal(listed(w.d1, "ty").row.interventions, 1);
}

static void
test_ids_are_scoped_to_the_unit(void **state)
{
	struct rx_save_result a, b;
	static const char text[] = "{'id':'sc-o','child':'sc','date':"
	    "'2025-06-01','channel':'talk','signs':[],'risk':'green'}";

	(void)state;
	add_child(w.d1, "sc", VILLAGE1);
	add_child(w.d2, "sc", VILLAGE2);
	ok(save(w.d1, RX_OBSERVATION, false, &a, text), &st);
	ok(save(w.d2, RX_OBSERVATION, false, &b, text), &st);
	assert_int_equal(a.how, RX_SAVED_NEW);
	assert_int_equal(b.how, RX_SAVED_NEW);
	assert_memory_not_equal(a.id, b.id, RX_ID_BYTES);
}

static void
test_child_ambiguous_in_two_villages_is_refused(void **state)
{
	uint8_t id[RX_ID_BYTES];
	char uuid[RX_UUID_TEXT];

	(void)state;
	add_child(w.wide, "am", "350103001002");
	ok(observe(w.wide, "am-o1", "am", "2025-06-01", "mood_low", "green"),
	    &st);
	find_child(w.wide, "am", id);
	add_child(w.wide, "am", "350103001005");
	refuses(observe(w.wide, "am-o2", "am", "2025-06-01", "mood_low",
	    "green"), RX_ECONFLICT, CHILD_AMBIGUOUS);
	rx_status_clear(&st);
	refuses(rx_child_find(w.wide, "am", id, &st), RX_ECONFLICT,
	    CHILD_AMBIGUOUS);
	/* Our own id says which one. */
	rx_uuid_text(id, uuid);
	ok(observe(w.wide, "am-o2", uuid, "2025-06-01", "mood_low", "green"),
	    &st);
}

static void
test_child_unknown_is_refused(void **state)
{
	static const char uuid[] = "0190aaaa-0000-7000-8000-000000000000";
	uint8_t id[RX_ID_BYTES];

	(void)state;
	refuses(observe(w.d1, "cu-o", "nobody", "2025-06-01", "mood_low",
	    "green"), RX_ENOENT, CHILD_UNKNOWN);
	refuses(observe(w.d1, "cu-o", uuid, "2025-06-01", "mood_low",
	    "green"), RX_ENOENT, CHILD_UNKNOWN);
	/* Of another director's village. */
	add_child(w.d2, "cu2", VILLAGE2);
	refuses(observe(w.d1, "cu-o", "cu2", "2025-06-01", "mood_low",
	    "green"), RX_ENOENT, CHILD_UNKNOWN);
	find_child(w.d2, "cu2", id);
	rx_status_clear(&st);
	refuses(rx_child_find(w.d1, "cu2", id, &st), RX_ENOENT,
	    CHILD_UNKNOWN);
	rx_status_clear(&st);
	memset(id, 1, sizeof(id));
	refuses(rx_child_show(w.d1, id, NULL, shown_each, NULL, &st),
	    RX_ENOENT, CHILD_UNKNOWN);
	rx_status_clear(&st);
	refuses(rx_child_erase(w.d1, id, "理由", &st), RX_ENOENT,
	    CHILD_UNKNOWN);
}

static void
test_child_twice_in_an_activity_is_refused(void **state)
{
	char uuid[RX_UUID_TEXT], text[512];
	uint8_t id[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "ct", VILLAGE1);
	find_child(w.d1, "ct", id);
	rx_uuid_text(id, uuid);
	(void)snprintf(text, sizeof(text), "{'id':'ct-a','unit':'" VILLAGE1
	    "','date':'2025-06-01','kind':'theme_activity','held':true,"
	    "'children':['ct','%s']}", uuid);
	refuses(save(w.d1, RX_ACTIVITY, false, NULL, text), RX_EUSAGE,
	    CHILD_TWICE);
}

static void
test_date_before_birth_is_refused(void **state)
{

	(void)state;
	add_child(w.d1, "bb", VILLAGE1);	/* born in 2014-05 */
	refuses(observe(w.d1, "bb-o", "bb", "2014-04-30", "mood_low",
	    "green"), RX_EUSAGE, DATE_BEFORE_BIRTH);
	assert_string_equal(arg_of("key"), "date");
	refuses(save(w.d1, RX_INTERVENTION, false, NULL, "{'id':'bb-i',"
	    "'child':'bb','date':'2025-06-02','kind':'companionship',"
	    "'delivered':true,'need_resolved_on':'2014-04-30'}"), RX_EUSAGE,
	    DATE_BEFORE_BIRTH);
	assert_string_equal(arg_of("key"), "need_resolved_on");
	refuses(save(w.d1, RX_CHILD, false, NULL, "{'id':'bb2','unit':'"
	    VILLAGE1 "','name':'早','sex':'f','birth':'2014-05',"
	    "'categories':['left_behind'],'legal_basis':'consent',"
	    "'consent_on':'2014-04-30'}"), RX_EUSAGE, DATE_BEFORE_BIRTH);
	assert_string_equal(arg_of("key"), "consent_on");
	/* The month of birth itself is not before it. */
	ok(observe(w.d1, "bb-o", "bb", "2014-05-01", "mood_low", "green"),
	    &st);
}

/* ---- corrections ---- */

static void
test_correction_is_a_new_version_and_the_old_one_stays(void **state)
{
	static const char better[] = "{'id':'co-o','child':'co','date':"
	    "'2025-06-03','channel':'talk','signs':['mood_low'],"
	    "'risk':'orange','note':'更正'}";
	struct rx_save_result result, again;
	size_t before[RX_TYPE_COUNT], after[RX_TYPE_COUNT];
	struct shown_case c;
	uint8_t child[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "co", VILLAGE1);
	ok(observe(w.d1, "co-o", "co", "2025-06-03", "mood_low", "green"),
	    &st);
	ok(count(w.county, COUNTY, before), &st);
	ok(save(w.d1, RX_OBSERVATION, true, &result, better), &st);
	assert_int_equal(result.how, RX_SAVED_CORRECTED);
	find_child(w.d1, "co", child);
	assert_int_equal(rows_of(w.d1, RX_Q_RECORD_VERSIONS, child), 2);

	/* The live version alone is shown and counted. */
	must(show(w.d1, "co", NULL, &c));
	assert_int_equal(c.by_type[RX_OBSERVATION], 1);
	assert_string_equal(c.text, "更正");
	assert_int_equal(listed(w.d1, "co").row.observations, 1);
	assert_int_equal(listed(w.d1, "co").row.risk, 2);
	ok(count(w.county, COUNTY, after), &st);
	assert_memory_equal(before, after, sizeof(before));

	/* The same correction again is there already. */
	ok(save(w.d1, RX_OBSERVATION, true, &again, better), &st);
	assert_int_equal(again.how, RX_SAVED_PRESENT);
	assert_memory_equal(again.id, result.id, RX_ID_BYTES);
	assert_int_equal(rows_of(w.d1, RX_Q_RECORD_VERSIONS, child), 2);
	audit_holds(w.d1);
}

static void
test_correction_of_a_child_keeps_its_case(void **state)
{
	struct rx_save_result result;
	uint8_t child[RX_ID_BYTES], same[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "cc", VILLAGE1);
	find_child(w.d1, "cc", child);
	ok(observe(w.d1, "cc-o", "cc", "2025-06-03", "self_harm", "red"),
	    &st);
	ok(save(w.d1, RX_CHILD, true, &result, "{'id':'cc','unit':'" VILLAGE1
	    "','name':'新名','sex':'f','birth':'2014-06','categories':"
	    "['orphan'],'legal_basis':'consent'}"), &st);
	assert_int_equal(result.how, RX_SAVED_CORRECTED);
	find_child(w.d1, "cc", same);
	assert_memory_equal(child, same, RX_ID_BYTES);
	assert_int_equal(rows_of(w.d1, RX_Q_CHILD_VERSIONS, child), 2);
	assert_string_equal(listed(w.d1, "cc").name, "新名");
	assert_int_equal(listed(w.d1, "cc").found, 1);
	assert_true(listed(w.d1, "cc").row.flagged);
	assert_int_equal(listed(w.d1, "cc").row.observations, 1);
}

static void
test_correction_of_what_is_not_there_is_new(void **state)
{
	struct rx_save_result result;

	(void)state;
	add_child(w.d1, "cn", VILLAGE1);
	ok(save(w.d1, RX_OBSERVATION, true, &result, "{'id':'cn-o','child':"
	    "'cn','date':'2025-06-03','channel':'talk','signs':[],"
	    "'risk':'green'}"), &st);
	assert_int_equal(result.how, RX_SAVED_NEW);
}

static void
test_not_correctable_reports_and_consent_are_refused(void **state)
{
	struct rx_save_result result;

	(void)state;
	add_child(w.d1, "nc", VILLAGE1);
	ok(report(w.d1, "nc-m", "nc", "2025-06-03"), &st);
	ok(consent(w.d1, "nc-w", "nc", "2025-06-03", "given"), &st);
	refuses(save(w.d1, RX_REPORT, true, &result, "{'id':'nc-m','child':"
	    "'nc','date':'2025-06-03','situations':['mr9_other'],"
	    "'authority':'派出所'}"), RX_ECONFLICT, NOT_CORRECTABLE);
	refuses(save(w.d1, RX_CONSENT, true, &result, "{'id':'nc-w','child':"
	    "'nc','date':'2025-06-03','state':'withdrawn'}"), RX_ECONFLICT,
	    NOT_CORRECTABLE);
}

/* ---- who may write ---- */

static void
test_not_permitted_to_write_for_another_unit(void **state)
{
	static const char text[] = "{'id':'np','unit':'" VILLAGE2 "',"
	    "'name':'外','sex':'f','birth':'2014-05','categories':['orphan'],"
	    "'legal_basis':'consent'}";
	struct mark before = mark_of(w.d1);

	(void)state;
	refuses(save(w.d1, RX_CHILD, false, NULL, text), RX_EPERM,
	    NOT_PERMITTED);
	assert_string_equal(arg_of("unit"), VILLAGE2);
	refuses(save(w.s1, RX_CHILD, false, NULL, text), RX_EPERM,
	    NOT_PERMITTED);
	refuses(save(w.county, RX_CHILD, false, NULL, text), RX_EPERM,
	    NOT_PERMITTED);
	refuses(save(w.admin, RX_CHILD, false, NULL, text), RX_EPERM,
	    NOT_PERMITTED);
	refuses(save(w.d1, RX_ACTIVITY, false, NULL, "{'id':'np','unit':'"
	    TOWN "','date':'2025-06-01','kind':'theme_activity',"
	    "'held':true}"), RX_EPERM, NOT_PERMITTED);
	assert_true(unchanged(w.d1, &before));
}

static void
test_not_permitted_to_write_in_a_case_that_is_not_ones_own(void **state)
{
	struct rx_session *const who[] = { w.d2, w.county, w.admin };
	struct mark before;
	size_t i;
	uint8_t id[RX_ID_BYTES];
	char uuid[RX_UUID_TEXT];

	(void)state;
	add_child(w.d1, "nw", VILLAGE1);
	add_child(w.d1, "nw2", VILLAGE1);
	ok(observe(w.d1, "nw2-o", "nw2", "2025-06-01", "self_harm", "red"),
	    &st);
	find_child(w.d1, "nw", id);
	rx_uuid_text(id, uuid);
	before = mark_of(w.d1);
	/* A supervisor sees that it is there, and may not write, not even
	 * when the case is open to him. */
	refuses(observe(w.s1, "nw-o", uuid, "2025-06-01", "mood_low",
	    "green"), RX_EPERM, CASE_CLOSED);
	refuses(observe(w.s1, "nw-o", "nw2", "2025-06-01", "mood_low",
	    "green"), RX_EPERM, NOT_PERMITTED);
	/* To the others it is another's, by our id, and not there by the
	 * caller's. */
	for (i = 0; i < 3; i++) {
		refuses(observe(who[i], "nw-o", uuid, "2025-06-01",
		    "mood_low", "green"), RX_EPERM, NOT_PERMITTED);
		refuses(observe(who[i], "nw-o", "nw", "2025-06-01",
		    "mood_low", "green"), RX_ENOENT, CHILD_UNKNOWN);
	}
	assert_true(unchanged(w.d1, &before));
}

static void
test_unit_unknown_to_the_register_is_refused(void **state)
{

	(void)state;
	refuses(save(w.wide, RX_CHILD, false, NULL, "{'id':'ul','unit':"
	    "'350103001999','name':'外','sex':'f','birth':'2014-05',"
	    "'categories':['orphan'],'legal_basis':'consent'}"), RX_EUSAGE,
	    UNIT_UNKNOWN);
	assert_string_equal(arg_of("unit"), "350103001999");
	refuses(save(w.wide, RX_ACTIVITY, false, NULL, "{'id':'ul','unit':"
	    "'350103001999','date':'2025-06-01','kind':'theme_activity',"
	    "'held':true}"), RX_EUSAGE, UNIT_UNKNOWN);
}

static void
test_wide_director_writes_below_and_makes_the_keys(void **state)
{
	size_t n[RX_TYPE_COUNT];

	(void)state;
	add_child(w.wide, "wd", "350103002006");
	ok(observe(w.wide, "wd-o", "wd", "2025-06-01", "mood_low", "green"),
	    &st);
	assert_string_equal(listed(w.wide, "wd").name, "林wd");
	/* The coded key went up the tree with the others. */
	ok(count(w.city, "350103002006", n), &st);
	assert_int_equal(n[RX_CHILD], 1);
	assert_int_equal(n[RX_OBSERVATION], 1);
}

static void
test_statistician_adds_activities_without_children_for_his_own(void **state)
{
	size_t before[RX_TYPE_COUNT], after[RX_TYPE_COUNT];

	(void)state;
	ok(count(w.city, CITY, before), &st);
	ok(save(w.county, RX_ACTIVITY, false, NULL, "{'id':'sa1','unit':'"
	    COUNTY "','date':'2025-06-01','kind':'mh_publicity',"
	    "'held':true}"), &st);
	ok(save(w.city, RX_ACTIVITY, false, NULL, "{'id':'sa2','unit':'"
	    CITY "-SELF','date':'2025-06-01','kind':'camp','held':true}"),
	    &st);
	ok(save(w.city, RX_ACTIVITY, false, NULL, "{'id':'sa3','unit':'"
	    CITY "','date':'2025-06-01','kind':'camp','held':true,"
	    "'children':[]}"), &st);
	ok(count(w.city, CITY, after), &st);
	assert_int_equal(after[RX_ACTIVITY], before[RX_ACTIVITY] + 3);
}

static void
test_not_permitted_for_a_statistician_with_children_or_elsewhere(void **state)
{

	(void)state;
	add_child(w.d1, "sx", VILLAGE1);
	refuses(save(w.county, RX_ACTIVITY, false, NULL, "{'id':'sx1','unit':'"
	    COUNTY "','date':'2025-06-01','kind':'camp','held':true,"
	    "'children':['sx']}"), RX_EPERM, NOT_PERMITTED);
	refuses(save(w.county, RX_ACTIVITY, false, NULL, "{'id':'sx1','unit':"
	    "'350103','date':'2025-06-01','kind':'camp','held':true}"),
	    RX_EPERM, NOT_PERMITTED);
	refuses(save(w.county, RX_ACTIVITY, false, NULL, "{'id':'sx1','unit':'"
	    VILLAGE1 "','date':'2025-06-01','kind':'camp','held':true}"),
	    RX_EPERM, NOT_PERMITTED);
	refuses(save(w.county, RX_ACTIVITY, false, NULL, "{'id':'sx1','unit':'"
	    CITY "-SELF','date':'2025-06-01','kind':'camp','held':true}"),
	    RX_EPERM, NOT_PERMITTED);
	refuses(save(w.s1, RX_ACTIVITY, false, NULL, "{'id':'sx1','unit':'"
	    TOWN "','date':'2025-06-01','kind':'camp','held':true}"),
	    RX_EPERM, NOT_PERMITTED);
}

/* ---- flags by rule ---- */

static void
test_urgent_and_flag_signs_raise_a_flag_others_do_not(void **state)
{
	const struct rx_code *signs;
	struct rx_save_result result;
	char text[512], id[64];
	size_t i, n, raised = 0;

	(void)state;
	signs = rx_codes(RX_LIST_SIGN, &n);
	for (i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "sg-%s", signs[i].key);
		add_child(w.d1, id, VILLAGE1);
		(void)snprintf(text, sizeof(text), "{'id':'%s','child':'%s',"
		    "'date':'2025-06-03','channel':'talk','signs':["
		    "'%s'],'risk':'green'}", id, id, signs[i].key);
		ok(save(w.d1, RX_OBSERVATION, false, &result, text), &st);
		if (result.flagged != (rx_code_has(&signs[i], "urgent") ||
		    rx_code_has(&signs[i], "flag")))
			fail_msg("%s", signs[i].key);
		assert_int_equal(listed(w.d1, id).row.flagged,
		    result.flagged);
		raised += result.flagged;
	}
	assert_int_equal(raised, 6);
}

static void
test_one_urgent_sign_among_others_raises_the_flag(void **state)
{
	struct rx_save_result result;

	(void)state;
	add_child(w.d1, "su", VILLAGE1);
	ok(save(w.d1, RX_OBSERVATION, false, &result, "{'id':'su-o','child':"
	    "'su','date':'2025-06-03','channel':'talk','signs':['mood_low',"
	    "'grief','death_talk'],'risk':'green'}"), &st);
	assert_true(result.flagged);
}

static void
test_explicit_flag_raises_one(void **state)
{
	struct rx_save_result result;

	(void)state;
	add_child(w.d1, "ef", VILLAGE1);
	assert_false(listed(w.d1, "ef").row.flagged);
	ok(save(w.d1, RX_FLAG, false, &result, "{'id':'ef-f','child':'ef',"
	    "'date':'2025-06-03','reason':'请关注'}"), &st);
	assert_true(result.flagged);
	assert_true(listed(w.d1, "ef").row.flagged);
}

/* ---- consent ---- */

static void
test_consent_withdrawn_makes_the_file_read_only(void **state)
{
	struct mark before;

	(void)state;
	add_child(w.d1, "wi", VILLAGE1);
	ok(consent(w.d1, "wi-w", "wi", "2025-07-01", "withdrawn"), &st);
	assert_true(listed(w.d1, "wi").row.withdrawn);
	before = mark_of(w.d1);
	refuses(observe(w.d1, "wi-o", "wi", "2025-07-02", "mood_low",
	    "green"), RX_EPERM, CONSENT_WITHDRAWN);
	/* What lies before it as well: the file is closed now. */
	refuses(observe(w.d1, "wi-o", "wi", "2025-06-01", "mood_low",
	    "green"), RX_EPERM, CONSENT_WITHDRAWN);
	refuses(save(w.d1, RX_INTERVENTION, false, NULL, "{'id':'wi-i',"
	    "'child':'wi','date':'2025-07-02','kind':'companionship',"
	    "'delivered':true}"), RX_EPERM, CONSENT_WITHDRAWN);
	refuses(save(w.d1, RX_FLAG, false, NULL, "{'id':'wi-f','child':'wi',"
	    "'date':'2025-07-02','reason':'x'}"), RX_EPERM,
	    CONSENT_WITHDRAWN);
	refuses(save(w.d1, RX_CHILD, true, NULL, "{'id':'wi','unit':'"
	    VILLAGE1 "','name':'改','sex':'f','birth':'2014-05',"
	    "'categories':['orphan'],'legal_basis':'consent'}"), RX_EPERM,
	    CONSENT_WITHDRAWN);
	assert_true(unchanged(w.d1, &before));
	/* Reading goes on, and so does statutory duty. */
	must(show(w.d1, "wi", NULL, NULL));
	ok(report(w.d1, "wi-m", "wi", "2025-07-02"), &st);
}

static void
test_consent_given_again_reopens_the_file(void **state)
{

	(void)state;
	add_child(w.d1, "ga", VILLAGE1);
	ok(consent(w.d1, "ga-1", "ga", "2025-07-01", "withdrawn"), &st);
	refuses(observe(w.d1, "ga-o", "ga", "2025-08-02", "mood_low",
	    "green"), RX_EPERM, CONSENT_WITHDRAWN);
	ok(consent(w.d1, "ga-2", "ga", "2025-08-01", "given"), &st);
	assert_false(listed(w.d1, "ga").row.withdrawn);
	ok(observe(w.d1, "ga-o", "ga", "2025-08-02", "mood_low", "green"),
	    &st);
	ok(consent(w.d1, "ga-3", "ga", "2025-09-01", "withdrawn"), &st);
	refuses(observe(w.d1, "ga-p", "ga", "2025-09-02", "mood_low",
	    "green"), RX_EPERM, CONSENT_WITHDRAWN);
}

/* An older consent that is entered late says nothing about today. */
static void
test_consent_withdrawn_is_not_undone_by_an_older_consent(void **state)
{

	(void)state;
	add_child(w.d1, "ol", VILLAGE1);
	ok(consent(w.d1, "ol-1", "ol", "2025-07-01", "withdrawn"), &st);
	ok(consent(w.d1, "ol-2", "ol", "2025-03-01", "given"), &st);
	assert_true(listed(w.d1, "ol").row.withdrawn);
	refuses(observe(w.d1, "ol-o", "ol", "2025-08-02", "mood_low",
	    "green"), RX_EPERM, CONSENT_WITHDRAWN);
	/* Of one day, what was entered last counts. */
	ok(consent(w.d1, "ol-3", "ol", "2025-07-01", "given"), &st);
	assert_false(listed(w.d1, "ol").row.withdrawn);
}

/* ---- lists, search, one case ---- */

static void
test_director_lists_his_own_children_with_names(void **state)
{
	struct listed l;

	(void)state;
	add_child(w.d1, "li", VILLAGE1);
	l = listed(w.d1, "li");
	assert_int_equal(l.found, 1);
	assert_string_equal(l.name, "林li");
	l = listed(w.d2, "li");
	assert_int_equal(l.found, 0);
}

static void
test_supervisor_lists_his_villages_without_names(void **state)
{
	struct listed l;

	(void)state;
	add_child(w.d1, "ls1", VILLAGE1);
	ok(observe(w.d1, "ls1-o", "ls1", "2025-06-03", "self_harm", "red"),
	    &st);
	add_child(w.d2, "ls2", VILLAGE2);
	add_child(w.wide, "ls3", "350103001002");
	l = listed(w.s1, "ls1");
	assert_int_equal(l.found, 1);
	assert_string_equal(l.name, "");
	assert_true(l.row.flagged);
	assert_int_equal(l.row.risk, 1);
	assert_int_equal(listed(w.s1, "ls2").found, 1);
	assert_int_equal(listed(w.s1, "ls3").found, 0);
}

static void
test_cases_not_yours_statistician_and_administrator_are_refused(void **state)
{
	struct rx_session *const who[2] = { w.county, w.admin };
	struct listed l = { .want = "" };
	uint8_t id[RX_ID_BYTES];
	size_t i;

	(void)state;
	add_child(w.d1, "cny", VILLAGE1);
	find_child(w.d1, "cny", id);
	for (i = 0; i < 2; i++) {
		refuses(try(rx_child_each(who[i], 0, 0, listed_each, &l,
		    &st)), RX_EPERM, CASES_NOT_YOURS);
		refuses(try(rx_child_search(who[i], NULL, "林", listed_each,
		    &l, &st)), RX_EPERM, CASES_NOT_YOURS);
		refuses(try(rx_child_find(who[i], "cny", id, &st)), RX_EPERM,
		    CASES_NOT_YOURS);
		refuses(try(rx_child_show(who[i], id, "理由", shown_each,
		    NULL, &st)), RX_EPERM, NOT_PERMITTED);
	}
	/* A supervisor has no names to search. */
	refuses(try(rx_child_search(w.s1, NULL, "林", listed_each, &l, &st)),
	    RX_EPERM, CASES_NOT_YOURS);
	assert_int_equal(l.all, 0);
}

static void
test_list_filters_keep_flagged_and_due(void **state)
{
	struct listed l = { .want = "fi1" };

	(void)state;
	add_child(w.d1, "fi1", VILLAGE1);
	add_child(w.d1, "fi2", VILLAGE1);
	ok(observe(w.d1, "fi1-o", "fi1", "2025-06-03", "self_harm", "red"),
	    &st);		/* due on the day after */
	must(rx_child_each(w.d1, RX_LIST_FLAGGED, 0, listed_each, &l, &st));
	assert_int_equal(l.found, 1);
	l = (struct listed){ .want = "fi2" };
	must(rx_child_each(w.d1, RX_LIST_FLAGGED, 0, listed_each, &l, &st));
	assert_int_equal(l.found, 0);

	l = (struct listed){ .want = "fi1" };
	must(rx_child_each(w.d1, RX_LIST_DUE, day("2025-06-03"), listed_each,
	    &l, &st));
	assert_int_equal(l.found, 0);
	must(rx_child_each(w.d1, RX_LIST_DUE, day("2025-06-04"), listed_each,
	    &l, &st));
	assert_int_equal(l.found, 1);
	l = (struct listed){ .want = "fi2" };
	must(rx_child_each(w.d1, RX_LIST_DUE, rx_date_today(), listed_each,
	    &l, &st));
	assert_int_equal(l.found, 0);
}

static rx_err
stop_each(void *cookie, const struct rx_child_row *row, struct rx_status *u)
{

	(void)row;
	(*(int *)cookie)++;
	return (rx_fail(u, RX_EIO, RX_MSG_FILE_WRITE));
}

static void
test_failure_of_the_caller_ends_the_list(void **state)
{
	int calls = 0;

	(void)state;
	add_child(w.d1, "st1", VILLAGE1);
	add_child(w.d1, "st2", VILLAGE1);
	rx_status_clear(&st);
	assert_int_equal(rx_child_each(w.d1, 0, 0, stop_each, &calls, &st),
	    RX_EIO);
	assert_int_equal(calls, 1);
	rx_status_clear(&st);
}

static void
test_search_finds_by_number_and_by_part_of_the_name(void **state)
{
	struct listed l = { .want = "se" };

	(void)state;
	ok(save(w.d1, RX_CHILD, false, NULL, "{'id':'se','unit':'" VILLAGE1
	    "','name':'欧阳寻寻','sex':'f','birth':'2014-05','id_number':"
	    "'11010519491231002X','categories':['orphan'],"
	    "'legal_basis':'consent'}"), &st);
	must(rx_child_search(w.d1, "11010519491231002x", NULL, listed_each,
	    &l, &st));
	assert_int_equal(l.all, 1);
	assert_int_equal(l.found, 1);
	l = (struct listed){ .want = "se" };
	must(rx_child_search(w.d1, NULL, "阳寻", listed_each, &l, &st));
	assert_int_equal(l.all, 1);
	assert_int_equal(l.found, 1);
	l = (struct listed){ .want = "se" };
	must(rx_child_search(w.d1, "11010519491231002X", "不是", listed_each,
	    &l, &st));
	assert_int_equal(l.all, 0);
	must(rx_child_search(w.d2, NULL, "阳寻", listed_each, &l, &st));
	assert_int_equal(l.all, 0);
}

static void
test_search_empty_is_refused(void **state)
{
	struct listed l = { .want = "" };

	(void)state;
	refuses(try(rx_child_search(w.d1, NULL, NULL, listed_each, &l, &st)),
	    RX_EUSAGE, SEARCH_EMPTY);
	/* An empty field of a form is not a search for everybody. */
	refuses(try(rx_child_search(w.d1, "", "", listed_each, &l, &st)),
	    RX_EUSAGE, SEARCH_EMPTY);
	assert_int_equal(l.all, 0);
}

static rx_err
dates_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{
	int64_t *last = cookie;

	(void)u;
	assert_true(rx_record_int(r, RX_F_DATE) >= *last);
	*last = rx_record_int(r, RX_F_DATE);
	return (RX_OK);
}

static void
test_case_is_shown_whole_by_date(void **state)
{
	struct shown_case c;
	uint8_t id[RX_ID_BYTES];
	int64_t last = 0;

	(void)state;
	add_child(w.d1, "sh", VILLAGE1);
	ok(observe(w.d1, "sh-3", "sh", "2025-06-03", "mood_low", "green"),
	    &st);
	ok(observe(w.d1, "sh-1", "sh", "2025-06-01", "mood_low", "green"),
	    &st);
	ok(report(w.d1, "sh-2", "sh", "2025-06-02"), &st);
	must(show(w.d1, "sh", NULL, &c));
	assert_int_equal(c.n, 4);
	assert_int_equal(c.by_type[RX_CHILD], 1);
	assert_int_equal(c.by_type[RX_OBSERVATION], 2);
	assert_int_equal(c.by_type[RX_REPORT], 1);
	assert_true(c.name);
	assert_string_equal(c.text, "看望看望");
	find_child(w.d1, "sh", id);
	must(rx_child_show(w.d1, id, NULL, dates_each, &last, &st));
	assert_int_equal(last, day("2025-06-03"));
}

static void
test_every_sight_of_names_is_in_the_audit(void **state)
{
	struct mark before;
	uint8_t id[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "au", VILLAGE1);
	find_child(w.d1, "au", id);
	before = mark_of(w.d1);
	(void)listed(w.d1, "au");
	assert_int_equal(mark_of(w.d1).head.seq, before.head.seq + 1);
	must(show(w.d1, "au", NULL, NULL));
	assert_int_equal(mark_of(w.d1).head.seq, before.head.seq + 2);
	/* A supervisor's list has none. */
	(void)listed(w.s1, "au");
	assert_int_equal(mark_of(w.d1).head.seq, before.head.seq + 2);
}

static void
test_case_closed_to_the_supervisor_without_a_flag(void **state)
{
	struct mark before;

	(void)state;
	add_child(w.d1, "cl", VILLAGE1);
	before = mark_of(w.d1);
	refuses(show(w.s1, "cl", "理由", NULL), RX_EPERM, CASE_CLOSED);
	refuses(try(report(w.s1, "cl-m", "cl", "2025-06-01")), RX_EPERM,
	    CASE_CLOSED);
	assert_true(unchanged(w.d1, &before));
}

/* ---- follow-up ---- */

/* Observe, and expect the next visit on ${due}, in the answer and the list. */
static void
due_after(const char *child, const char *id, const char *date,
    const char *risk, const char *follow_up, const char *due)
{
	struct rx_save_result result;
	char text[512];

	(void)snprintf(text, sizeof(text), "{'id':'%s','child':'%s','date':"
	    "'%s','channel':'talk','signs':[],'risk':'%s'%s%s%s}", id, child,
	    date, risk, follow_up != NULL ? ",'follow_up_on':'" : "",
	    follow_up != NULL ? follow_up : "", follow_up != NULL ? "'" : "");
	ok(save(w.d1, RX_OBSERVATION, false, &result, text), &st);
	assert_int_equal(result.due, day(due));
	assert_int_equal(listed(w.d1, child).row.due, day(due));
}

static void
test_due_red_first_after_a_day_then_after_seven(void **state)
{

	(void)state;
	add_child(w.d1, "dr", VILLAGE1);
	due_after("dr", "dr-1", "2025-06-03", "red", NULL, "2025-06-04");
	due_after("dr", "dr-2", "2025-06-04", "red", NULL, "2025-06-11");
	due_after("dr", "dr-3", "2025-06-11", "orange", NULL, "2025-06-25");
	due_after("dr", "dr-4", "2025-06-12", "red", NULL, "2025-06-13");
}

static void
test_due_after_orange_yellow_and_green(void **state)
{

	(void)state;
	add_child(w.d1, "do", VILLAGE1);
	due_after("do", "do-1", "2025-06-03", "orange", NULL, "2025-06-17");
	due_after("do", "do-2", "2025-06-17", "yellow", NULL, "2025-07-17");
	due_after("do", "do-3", "2025-07-17", "green", NULL, "2025-10-15");
}

static void
test_due_follow_up_on_wins(void **state)
{

	(void)state;
	add_child(w.d1, "df", VILLAGE1);
	due_after("df", "df-1", "2025-06-03", "red", "2025-06-20",
	    "2025-06-20");
	/* That of the latest observation only. */
	due_after("df", "df-2", "2025-06-04", "green", NULL, "2025-09-02");
}

static void
test_due_after_an_urgent_sign_is_as_after_red(void **state)
{
	struct rx_save_result result;

	(void)state;
	add_child(w.d1, "du", VILLAGE1);
	ok(save(w.d1, RX_OBSERVATION, false, &result, "{'id':'du-1','child':"
	    "'du','date':'2025-06-03','channel':'talk','signs':['self_harm'],"
	    "'risk':'green'}"), &st);
	assert_int_equal(result.due, day("2025-06-04"));
	ok(save(w.d1, RX_OBSERVATION, false, &result, "{'id':'du-2','child':"
	    "'du','date':'2025-06-04','channel':'talk','signs':['self_harm'],"
	    "'risk':'red','follow_up_on':'2025-09-01'}"), &st);
	assert_int_equal(result.due, day("2025-06-11"));
	/* Control: a sign that is not urgent leaves the risk its interval. */
	due_after("du", "du-3", "2025-06-05", "green", NULL, "2025-09-03");
}

static void
test_due_follows_the_latest_date_not_the_latest_entry(void **state)
{

	(void)state;
	add_child(w.d1, "dl", VILLAGE1);
	due_after("dl", "dl-1", "2025-06-03", "green", NULL, "2025-09-01");
	due_after("dl", "dl-2", "2025-05-01", "red", NULL, "2025-09-01");
	assert_int_equal(listed(w.d1, "dl").row.risk, 4);
	assert_int_equal(listed(w.d1, "dl").row.last, day("2025-06-03"));
	/* Of one day, the one that was entered later. */
	due_after("dl", "dl-3", "2025-06-03", "yellow", NULL, "2025-07-03");
}

/* Of one day, the later line: also when both have the same millisecond. */
static void
test_due_of_one_day_in_a_file_follows_the_order_of_lines(void **state)
{
	static char text[32768];
	size_t n = 0;
	char id[16];
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "{'type':'child','id':'dg%d','unit':'" VILLAGE1 "',"
		    "'name':'林','sex':'m','birth':'2014-05','categories':"
		    "['orphan'],'legal_basis':'consent'}\n"
		    "{'type':'observation','id':'dg%d-1','child':'dg%d',"
		    "'date':'2025-06-03','channel':'talk','signs':[],"
		    "'risk':'red'}\n"
		    "{'type':'observation','id':'dg%d-2','child':'dg%d',"
		    "'date':'2025-06-03','channel':'talk','signs':[],"
		    "'risk':'green'}\n", i, i, i, i, i);
	assert_true(n < sizeof(text) - 1);
	ok(import(w.d1, NULL, text), &st);
	for (i = 0; i < 40; i++) {
		(void)snprintf(id, sizeof(id), "dg%d", i);
		assert_int_equal(listed(w.d1, id).row.risk, 4);
	}
}

static void
test_due_of_a_new_child_is_five_working_days(void **state)
{
	int32_t before = rx_date_today(), due, day;
	int worked = 0;

	(void)state;
	add_child(w.d1, "dn", VILLAGE1);
	due = listed(w.d1, "dn").row.due;
	assert_true(due == rx_date_add_workdays(before, 5) ||
	    due == rx_date_add_workdays(rx_date_today(), 5));
	/* Counted again; day 0 was a Thursday. */
	for (day = before + 1; day <= due; day++)
		worked += (day + 4) % 7 != 6 && (day + 4) % 7 != 0;
	assert_true(worked == 5 || before != rx_date_today());
}

static void
test_due_is_none_after_a_closing_outcome(void **state)
{
	static const char *const closing[] = { "moved_out", "aged_out",
	    "deceased" };
	struct rx_save_result result;
	char text[512], id[16];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		(void)snprintf(id, sizeof(id), "dc%zu", i);
		add_child(w.d1, id, VILLAGE1);
		due_after(id, id, "2025-06-03", "red", NULL, "2025-06-04");
		(void)snprintf(text, sizeof(text), "{'id':'%s','child':'%s',"
		    "'date':'2025-06-10','kind':'policy_help','delivered':"
		    "true,'outcome':'%s'}", id, id, closing[i]);
		ok(save(w.d1, RX_INTERVENTION, false, &result, text), &st);
		assert_int_equal(result.due, 0);
		assert_int_equal(listed(w.d1, id).row.due, 0);
	}
	/* Other outcomes close nothing. */
	add_child(w.d1, "dc9", VILLAGE1);
	due_after("dc9", "dc9", "2025-06-03", "red", NULL, "2025-06-04");
	ok(save(w.d1, RX_INTERVENTION, false, &result, "{'id':'dc9','child':"
	    "'dc9','date':'2025-06-10','kind':'policy_help','delivered':true,"
	    "'outcome':'resolved'}"), &st);
	assert_int_equal(result.due, day("2025-06-04"));
}

/* ---- erasure ---- */

#define PIECES_MAX 32
#define PIECE 32

struct pieces {			/* of sealed boxes, to be looked for on disk */
	size_t n;
	uint8_t b[PIECES_MAX][PIECE];
};

/* Take bytes from the middle of the columns ${from}.. of what ${q} finds. */
static void
take_pieces(struct pieces *p, struct rx_session *s, enum rx_query q,
    const uint8_t *id, int from, int to)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	const uint8_t *box;
	size_t n;
	bool row;
	int col;

	must(rx_query_open(&cur, s->store, q, &arg, 1, &st));
	for (;;) {
		must(rx_query_next(cur, &row, &st));
		if (!row)
			break;
		for (col = from; col <= to; col++) {
			box = rx_col_bytes(cur, col, &n);
			assert_true(n > 80 + PIECE && p->n < PIECES_MAX);
			memcpy(p->b[p->n++], box + 60, PIECE);
		}
	}
	rx_query_close(cur);
}

/* How many of the pieces lie in the files of the register. */
static size_t
pieces_on_disk(const struct pieces *p, const char *dir)
{
	static const char *const names[] = { "content.db", "keys.db",
	    "content.db-journal", "keys.db-journal", "content.db-wal",
	    "keys.db-wal" };
	struct rx_buf b = RX_BUF_INIT;
	char path[300];
	size_t i, found = 0;

	for (i = 0; i < 6; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (i < 2 || access(path, F_OK) == 0)
			must(rx_file_read(&b, path, (size_t)1 << 30, &st));
	}
	for (i = 0; i < p->n; i++)
		found += memmem(b.b, b.len, p->b[i], PIECE) != NULL;
	rx_buf_free(&b);
	return (found);
}

static void
test_erased_child_leaves_nothing_in_the_files(void **state)
{
	struct pieces p = { .n = 0 };
	struct shown_case c;
	uint8_t id[RX_ID_BYTES], other[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "er", VILLAGE1);
	add_child(w.d1, "er2", VILLAGE1);
	ok(observe(w.d1, "er-o", "er", "2025-06-03", "self_harm", "red"),
	    &st);
	ok(observe(w.d1, "er2-o", "er2", "2025-06-03", "self_harm", "red"),
	    &st);
	find_child(w.d1, "er", id);
	find_child(w.d1, "er2", other);
	/* The superseded version is to go, too. */
	take_pieces(&p, w.d1, RX_Q_RECORDS_OF_CHILD, id, 5, 6);
	ok(save(w.d1, RX_OBSERVATION, true, NULL, "{'id':'er-o','child':'er',"
	    "'date':'2025-06-03','channel':'talk','signs':['self_harm'],"
	    "'risk':'red','note':'更正'}"), &st);
	take_pieces(&p, w.d1, RX_Q_RECORDS_OF_CHILD, id, 5, 6);
	take_pieces(&p, w.d1, RX_Q_CHILD, id, 4, 4);
	take_pieces(&p, w.d1, RX_Q_CHILD, id, 11, 11);
	take_pieces(&p, w.d1, RX_Q_CASE_KEYS, id, 3, 5);
	take_pieces(&p, w.d1, RX_Q_SLOTS_OF_CASE, id, 2, 2);
	assert_int_equal(p.n, 10);
	assert_int_equal(pieces_on_disk(&p, w.dir), 10);

	must(rx_child_erase(w.d1, id, "监护人申请删除", &st));
	assert_int_equal(pieces_on_disk(&p, w.dir), 0);
	assert_int_equal(rows_of(w.d1, RX_Q_CHILD_VERSIONS, id), 0);
	assert_int_equal(rows_of(w.d1, RX_Q_RECORD_VERSIONS, id), 0);
	assert_int_equal(rows_of(w.d1, RX_Q_CASE_KEYS, id), 0);
	assert_int_equal(rows_of(w.d1, RX_Q_SLOTS_OF_CASE, id), 0);
	assert_int_equal(listed(w.d1, "er").found, 0);
	refuses(try(rx_child_find(w.d1, "er", id, &st)), RX_ENOENT,
	    CHILD_UNKNOWN);
	audit_holds(w.d1);

	/* The others are as they were. */
	must(show(w.d1, "er2", NULL, &c));
	assert_int_equal(c.n, 2);
	must(show(w.s1, "er2", "复核", &c));
	assert_true(c.name);
	/* The id is free again, for another child. */
	add_child(w.d1, "er", VILLAGE1);
	find_child(w.d1, "er", other);
	assert_memory_not_equal(id, other, RX_ID_BYTES);
}

static void
test_reason_missing_for_an_erasure_is_refused(void **state)
{
	struct mark before;
	uint8_t id[RX_ID_BYTES];

	(void)state;
	add_child(w.d1, "rm", VILLAGE1);
	find_child(w.d1, "rm", id);
	before = mark_of(w.d1);
	refuses(try(rx_child_erase(w.d1, id, "", &st)), RX_EUSAGE,
	    REASON_MISSING);
	refuses(try(rx_child_erase(w.d1, id, NULL, &st)), RX_EUSAGE,
	    REASON_MISSING);
	assert_true(unchanged(w.d1, &before));
}

static void
test_not_permitted_to_erase_for_anybody_but_the_director(void **state)
{
	struct rx_session *const who[] = { w.d2, w.wide, w.s1, w.county,
	    w.admin };
	struct mark before;
	uint8_t id[RX_ID_BYTES];
	size_t i;

	(void)state;
	add_child(w.d1, "ne", VILLAGE1);
	ok(observe(w.d1, "ne-o", "ne", "2025-06-03", "self_harm", "red"),
	    &st);
	find_child(w.d1, "ne", id);
	before = mark_of(w.d1);
	for (i = 0; i < sizeof(who) / sizeof(who[0]); i++)
		refuses(try(rx_child_erase(who[i], id, "理由", &st)),
		    RX_EPERM, NOT_PERMITTED);
	assert_true(unchanged(w.d1, &before));
}

/* ---- statistics and the ledger ---- */

static rx_err
anonymous_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{
	unsigned f;

	(void)u;
	assert_false(r->identity);
	assert_false(r->narrative);
	for (f = 0; f < RX_FIELD_COUNT; f++)
		if (r->v[f].set)
			assert_int_equal(rx_fields[f].comp, RX_COMP_CODED);
	(*(size_t *)cookie)++;
	return (RX_OK);
}

static void
test_statistician_reads_coded_fields_only(void **state)
{
	char unit[RX_UNIT_BYTES];
	size_t n = 0;

	(void)state;
	add_child(w.d1, "an", VILLAGE1);
	ok(observe(w.d1, "an-o", "an", "2025-06-03", "self_harm", "red"),
	    &st);
	must(rx_unit_parse(unit, COUNTY, &st));
	must(rx_coded_each(w.county, unit, anonymous_each, &n, &st));
	assert_true(n >= 2);
}

static void
test_not_permitted_to_count_but_for_a_statistician_above(void **state)
{
	size_t n[RX_TYPE_COUNT];

	(void)state;
	refuses(count(w.d1, VILLAGE1, n), RX_EPERM, NOT_PERMITTED);
	refuses(count(w.s1, TOWN, n), RX_EPERM, NOT_PERMITTED);
	refuses(count(w.admin, CITY, n), RX_EPERM, NOT_PERMITTED);
	refuses(count(w.county, CITY, n), RX_EPERM, NOT_PERMITTED);
	refuses(count(w.county, "350103", n), RX_EPERM, NOT_PERMITTED);
	must(count(w.county, VILLAGE1, n));
}

struct ledger {
	size_t n;
	char last[128];
	uint8_t id[RX_ID_BYTES];
};

static rx_err
ledger_each(void *cookie, const uint8_t id[RX_ID_BYTES], const char *text,
    size_t n, struct rx_status *u)
{
	struct ledger *l = cookie;

	(void)u;
	assert_true(n < sizeof(l->last));
	if (l->n++ > 0)
		assert_true(memcmp(l->id, id, RX_ID_BYTES) < 0);
	memcpy(l->id, id, RX_ID_BYTES);
	memcpy(l->last, text, n);
	l->last[n] = '\0';
	return (RX_OK);
}

static void
test_ledger_is_kept_by_all_statisticians_in_order(void **state)
{
	struct ledger l = { .n = 0 };
	uint8_t id[RX_ID_BYTES];
	size_t before;

	(void)state;
	must(rx_release_each(w.city, ledger_each, &l, &st));
	before = l.n;
	must(rx_release_add(w.county, before, "{\"a\":1}", 7, id, &st));
	(void)usleep(2000);	/* its place is its time, in milliseconds */
	must(rx_release_add(w.city, before + 1, "{\"b\":22}", 8, id, &st));
	l.n = 0;
	must(rx_release_each(w.county, ledger_each, &l, &st));
	assert_int_equal(l.n, before + 2);
	assert_string_equal(l.last, "{\"b\":22}");
	audit_holds(w.county);
}

/* Two who looked at the same ledger: the second one has to look again. */
static void
test_release_checked_against_an_older_ledger_is_refused(void **state)
{
	struct ledger l = { .n = 0 };
	uint8_t id[RX_ID_BYTES];
	size_t before;

	(void)state;
	must(rx_release_each(w.city, ledger_each, &l, &st));
	before = l.n;
	must(rx_release_add(w.county, before, "{}", 2, id, &st));
	refuses(try(rx_release_add(w.city, before, "{}", 2, id, &st)),
	    RX_ECONFLICT, RELEASE_MEANWHILE);
	l.n = 0;
	must(rx_release_each(w.county, ledger_each, &l, &st));
	assert_int_equal(l.n, before + 1);
	audit_holds(w.county);
}

static void
test_statistician_only_the_ledger_is_closed_to_others(void **state)
{
	struct rx_session *const who[] = { w.d1, w.s1, w.admin };
	struct ledger l = { .n = 0 };
	uint8_t id[RX_ID_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		refuses(try(rx_release_add(who[i], 0, "{}", 2, id, &st)),
		    RX_EPERM, STATISTICIAN_ONLY);
		refuses(try(rx_release_each(who[i], ledger_each, &l, &st)),
		    RX_EPERM, STATISTICIAN_ONLY);
	}
	assert_int_equal(l.n, 0);
}

/* The permission is asked first; the key is not there either. */
static void
test_no_register_key_of_the_ledger_for_a_director(void **state)
{
	const struct rx_key *key;

	(void)state;
	must(rx_unit_key(w.d1, RX_REGISTER_KEYS, RX_COMP_AUDIT, 0, &key, NULL,
	    &st));
	refuses(try(rx_unit_key(w.d1, RX_REGISTER_KEYS, RX_COMP_LEDGER, 0,
	    &key, NULL, &st)), RX_EPERM, NO_REGISTER_KEY);
	refuses(try(rx_unit_key(w.s1, RX_REGISTER_KEYS, RX_COMP_LEDGER, 0,
	    &key, NULL, &st)), RX_EPERM, NO_REGISTER_KEY);
	must(rx_unit_key(w.county, RX_REGISTER_KEYS, RX_COMP_LEDGER, 0, &key,
	    NULL, &st));
}

/* ---- audit ---- */

static void
anchor_of(const struct rx_audit_head *head, char text[128])
{
	char hex[2 * RX_HASH_BYTES + 1];

	rx_hex(hex, head->hash, RX_HASH_BYTES);
	(void)snprintf(text, 128, "%llu-%s", (unsigned long long)head->seq,
	    hex);
}

static void
test_older_head_is_an_anchor_of_the_chain(void **state)
{
	const struct rx_audit_head head = mark_of(w.d1).head;
	char anchor[128];
	uint64_t entries;

	(void)state;
	anchor_of(&head, anchor);
	add_child(w.d1, "ah", VILLAGE1);
	must(rx_audit_verify(w.d1, anchor, &entries, NULL, NULL, &st));
	assert_int_equal(entries, mark_of(w.d1).head.seq);
}

static void
test_audit_anchor_off_the_chain_is_refused(void **state)
{
	struct rx_audit_head head = mark_of(w.d1).head;
	char anchor[128];

	(void)state;
	head.hash[0] ^= 1;
	anchor_of(&head, anchor);
	refuses(try(rx_audit_verify(w.d1, anchor, NULL, NULL, NULL, &st)),
	    RX_ECORRUPT, ANCHOR_FORK);
	/* One that lies ahead: the register was rolled back. */
	head.hash[0] ^= 1;
	head.seq++;
	anchor_of(&head, anchor);
	refuses(try(rx_audit_verify(w.d1, anchor, NULL, NULL, NULL, &st)),
	    RX_ECORRUPT, ANCHOR_ROLLBACK);
}

static void
test_anchor_invalid_is_refused(void **state)
{
	static const char *const bad[] = { "", "1", "1-", "-1-00", "x-00",
	    "0-0000000000000000000000000000000000000000000000000000000000000000"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(try(rx_audit_verify(w.d1, bad[i], NULL, NULL, NULL,
		    &st)), RX_EUSAGE, ANCHOR_INVALID);
}

/* ---- long sessions, several processes, sudden death ---- */

/* Locked memory of this process, kB. */
static long
locked_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kb = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmLck: %ld kB", &kb) == 1)
			break;
	assert_int_equal(fclose(f), 0);
	assert_true(kb >= 0);
	return (kb);
}

static void
test_long_session_does_not_lock_ever_more_memory(void **state)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_case c;
	long before;
	int i;

	(void)state;
	add_child(w.d1, "lo", VILLAGE1);
	before = locked_memory();
	for (i = 0; i < 200; i++) {
		find_child(w.d1, "lo", id);
		add_child(w.d1, "lo", VILLAGE1);	/* there already */
		refuses(observe(w.d1, "lo-o", "nobody", "2025-06-01",
		    "mood_low", "green"), RX_ENOENT, CHILD_UNKNOWN);
		rx_case_init(&c);
		must(rx_case_load(&c, w.d1, id, VILLAGE1 "\0\0\0",
		    RX_CASE_KEYS, &st));
		rx_case_done(&c, w.d1);
	}
	assert_true(locked_memory() - before < 32);
}

/* In a process of its own: sign in as ${user} and save ${n} observations. */
static pid_t
writer(const char *user, const char *child, int n)
{
	struct rx_session *s;
	char id[64];
	pid_t pid;
	int i;

	if ((pid = fork()) != 0)
		return (pid);
	if (try(open_as(&s, w.dir, user, user)) != RX_OK)
		_exit(1);
	for (i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "%s-%d", child, i);
		if (observe(s, id, child, "2025-06-03", "mood_low",
		    "green") != RX_OK)
			_exit(2);
	}
	rx_session_close(s);
	_exit(0);
}

static void
wait_well(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_two_processes_save_by_turns(void **state)
{
	pid_t a, b;
	int i;

	(void)state;
	add_child(w.d1, "pa", VILLAGE1);
	add_child(w.d2, "pb", VILLAGE2);
	a = writer("d1", "pa", 25);
	b = writer("d2", "pb", 25);
	/* And this one between them. */
	for (i = 0; i < 20; i++) {
		ok(consent(w.d1, i % 2 ? "pa-c1" : "pa-c0", "pa",
		    "2025-06-01", "given"), &st);
		(void)usleep(10000);
	}
	wait_well(a);
	wait_well(b);
	assert_int_equal(listed(w.d1, "pa").row.observations, 25);
	assert_int_equal(listed(w.d2, "pb").row.observations, 25);
	audit_holds(w.d1);
}

/* Two people answer at once with the same id: one is stored. */
static void
test_same_record_from_two_processes_is_stored_once(void **state)
{
	uint8_t child[RX_ID_BYTES];
	pid_t a, b;

	(void)state;
	add_child(w.d1, "sp", VILLAGE1);
	a = writer("d1", "sp", 20);
	b = writer("d1", "sp", 20);
	wait_well(a);
	wait_well(b);
	find_child(w.d1, "sp", child);
	assert_int_equal(rows_of(w.d1, RX_Q_RECORD_VERSIONS, child), 20);
	audit_holds(w.d1);
}

static void
die_at(void *cookie, size_t done, size_t total)
{

	if (100 * done >= (size_t)*(int *)cookie * total)
		(void)kill(getpid(), SIGKILL);
}

/* A file of one child and many observations of it. */
static void
write_big_file(const char *path, const char *child, int lines)
{
	FILE *f = fopen(path, "we");
	int i;

	assert_non_null(f);
	(void)fprintf(f, "{\"type\":\"child\",\"id\":\"%s\",\"unit\":\""
	    VILLAGE1 "\",\"name\":\"林\",\"sex\":\"m\",\"birth\":\"2014-05\","
	    "\"categories\":[\"orphan\"],\"legal_basis\":\"consent\"}\n",
	    child);
	for (i = 0; i < lines; i++)
		(void)fprintf(f, "{\"type\":\"observation\",\"id\":\"%s-%d\","
		    "\"child\":\"%s\",\"date\":\"2025-06-03\",\"channel\":"
		    "\"talk\",\"signs\":[],\"risk\":\"green\"}\n", child, i,
		    child);
	assert_int_equal(fclose(f), 0);
}

static void
test_import_that_is_killed_stores_nothing(void **state)
{
	static int percent[] = { 20, 60, 90, 100 };
	struct rx_import_counts counts;
	struct rx_session *s;
	struct mark before;
	char path[300];
	size_t i;
	int status;
	pid_t pid;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.ndjson", w.dir);
	write_big_file(path, "ki", 2500);
	for (i = 0; i < 4; i++) {
		before = mark_of(w.d1);
		if ((pid = fork()) == 0) {
			if (try(open_as(&s, w.dir, "d1", "d1")) == RX_OK &&
			    rx_import(s, path, &counts, die_at, &percent[i],
			    &st) == RX_OK)
				_exit(0);
			_exit(1);
		}
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		/* At 100 per cent it is committed; before, nothing is. */
		assert_int_equal(listed(w.d1, "ki").found, percent[i] == 100);
		if (percent[i] < 100)
			assert_true(memcmp(mark_of(w.d1).digest,
			    before.digest, RX_HASH_BYTES) == 0);
		audit_holds(w.d1);
	}
	assert_int_equal(listed(w.d1, "ki").row.observations, 2500);
	must(rx_import(w.d1, path, &counts, NULL, NULL, &st));
	assert_int_equal(counts.present, 2501);
	assert_int_equal(unlink(path), 0);
}

/* A line that speaks of a child who comes later in the file is about that one,
 * although another with the same id is stored. */
static void
test_child_of_the_file_goes_before_one_stored_elsewhere(void **state)
{
	static const char after[] = OBSERVATION_LINE("fb-1", "fb", "2025-06-01")
	    CHILD_LINE("fb", "350103001005");
	static const char before[] = CHILD_LINE("fb", "350103001005")
	    OBSERVATION_LINE("fb-1", "fb", "2025-06-01");
	struct rx_import_counts counts;

	(void)state;
	add_child(w.wide, "fb", "350103001002");
	ok(import(w.wide, &counts, after), &st);
	assert_int_equal(counts.saved[RX_OBSERVATION], 1);
	ok(import(w.wide, &counts, before), &st);
	assert_int_equal(counts.present, 2);
}

/* Killed from outside at any moment, the commit included. */
static void
test_killed_at_any_moment_it_is_all_or_nothing(void **state)
{
	struct rx_import_counts counts;
	struct rx_session *s;
	char path[300], child[16];
	struct listed l;
	int i, status;
	pid_t pid;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.ndjson", w.dir);
	for (i = 0; i < 6; i++) {
		(void)snprintf(child, sizeof(child), "kj%d", i);
		write_big_file(path, child, 400);
		if ((pid = fork()) == 0) {
			if (try(open_as(&s, w.dir, "d1", "d1")) == RX_OK &&
			    rx_import(s, path, &counts, NULL, NULL, &st) ==
			    RX_OK)
				_exit(0);
			_exit(1);
		}
		assert_true(pid > 0);
		(void)usleep(150000 + 60000 * (unsigned)i);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		l = listed(w.d1, child);
		assert_true(l.found == 0 || l.row.observations == 400);
		audit_holds(w.d1);
	}
	assert_int_equal(unlink(path), 0);
}

/* ---- cases whose keys are not what they should be; last, for the lists of
 * that director fail after it ---- */

/* Give the case ${id} of ${unit} further epochs, up to ${last}. */
static void
add_epochs(struct rx_session *s, const uint8_t *id, const char *unit,
    uint32_t last)
{
	uint8_t box[3][RX_ENV_OVERHEAD + RX_KEY_BYTES], plain[RX_KEY_BYTES];
	static const enum rx_compartment comps[3] = { RX_COMP_IDENTITY,
	    RX_COMP_NARRATIVE, RX_COMP_CODED };
	const struct rx_key *key;
	struct rx_place place;
	struct rx_value v[6];
	uint32_t epoch, key_epoch;
	size_t k;

	must(rx_store_begin(s->store, &st));
	for (epoch = 2; epoch <= last; epoch++) {
		for (k = 0; k < 3; k++) {
			rx_random(plain, sizeof(plain));
			must(rx_unit_key(s, unit, comps[k], 0, &key,
			    &key_epoch, &st));
			rx_place_init(&place, s, unit, id, id,
			    RX_TABLE_CASE_KEY, (uint32_t)(3 + k), epoch);
			must(rx_envelope_seal(box[k], key, RX_ENV_KEY,
			    comps[k], key_epoch, &place, plain,
			    sizeof(plain), &st));
			v[3 + k] = rx_bytes(box[k], sizeof(box[k]));
		}
		v[0] = rx_bytes(id, RX_ID_BYTES);
		v[1] = rx_int(epoch);
		v[2] = rx_text(unit);
		must(rx_store_insert(s->store, RX_TABLE_CASE_KEY, v, &st));
	}
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
}

static void
test_case_epochs_more_than_are_known_are_refused(void **state)
{
	char unit[RX_UNIT_BYTES];
	uint8_t id[RX_ID_BYTES];

	(void)state;
	add_child(w.wide, "ce8", "350103003002");
	add_child(w.wide, "ce9", "350103003002");
	must(rx_unit_parse(unit, "350103003002", &st));
	find_child(w.wide, "ce8", id);
	add_epochs(w.wide, id, unit, RX_CASE_EPOCHS);
	must(show(w.wide, "ce8", NULL, NULL));
	find_child(w.wide, "ce9", id);
	add_epochs(w.wide, id, unit, RX_CASE_EPOCHS + 1);
	refuses(show(w.wide, "ce9", NULL, NULL), RX_EINTERNAL, CASE_EPOCHS);
}

static void
test_case_keys_missing_is_told(void **state)
{
	struct rx_value key[2];
	uint8_t id[RX_ID_BYTES];
	bool deleted;

	(void)state;
	add_child(w.wide, "ck", "350103003003");
	find_child(w.wide, "ck", id);
	must(rx_store_begin(w.wide->store, &st));
	key[0] = rx_bytes(id, RX_ID_BYTES);
	key[1] = rx_int(1);
	must(rx_store_delete(w.wide->store, RX_TABLE_CASE_KEY, key, &deleted,
	    &st));
	assert_true(deleted);
	must(rx_finish(w.wide, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	refuses(show(w.wide, "ck", NULL, NULL), RX_ECORRUPT,
	    CASE_KEYS_MISSING);
	refuses(observe(w.wide, "ck-o", "ck", "2025-06-01", "mood_low",
	    "green"), RX_ECORRUPT, CASE_KEYS_MISSING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_saving_twice_stores_once),
		cmocka_unit_test(test_saving_an_activity_twice_stores_once),
		cmocka_unit_test(test_record_without_an_id_gets_one),
		cmocka_unit_test(
		    test_uuid_of_a_child_is_accepted_as_reference),
		cmocka_unit_test(
		    test_id_conflict_other_content_under_one_id_is_refused),
		cmocka_unit_test(
		    test_id_conflict_with_a_record_of_another_child_is_refused),
		cmocka_unit_test(test_same_id_of_two_types_is_two_records),
		cmocka_unit_test(test_ids_are_scoped_to_the_unit),
		cmocka_unit_test(
		    test_child_ambiguous_in_two_villages_is_refused),
		cmocka_unit_test(test_child_unknown_is_refused),
		cmocka_unit_test(test_child_twice_in_an_activity_is_refused),
		cmocka_unit_test(test_date_before_birth_is_refused),
		cmocka_unit_test(
		    test_correction_is_a_new_version_and_the_old_one_stays),
		cmocka_unit_test(test_correction_of_a_child_keeps_its_case),
		cmocka_unit_test(test_correction_of_what_is_not_there_is_new),
		cmocka_unit_test(
		    test_not_correctable_reports_and_consent_are_refused),
		cmocka_unit_test(test_not_permitted_to_write_for_another_unit),
		cmocka_unit_test(
		    test_not_permitted_to_write_in_a_case_that_is_not_ones_own),
		cmocka_unit_test(test_unit_unknown_to_the_register_is_refused),
		cmocka_unit_test(
		    test_wide_director_writes_below_and_makes_the_keys),
		cmocka_unit_test(
		    test_statistician_adds_activities_without_children_for_his_own),
		cmocka_unit_test(
		    test_not_permitted_for_a_statistician_with_children_or_elsewhere),
		cmocka_unit_test(
		    test_urgent_and_flag_signs_raise_a_flag_others_do_not),
		cmocka_unit_test(
		    test_one_urgent_sign_among_others_raises_the_flag),
		cmocka_unit_test(test_explicit_flag_raises_one),
		cmocka_unit_test(
		    test_consent_withdrawn_makes_the_file_read_only),
		cmocka_unit_test(test_consent_given_again_reopens_the_file),
		cmocka_unit_test(
		    test_consent_withdrawn_is_not_undone_by_an_older_consent),
		cmocka_unit_test(
		    test_director_lists_his_own_children_with_names),
		cmocka_unit_test(
		    test_supervisor_lists_his_villages_without_names),
		cmocka_unit_test(
		    test_cases_not_yours_statistician_and_administrator_are_refused),
		cmocka_unit_test(test_list_filters_keep_flagged_and_due),
		cmocka_unit_test(test_failure_of_the_caller_ends_the_list),
		cmocka_unit_test(
		    test_search_finds_by_number_and_by_part_of_the_name),
		cmocka_unit_test(test_search_empty_is_refused),
		cmocka_unit_test(test_case_is_shown_whole_by_date),
		cmocka_unit_test(test_every_sight_of_names_is_in_the_audit),
		cmocka_unit_test(
		    test_case_closed_to_the_supervisor_without_a_flag),
		cmocka_unit_test(
		    test_due_red_first_after_a_day_then_after_seven),
		cmocka_unit_test(test_due_after_orange_yellow_and_green),
		cmocka_unit_test(test_due_follow_up_on_wins),
		cmocka_unit_test(test_due_after_an_urgent_sign_is_as_after_red),
		cmocka_unit_test(
		    test_due_follows_the_latest_date_not_the_latest_entry),
		cmocka_unit_test(
		    test_due_of_one_day_in_a_file_follows_the_order_of_lines),
		cmocka_unit_test(test_due_of_a_new_child_is_five_working_days),
		cmocka_unit_test(test_due_is_none_after_a_closing_outcome),
		cmocka_unit_test(
		    test_erased_child_leaves_nothing_in_the_files),
		cmocka_unit_test(
		    test_reason_missing_for_an_erasure_is_refused),
		cmocka_unit_test(
		    test_not_permitted_to_erase_for_anybody_but_the_director),
		cmocka_unit_test(test_statistician_reads_coded_fields_only),
		cmocka_unit_test(
		    test_not_permitted_to_count_but_for_a_statistician_above),
		cmocka_unit_test(
		    test_ledger_is_kept_by_all_statisticians_in_order),
		cmocka_unit_test(
		    test_release_checked_against_an_older_ledger_is_refused),
		cmocka_unit_test(
		    test_statistician_only_the_ledger_is_closed_to_others),
		cmocka_unit_test(
		    test_no_register_key_of_the_ledger_for_a_director),
		cmocka_unit_test(test_older_head_is_an_anchor_of_the_chain),
		cmocka_unit_test(test_audit_anchor_off_the_chain_is_refused),
		cmocka_unit_test(test_anchor_invalid_is_refused),
		cmocka_unit_test(
		    test_long_session_does_not_lock_ever_more_memory),
		cmocka_unit_test(test_two_processes_save_by_turns),
		cmocka_unit_test(
		    test_same_record_from_two_processes_is_stored_once),
		cmocka_unit_test(test_import_that_is_killed_stores_nothing),
		cmocka_unit_test(
		    test_child_of_the_file_goes_before_one_stored_elsewhere),
		cmocka_unit_test(
		    test_killed_at_any_moment_it_is_all_or_nothing),
		cmocka_unit_test(
		    test_case_epochs_more_than_are_known_are_refused),
		cmocka_unit_test(test_case_keys_missing_is_told),
	};

	return (cmocka_run_group_tests_name("register", tests, setup,
	    teardown));
}
