/* Invented children and what happened to them.  Nobody is meant: names are
 * made of syllables that say "example", and the numbers belong to no region. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "cli/demo.h"
#include "crypto/memory.h"

/* Two communities of each of two subdistricts. */
const char *const rx_demo_villages[RX_DEMO_VILLAGES] = {
	"350102001001", "350102001002", "350102002002", "350102002003"
};

struct kid {
	int32_t birth;		/* month */
	bool girl;
	unsigned leaning;	/* 0 calm .. 3 in trouble */
	int age;		/* years, today */
};

struct maker {
	const struct rx_demo *demo;
	struct kid *kids;
	struct rx_buf *out;
	uint64_t random;
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PICK(m, a) ((a)[below((m), COUNT(a))])

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t
next(struct maker *m)
{
	uint64_t z = (m->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31));
}

/* 0 .. n - 1 */
static unsigned
below(struct maker *m, size_t n)
{

	return ((unsigned)(next(m) % n));
}

/* How long ago the last child's consent was withdrawn: all that was written
 * about that child is older. */
#define WITHDRAWN_DAYS 3

/* How long ago something happened to child ${c}, at most ${days}. */
static unsigned
when(struct maker *m, unsigned c, unsigned days)
{
	unsigned ago = below(m, days);

	if (c == m->demo->children - 1 && ago <= WITHDRAWN_DAYS)
		ago += WITHDRAWN_DAYS + 1;
	return (ago);
}

static void
days_ago(const struct maker *m, unsigned days, char out[RX_DATE_TEXT])
{

	rx_date_format(m->demo->today - (int32_t)days, out);
}

/* A number of region 999999, which does not exist, with its check character
 * (GB 11643, ISO 7064 MOD 11-2). */
static void
id_number(int32_t birth, bool girl, unsigned no, char out[19])
{
	static const char check[] = "10X98765432";
	static const unsigned weight[] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9,
		10, 5, 8, 4, 2 };
	unsigned i, sum = 0, serial = (no * 2 + (girl ? 0 : 1)) % 1000;

	(void)snprintf(out, 19, "999999%04u%02u%02u%03u",
	    (unsigned)(birth / 12) % 10000, (unsigned)(birth % 12) + 1,
	    no % 28 + 1, serial);
	for (i = 0; i < 17; i++)
		sum += (unsigned)(out[i] - '0') * weight[i];
	out[17] = check[sum % 11];
	out[18] = '\0';
}

/* A unified social credit code of region 999999 with its check character
 * (GB 32100). */
static void
agency(unsigned no, char out[19])
{
	static const char set[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	unsigned i, sum = 0, weight = 1;

	(void)snprintf(out, 19, "52999999MJ%07u", no);
	for (i = 0; i < 17; i++) {
		sum += (unsigned)(strchr(set, out[i]) - set) * weight;
		weight = weight * 3 % 31;
	}
	out[17] = set[(31 - sum % 31) % 31];
	out[18] = '\0';
}

/* ---- children ---- */

static rx_err
child(struct maker *m, unsigned i, struct rx_status *st)
{
	static const char *const family[] = { "例", "拟", "演", "样", "虚" };
	static const char *const given[] = { "星", "禾", "朵", "澜", "果", "野",
		"苗", "溪", "晨", "帆", "笛", "松", "岚", "点", "团", "穗" };
	static const char *const category[] = { "left_behind", "left_behind",
		"migrant", "poverty", "de_facto_unsupported", "orphan",
		"disability_illness", "guardianship_deficit" };
	/* The last two are for pupils. */
	static const char *const priority[] = { "\"single_parent\"",
		"\"family_crisis\"", "\"economic_hardship\"", "", "", "",
		"\"academic_pressure\",\"economic_hardship\"",
		"\"exam_transition\"" };
	static const unsigned leanings[] = { 0, 0, 0, 0, 1, 1, 1, 2, 2, 3 };
	struct kid *k = &m->kids[i];
	char number[19], consent[RX_DATE_TEXT], birth[RX_MONTH_TEXT];
	const char *f = family[i % COUNT(family)], *name, *guardian, *cat, *pri;
	const char *school;

	/* One by one: the order in which arguments are worked out is open. */
	k->girl = below(m, 2) == 0;
	k->birth = rx_date_month(m->demo->today) - 40 - (int32_t)below(m, 160);
	k->leaning = PICK(m, leanings);
	name = PICK(m, given);
	guardian = PICK(m, given);
	cat = PICK(m, category);
	k->age = rx_age(k->birth, m->demo->today);
	pri = priority[below(m, COUNT(priority) - (k->age < 8 ? 2 :
	    k->age < 11 ? 1 : 0))];
	school = k->age < 6 ? "幼儿园" : k->age < 12 ? "小学" : "中学";
	id_number(k->birth, k->girl, i, number);
	rx_month_format(k->birth, birth);
	days_ago(m, 400 + below(m, 60), consent);
	return (rx_buf_printf(&m->out[i % RX_DEMO_VILLAGES], st,
	    "{\"type\":\"child\",\"id\":\"c%u\",\"unit\":\"%s\","
	    "\"name\":\"%s%s%s\",\"sex\":\"%s\",\"birth\":\"%s\","
	    "\"id_number\":\"%s\",\"phone\":\"100%08u\","
	    "\"address\":\"示例路%u号\",\"school\":\"示例第%u%s\","
	    "\"guardian_name\":\"%s%s\",\"guardian_phone\":\"101%08u\","
	    "\"categories\":[\"%s\"],\"priority\":[%s],"
	    "\"legal_basis\":\"consent\",\"consent_by\":\"guardian\","
	    "\"consent_on\":\"%s\"}\n", i + 1,
	    rx_demo_villages[i % RX_DEMO_VILLAGES], f,
	    given[i / COUNT(family) % COUNT(given)], name,
	    k->girl ? "f" : "m", birth, number, i + 1, i + 1, i % 3 + 1, school, f,
	    guardian, i + 1, cat, pri, consent));
}

/* ---- observations ---- */

/* What is seen at each level: 0 calm .. 3 in trouble, of pupils and of those who
 * do not go to school yet. */
static const char *const signs_of[4][4] = {
	{ "", "", "\"screen_overuse\"", "\"somatic\"" },
	{ "\"mood_low\"", "\"anxious_fear\"",
	    "\"sleep_change\",\"irritable\"", "\"grief\"" },
	{ "\"worthless_talk\",\"mood_low\"", "\"bullied\",\"school_refusal\"",
	    "\"aggression\",\"irritable\"",
	    "\"withdrawn\",\"appetite_change\",\"sleep_change\"" },
	{ "\"self_harm\",\"mood_low\"", "\"death_talk\",\"worthless_talk\"",
	    "\"unsafe_home\"", "\"death_talk\",\"withdrawn\"" },
};
static const char *const signs_of_small[4][2] = {
	{ "", "" }, { "\"anxious_fear\"", "\"sleep_change\"" },
	{ "\"regression\",\"withdrawn\"", "\"aggression\",\"irritable\"" },
	{ "\"unsafe_home\"", "\"unsafe_home\"" },
};
static const char *const notes_of[4][3] = {
	{ "（演示）与祖辈交谈，了解作息和饮食，情况平稳。",
	    "（演示）一起做了手工，临走时主动道别。",
	    "（演示）孩子愿意多说几句，提到想和父母视频。" },
	{ "（演示）比上次话少，约定下周再去看看。",
	    "（演示）孩子说晚上睡不好，已请家里人多陪伴。",
	    "（演示）家里近来有变故，孩子情绪有些起伏。" },
	{ "（演示）低着头不愿说话，已约社工一起上门。",
	    "（演示）家里人说近来常发脾气，已转告督导员。",
	    "（演示）与平时判若两人，两周内再访。" },
	{ "（演示）情况紧急，已陪伴在旁并拨打电话求助。",
	    "（演示）已请家中可靠的大人陪伴，当天报告督导员。",
	    "（演示）当天上门，确认孩子安全后离开。" },
};
/* Days until the next visit after each level. */
static const unsigned interval_of[4] = { 90, 30, 14, 7 };

/**
 * visited(m, c, turn, turns):
 * How many days ago visit ${turn} of ${turns} to child ${c} was, 0 the latest.
 * The latest is within the interval of what the child leans to, or in one case
 * of six a little late; the others lie behind it, evenly over a year.
 */
static unsigned
visited(struct maker *m, unsigned c, unsigned turn, unsigned turns)
{
	const unsigned interval = interval_of[m->kids[c].leaning];
	unsigned latest, step;

	/* The same for all visits to the child. */
	latest = (c * 37 + 11) % (interval + interval / 5 + 1);
	if (turn == 0)
		return (c == m->demo->children - 1 && latest <= WITHDRAWN_DAYS ?
		    WITHDRAWN_DAYS + 1 : latest);
	step = (364 - latest) / turns;
	return (latest + WITHDRAWN_DAYS + 1 + step * turn - below(m, step / 2 +
	    1));
}

static rx_err
observation(struct maker *m, unsigned i, struct rx_status *st)
{
	static const char *const channel[] = { "home_visit", "home_visit",
		"home_visit", "talk", "talk", "phone_video", "school",
		"guardian", "community", "activity" };
	static const char *const risks[] = { "green", "yellow", "orange",
		"red" };
	const unsigned n = m->demo->children, c = i % n, turn = i / n;
	const unsigned roll = below(m, 100);
	unsigned level = m->kids[c].leaning;
	char date[RX_DATE_TEXT];
	const char *signs, *how, *note;

	/* Mostly what the child leans to, sometimes one step less or more; the
	 * latest visit says where the child stands. */
	if (turn > 0 && roll < 25 && level > 0)
		level--;
	else if (turn > 0 && roll > 93 && level < 3)
		level++;
	signs = m->kids[c].age < 7 ? PICK(m, signs_of_small[level]) :
	    PICK(m, signs_of[level]);
	how = PICK(m, channel);
	note = PICK(m, notes_of[level]);
	days_ago(m, visited(m, c, turn, (m->demo->observations - c + n - 1) /
	    n), date);
	return (rx_buf_printf(&m->out[c % RX_DEMO_VILLAGES], st,
	    "{\"type\":\"observation\",\"id\":\"o%u\",\"child\":\"c%u\","
	    "\"date\":\"%s\",\"channel\":\"%s\",\"signs\":[%s],"
	    "\"risk\":\"%s\",\"note\":\"%s\"}\n", i + 1, c + 1, date,
	    how, signs, risks[level], note));
}

/* ---- interventions ---- */

/* The part of an intervention that its kind asks for. */
static rx_err
details(struct maker *m, const char *kind, bool delivered,
    struct rx_buf *out, struct rx_status *st)
{
	static const char *const at_home[] = { "visit_condolence",
		"companionship", "emotional_relief", "guardian_guidance",
		"in_kind" };
	char code[19];
	size_t i;

	for (i = 0; i < COUNT(at_home); i++)
		if (delivered && strcmp(kind, at_home[i]) == 0)
			return (rx_buf_printf(out, st,
			    ",\"face_to_face\":true"));
	if (strcmp(kind, "cash_condolence") == 0)
		return (rx_buf_printf(out, st, ",\"amount_fen\":%u",
		    10000 * (2 + below(m, 9))));
	if (strcmp(kind, "individual_counselling") == 0 ||
	    strcmp(kind, "agency_link") == 0) {
		agency(below(m, 3) + 1, code);
		return (rx_buf_printf(out, st,
		    ",\"professional\":true,\"agency\":\"%s\"", code));
	}
	return (RX_OK);
}

/* One in four has a need, and most needs are resolved; what was not delivered
 * goes on.  A need is resolved on the day of the help or later. */
static rx_err
need(struct maker *m, unsigned c, unsigned ago, bool delivered,
    struct rx_buf *out, struct rx_status *st)
{
	static const char *const needs[] = { "（演示）想和外地父母联系",
		"（演示）缺少课桌和台灯", "（演示）上学路远", "（演示）低保材料不全" };
	static const char *const outcomes[] = { "ongoing", "improved",
		"improved" };
	const unsigned least = c == m->demo->children - 1 ?
	    WITHDRAWN_DAYS + 1 : 0;
	char date[RX_DATE_TEXT];
	unsigned solved;
	rx_err rc;

	if (!delivered)
		return (rx_buf_printf(out, st, ",\"outcome\":\"ongoing\""));
	if (below(m, 4) != 0)
		return (rx_buf_printf(out, st, ",\"outcome\":\"%s\"",
		    PICK(m, outcomes)));
	if ((rc = rx_buf_printf(out, st, ",\"need\":\"%s\"",
	    PICK(m, needs))) != RX_OK)
		return (rc);
	if (below(m, 10) < 3)
		return (rx_buf_printf(out, st, ",\"outcome\":\"ongoing\""));
	solved = below(m, 21) < ago ? ago - below(m, ago < 21 ? ago + 1 : 21) :
	    ago;
	days_ago(m, solved < least ? ago : solved, date);
	return (rx_buf_printf(out, st,
	    ",\"outcome\":\"resolved\",\"need_resolved_on\":\"%s\"", date));
}

static rx_err
intervention(struct maker *m, unsigned i, struct rx_status *st)
{
	static const char *const kinds[] = { "companionship",
		"emotional_relief", "guardian_guidance", "visit_condolence",
		"visit_condolence", "cash_condolence", "in_kind",
		"policy_help", "individual_counselling", "agency_link",
		"pairing" };
	unsigned c = below(m, m->demo->children), ago = when(m, c, 365);
	struct rx_buf *out = &m->out[c % RX_DEMO_VILLAGES];
	const char *kind = PICK(m, kinds);
	/* Of the last month a quarter is promised only. */
	const bool delivered = ago > 30 || below(m, 4) != 0;
	char date[RX_DATE_TEXT];
	rx_err rc;

	days_ago(m, ago, date);
	rc = rx_buf_printf(out, st, "{\"type\":\"intervention\","
	    "\"id\":\"i%u\",\"child\":\"c%u\",\"date\":\"%s\","
	    "\"kind\":\"%s\",\"delivered\":%s", i + 1, c + 1, date, kind,
	    delivered ? "true" : "false");
	if (rc == RX_OK)
		rc = details(m, kind, delivered, out, st);
	if (rc == RX_OK)
		rc = need(m, c, ago, delivered, out, st);
	if (rc == RX_OK)
		rc = rx_buf_printf(out, st, "}\n");
	return (rc);
}

/* ---- activities ---- */

/* The ids of up to five children of village ${v}. */
static rx_err
attending(struct maker *m, unsigned v, struct rx_buf *out,
    struct rx_status *st)
{
	unsigned c, n = 0;
	rx_err rc = RX_OK;

	for (c = v; rc == RX_OK && n < 5 && c < m->demo->children;
	    c += RX_DEMO_VILLAGES * (1 + below(m, 3)), n++)
		rc = rx_buf_printf(out, st, "%s\"c%u\"", n > 0 ? "," : "",
		    c + 1);
	return (rc);
}

static rx_err
village_activity(struct maker *m, unsigned v, unsigned i,
    struct rx_status *st)
{
	static const char *const kinds[] = { "theme_activity",
		"group_counselling", "parent_child_group", "mh_publicity" };
	struct rx_buf *out = &m->out[v];
	char date[RX_DATE_TEXT], code[19];
	rx_err rc;

	days_ago(m, WITHDRAWN_DAYS + 1 + below(m, 360), date);
	agency(below(m, 3) + 1, code);
	rc = rx_buf_printf(out, st, "{\"type\":\"activity\",\"id\":\"a%u-%u\","
	    "\"unit\":\"%s\",\"date\":\"%s\",\"kind\":\"%s\","
	    "\"venue\":\"儿童之家\",\"agency\":\"%s\",\"held\":true,"
	    "\"sessions\":%u,\"children\":[", v + 1, i + 1,
	    rx_demo_villages[v], date, kinds[i % COUNT(kinds)], code,
	    1 + below(m, 2));
	if (rc == RX_OK)
		rc = attending(m, v, out, st);
	if (rc == RX_OK)
		rc = rx_buf_printf(out, st, "]}\n");
	return (rc);
}

static rx_err
county_activities(struct maker *m, struct rx_status *st)
{
	static const char *const kinds[] = { "theme_activity", "mh_publicity",
		"service_list_published" };
	char date[RX_DATE_TEXT];
	rx_err rc = RX_OK;
	unsigned i;

	for (i = 0; rc == RX_OK && i < COUNT(kinds); i++) {
		days_ago(m, below(m, 300), date);
		rc = rx_buf_printf(&m->out[RX_DEMO_VILLAGES], st,
		    "{\"type\":\"activity\",\"id\":\"county%u\","
		    "\"unit\":\"" RX_DEMO_UNIT "\",\"date\":\"%s\","
		    "\"kind\":\"%s\",\"venue\":\"未成年人救助保护中心\","
		    "\"held\":true}\n", i + 1, date, kinds[i]);
	}
	return (rc);
}

/* ---- flags, one report, one withdrawal ---- */

static rx_err
flag(struct maker *m, unsigned v, struct rx_status *st)
{
	char date[RX_DATE_TEXT];

	if (v >= m->demo->children)
		return (RX_OK);
	days_ago(m, 1 + below(m, 20), date);
	return (rx_buf_printf(&m->out[v], st, "{\"type\":\"flag\","
	    "\"id\":\"f%u\",\"child\":\"c%u\",\"date\":\"%s\","
	    "\"reason\":\"（演示）连续两次家访情绪低落，请督导员看看。\"}\n",
	    v + 1, v + 1, date));
}

static rx_err
report_and_withdrawal(struct maker *m, struct rx_status *st)
{
	unsigned last = m->demo->children;
	char date[RX_DATE_TEXT];
	rx_err rc;

	days_ago(m, 12, date);
	rc = rx_buf_printf(&m->out[0], st, "{\"type\":\"report\","
	    "\"id\":\"m1\",\"child\":\"c1\",\"date\":\"%s\","
	    "\"situations\":[\"mr6_abandoned\"],\"authority\":\"示例派出所\","
	    "\"reference\":\"演示-0001\"}\n", date);
	if (rc != RX_OK || last <= RX_DEMO_VILLAGES)
		return (rc);
	days_ago(m, WITHDRAWN_DAYS, date);
	return (rx_buf_printf(&m->out[(last - 1) % RX_DEMO_VILLAGES], st,
	    "{\"type\":\"consent\",\"id\":\"w1\",\"child\":\"c%u\","
	    "\"date\":\"%s\",\"state\":\"withdrawn\",\"by\":\"guardian\"}\n",
	    last, date));
}

static rx_err
make_all(struct maker *m, struct rx_status *st)
{
	unsigned i, v;
	rx_err rc = RX_OK;

	for (i = 0; rc == RX_OK && i < m->demo->children; i++)
		rc = child(m, i, st);
	for (i = 0; rc == RX_OK && i < m->demo->observations; i++)
		rc = observation(m, i, st);
	for (i = 0; rc == RX_OK && i < m->demo->observations / 2; i++)
		rc = intervention(m, i, st);
	for (v = 0; rc == RX_OK && v < RX_DEMO_VILLAGES; v++) {
		for (i = 0; rc == RX_OK && i < 4; i++)
			rc = village_activity(m, v, i, st);
		if (rc == RX_OK)
			rc = flag(m, v, st);
	}
	if (rc == RX_OK)
		rc = county_activities(m, st);
	/* A withdrawal makes a file read-only: it comes last. */
	return (rc != RX_OK ? rc : report_and_withdrawal(m, st));
}

rx_err
rx_demo_generate(const struct rx_demo *demo,
    struct rx_buf out[RX_DEMO_VILLAGES + 1], struct rx_status *st)
{
	struct maker m = { demo, NULL, out, demo->seed };
	rx_err rc;

	m.kids = calloc(demo->children, sizeof(m.kids[0]));
	if (m.kids == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = make_all(&m, st);
	free(m.kids);
	return (rc);
}
