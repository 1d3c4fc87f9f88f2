/*
 * web/: templates, guards, the route table.  For the end-to-end tests, with
 * --routes the program prints the table instead, a line each: METHOD PATTERN
 * ROLES; with --keys DIR USER PASSPHRASE, of a register made up for a test, two
 * secret keys that a session of USER holds, to be looked for in the server.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embedded.h"
#include "register/internal.h"
#include "tests/helper.h"
#include "web/web.h"

/* ---- templates ---- */

/* Render ${text} with the JSON ${data}; the answer lives until the next. */
static rx_err
render(const char *text, const char *data, const char **out,
    struct rx_status *st)
{
	static struct rx_buf b;
	json_t *json = json_loads(data, 0, NULL);
	rx_err rc;

	assert_non_null(json);
	rx_buf_free(&b);
	rc = rx_template_render_text(&b, "test", text, strlen(text), json,
	    RX_LANG_EN, st);
	json_decref(json);
	if (rc == RX_OK)
		ok(rx_buf_add(&b, "", 1, st), st);
	*out = (const char *)b.b;
	return (rc);
}

static void
renders(const char *text, const char *data, const char *want)
{
	struct rx_status st;
	const char *got;

	rx_status_clear(&st);
	ok(render(text, data, &got, &st), &st);
	assert_string_equal(got, want);
}

static void
mistaken(const char *text)
{
	struct rx_status st;
	const char *got;

	rx_status_clear(&st);
	refused(render(text, "{\"a\": [1, 2], \"b\": \"x\"}", &got, &st),
	    RX_EINTERNAL, &st);
}

static void
test_every_special_character_is_escaped(void **state)
{

	(void)state;
	renders("<p>{{t}}</p>", "{\"t\": \"<img src=x onerror=alert(1)>\"}",
	    "<p>&lt;img src=x onerror=alert(1)&gt;</p>");
	renders("<p title=\"{{t}}\" lang='{{t}}'>", "{\"t\": \"\\\"'&<>\"}",
	    "<p title=\"&quot;&#39;&amp;&lt;&gt;\" "
	    "lang='&quot;&#39;&amp;&lt;&gt;'>");
	renders("{{t}}", "{\"t\": \"&amp;\"}", "&amp;amp;");
	renders("{{t}}", "{\"t\": \"{{u}}{{@WEB_APP}}\", \"u\": \"no\"}",
	    "{{u}}{{@WEB_APP}}");
	renders("{{t}}", "{\"t\": \"张安\\u2028`$\"}", "张安\xe2\x80\xa8`$");
	/* The control: the raw tag is another one. */
	renders("{{{t}}}", "{\"t\": \"<b>\"}", "<b>");
}

static void
test_values_and_sections(void **state)
{

	(void)state;
	renders("{{n}} {{a.b}} {{none}}", "{\"n\": -7, \"a\": {\"b\": \"c\"}}",
	    "-7 c ");
	renders("{{#l}}{{x}}{{t}},{{/l}}", "{\"t\": \"o\", "
	    "\"l\": [{\"x\": 1}, {\"x\": 2, \"t\": \"i\"}]}", "1o,2i,");
	renders("{{#l}}{{.}};{{/l}}", "{\"l\": [\"a\", \"<\"]}", "a;&lt;;");
	renders("{{^l}}none{{/l}}{{#l}}some{{/l}}", "{\"l\": []}", "none");
	renders("{{#f}}1{{/f}}{{^f}}0{{/f}}{{#s}}1{{/s}}{{^s}}0{{/s}}",
	    "{\"f\": false, \"s\": \"\"}", "00");
	renders("{{#a}}{{#a}}{{b}}{{/a}}{{/a}}", "{\"a\": {\"b\": 1}}", "1");
	renders("{{#o}}{{#o}}x{{/o}}{{/o}}y", "{}", "y");
}

static void
test_a_mistake_in_a_template_is_an_error(void **state)
{

	(void)state;
	mistaken("{{@WEB_NO_SUCH_MESSAGE}}");
	mistaken("{{>no/such/part}}");
	mistaken("{{#a}}no end");
	mistaken("{{/a}}");
	mistaken("{{#a}}{{#b}}{{/a}}{{/b}}");
	mistaken("{{b");
	mistaken("{{}}");
	mistaken("{{#}}{{/}}");
	mistaken("{{a234567890123456789012345678901234567890123456789012345678"
	    "901234567890}}");
}

/* ---- the templates we have ---- */

/* Call ${check} with the name and text of each template. */
static void
each_template(void (*check)(const char *, const char *))
{
	size_t i, n = 0;

	for (i = 0; i < rx_embedded_file_count; i++)
		if (strncmp(rx_embedded_files[i].name, "templates/", 10) ==
		    0) {
			check(rx_embedded_files[i].name,
			    (const char *)rx_embedded_files[i].data);
			n++;
		}
	assert_true(n > 20);
}

/* Everything that ${sign} names in ${text} exists: render each such tag. */
static void
tags_exist(const char *name, const char *text)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	const char *p, *end;
	json_t *none = json_object();

	rx_status_clear(&st);
	for (p = text; (p = strstr(p, "{{")) != NULL; p = end) {
		end = strstr(p, "}}");
		assert_non_null(end);
		end += 2;
		if (p[2] != '@' && p[2] != '>')
			continue;
		ok(rx_template_render_text(&b, name, p, (size_t)(end - p),
		    none, RX_LANG_ZH, &st), &st);
	}
	ok(rx_template_render_text(&b, name, text, strlen(text), none,
	    RX_LANG_EN, &st), &st);
	json_decref(none);
	rx_buf_free(&b);
}

static void
test_templates_name_only_what_exists(void **state)
{

	(void)state;
	each_template(tags_exist);
}

static void
nothing_inline(const char *name, const char *text)
{
	static const char *const banned[] = {
		" style=", "<style", " onclick", " onload", " onerror",
		" onsubmit", " onchange", " oninput", "javascript:",
		"http://", "https://", "target="
	};
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(banned) / sizeof(banned[0]); i++)
		if (strstr(text, banned[i]) != NULL)
			fail_msg("%s has %s", name, banned[i]);
	for (p = text; (p = strstr(p, "<script")) != NULL; p++)
		if (strncmp(p, "<script src=\"/static/", 21) != 0)
			fail_msg("%s has a script of its own", name);
}

static void
test_templates_have_nothing_inline_and_nothing_foreign(void **state)
{

	(void)state;
	each_template(nothing_inline);
}

static void
forms_have_tokens(const char *name, const char *text)
{
	static const char token[] =
	    "<input type=\"hidden\" name=\"csrf\" value=\"{{csrf}}\">";
	const char *p, *end, *found;

	for (p = text; (p = strstr(p, "<form ")) != NULL; p = end) {
		assert_non_null(end = strchr(p, '>'));
		if (memmem(p, (size_t)(end - p), "method=\"post\"", 13) ==
		    NULL) {
			if (memmem(p, (size_t)(end - p), "method=\"get\"",
			    12) == NULL)
				fail_msg("%s: a form without method", name);
			continue;
		}
		assert_non_null(end = strstr(p, "</form>"));
		found = memmem(p, (size_t)(end - p), token,
		    sizeof(token) - 1);
		if (found == NULL)
			fail_msg("%s: a form without token", name);
	}
}

static void
test_every_form_has_its_token(void **state)
{

	(void)state;
	each_template(forms_have_tokens);
}

/* What is typed about a child is not for the browser to remember. */
static void
forms_are_not_remembered(const char *name, const char *text)
{
	const char *p, *end;

	if (strcmp(name, "templates/head.html") == 0 ||
	    strcmp(name, "templates/account/login.html") == 0 ||
	    strcmp(name, "templates/account/passphrase.html") == 0 ||
	    strcmp(name, "templates/account/codes.html") == 0)
		return;
	for (p = text; (p = strstr(p, "<form ")) != NULL; p = end) {
		assert_non_null(end = strchr(p, '>'));
		if (memmem(p, (size_t)(end - p), "autocomplete=\"off\"",
		    18) == NULL)
			fail_msg("%s: a form that browsers remember", name);
	}
}

static void
test_browsers_do_not_remember_what_is_typed(void **state)
{

	(void)state;
	each_template(forms_are_not_remembered);
}

/* The raw tag is for charts of ours only. */
static void
raw_is_rare(const char *name, const char *text)
{

	if (strstr(text, "{{{") != NULL &&
	    strncmp(name, "templates/statistician/", 23) != 0)
		fail_msg("%s is not escaped", name);
}

static void
test_raw_output_is_for_charts_only(void **state)
{

	(void)state;
	each_template(raw_is_rare);
}

static void
test_assets_come_from_the_table_only(void **state)
{
	size_t n;

	(void)state;
	assert_non_null(rx_web_asset("static/app.css", &n));
	assert_true(n > 100);
	assert_null(rx_web_asset("static/../static/app.css", &n));
	assert_null(rx_web_asset("static/", &n));
	assert_null(rx_web_asset("static//app.css", &n));
	assert_null(rx_web_asset("", &n));
}

/* ---- guards ---- */

static void
test_host_is_on_the_list(void **state)
{
	static const char *const good[] = {
		"127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080",
		"[::1]:8080", "10.0.0.5:8080"
	};
	static const char *const bad[] = {
		"evil.example:8080", "127.0.0.1:8081", "127.0.0.1",
		"localhost", "", ":8080", "127.0.0.1:8080:8080",
		"127.0.0.1:", "127.0.0.1:+8080", "127.0.0.1: 8080",
		"127.0.0.1:73616", "localhost.evil.example:8080",
		"evil@127.0.0.1:8080", "[::1:8080", "127.0.0.1:8080/",
		"127.0.0.1.:8080", "office.example:8080"
	};
	struct rx_web_options o = { .address = "10.0.0.5" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!rx_guard_host(&o, 8080, good[i]))
			fail_msg("%s is refused", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rx_guard_host(&o, 8080, bad[i]))
			fail_msg("%s is let in", bad[i]);
	assert_false(rx_guard_host(&o, 8080, NULL));
	assert_true(rx_guard_host(&o, 80, "127.0.0.1"));
	o.host = "office.example";
	assert_true(rx_guard_host(&o, 8080, "office.example"));
	assert_true(rx_guard_host(&o, 8080, "Office.Example:443"));
	assert_false(rx_guard_host(&o, 8080, "office.example.evil"));
	o.tls_cert = "x";
	assert_true(rx_guard_host(&o, 443, "127.0.0.1"));
	assert_false(rx_guard_host(&o, 80, "127.0.0.1"));
}

static void
test_a_form_comes_from_this_server(void **state)
{
	static const char h[] = "127.0.0.1:8080";

	(void)state;
	assert_true(rx_guard_origin(false, h, "http://127.0.0.1:8080",
	    "same-origin"));
	assert_true(rx_guard_origin(false, h, "http://127.0.0.1:8080", NULL));
	assert_true(rx_guard_origin(false, h, NULL, NULL));
	assert_true(rx_guard_origin(true, h, "https://127.0.0.1:8080", NULL));
	assert_false(rx_guard_origin(false, h, "null", NULL));
	assert_false(rx_guard_origin(false, h, "", NULL));
	assert_false(rx_guard_origin(false, h, "http://evil.example", NULL));
	assert_false(rx_guard_origin(false, h, "http://127.0.0.1:8081", NULL));
	assert_false(rx_guard_origin(false, h, "http://127.0.0.1:80801",
	    NULL));
	assert_false(rx_guard_origin(false, h, "https://127.0.0.1:8080",
	    NULL));
	assert_false(rx_guard_origin(true, h, "http://127.0.0.1:8080", NULL));
	assert_false(rx_guard_origin(false, NULL, "http://127.0.0.1:8080",
	    NULL));
	assert_false(rx_guard_origin(false, h, "http://127.0.0.1:8080",
	    "cross-site"));
	assert_false(rx_guard_origin(false, h, NULL, "cross-site"));
	assert_false(rx_guard_origin(false, h, NULL, "same-site"));
}

static void
test_an_account_waits_longer_after_each_failure(void **state)
{
	unsigned i, wait = 0, before;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(rx_guard_wait("li", "10.0.0.1"), 0);
		rx_guard_note("li", "10.0.0.1", false);
	}
	assert_in_range(rx_guard_wait("li", "10.0.0.1"), 1, 2);
	assert_in_range(rx_guard_wait("li", "10.0.0.2"), 1, 2);
	/* The control: others are not held up. */
	assert_int_equal(rx_guard_wait("wang", "10.0.0.1"), 0);
	for (i = 0; i < 12; i++) {
		before = wait;
		rx_guard_note("li", "10.0.0.9", false);
		wait = rx_guard_wait("li", "10.0.0.1");
		assert_true(wait > before || wait == 900);
	}
	assert_int_equal(wait, 900);
	rx_guard_note("li", "10.0.0.1", true);
	assert_int_equal(rx_guard_wait("li", "10.0.0.1"), 0);
}

static void
test_a_source_waits_too(void **state)
{
	char user[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++) {
		assert_int_equal(rx_guard_wait("zhao", "10.1.0.1"), 0);
		(void)snprintf(user, sizeof(user), "u%u", i);
		rx_guard_note(user, "10.1.0.1", false);
	}
	assert_true(rx_guard_wait("zhao", "10.1.0.1") > 0);
	assert_int_equal(rx_guard_wait("zhao", "10.1.0.2"), 0);
	/* One good account does not buy tries at others. */
	rx_guard_note("zhao", "10.1.0.1", true);
	assert_true(rx_guard_wait("wu", "10.1.0.1") > 0);
}

static void
test_asking_does_not_push_failures_out(void **state)
{
	char user[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 8; i++)
		rx_guard_note("qian", "10.2.0.1", false);
	assert_true(rx_guard_wait("qian", "10.2.0.1") > 2);
	for (i = 0; i < 3000; i++) {
		(void)snprintf(user, sizeof(user), "x%u", i);
		(void)rx_guard_wait(user, "10.2.0.2");
	}
	assert_true(rx_guard_wait("qian", "10.2.0.1") > 2);
}

/* A county may come from one address: twenty slips do not keep out whoever has
 * signed in from there, and his own keep out nobody. */
static void
test_who_has_signed_in_does_not_wait_for_his_address(void **state)
{
	char user[16];
	unsigned i;

	(void)state;
	rx_guard_note("sun", "10.3.0.1", true);
	for (i = 0; i < 4; i++)
		rx_guard_note("sun", "10.3.0.1", false);
	for (i = 0; i < 20; i++) {
		assert_int_equal(rx_guard_wait("zhou", "10.3.0.1"), 0);
		(void)snprintf(user, sizeof(user), "g%u", i);
		rx_guard_note(user, "10.3.0.1", false);
	}
	assert_true(rx_guard_wait("zhou", "10.3.0.1") > 0);
	assert_int_equal(rx_guard_wait("sun", "10.3.0.1"), 0);
	/* His own account is guarded as ever, and so he is elsewhere. */
	rx_guard_note("sun", "10.3.0.1", false);
	assert_true(rx_guard_wait("sun", "10.3.0.1") > 0);
	rx_guard_note("sun", "10.3.0.1", true);
	for (i = 0; i < 20; i++) {
		(void)snprintf(user, sizeof(user), "h%u", i);
		rx_guard_note(user, "10.3.0.2", false);
	}
	assert_true(rx_guard_wait("sun", "10.3.0.2") > 0);
}

/* Two hundred people who each mistype once, and then get in: nobody waits. */
static void
test_what_was_mistyped_before_signing_in_is_taken_back(void **state)
{
	char user[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 200; i++) {
		(void)snprintf(user, sizeof(user), "p%u", i);
		assert_int_equal(rx_guard_wait(user, "10.4.0.1"), 0);
		rx_guard_note(user, "10.4.0.1", false);
		rx_guard_note(user, "10.4.0.1", true);
	}
	/* Only what was his own: one good account gives no more guesses. */
	for (i = 0; i < 20; i++) {
		(void)snprintf(user, sizeof(user), "q%u", i);
		rx_guard_note(user, "10.4.0.1", false);
		rx_guard_note("p0", "10.4.0.1", true);
	}
	assert_true(rx_guard_wait("new", "10.4.0.1") > 0);
}

/* ---- fields and paths ---- */

/* Parse ${text}: the value of "x", and how many fields there are named so. */
static rx_err
parse(const char *text, char value[64], size_t *n, struct rx_status *st)
{
	struct rx_request q = { .fields = NULL };
	rx_err rc;

	rx_status_clear(st);
	ok(rx_fields_new(&q.fields, st), st);
	rc = rx_fields_parse(q.fields, text, strlen(text), st);
	rx_text_copy(value, 64, rx_field(&q, "x"));
	for (*n = 0; rx_field_nth(&q, "x", *n) != NULL; (*n)++)
		continue;
	rx_fields_free(q.fields);
	return (rc);
}

static void
test_a_form_is_read_in_one_way(void **state)
{
	static const struct { const char *text, *value; size_t n; } good[] = {
		{ "x=a", "a", 1 }, { "x=a+b%20c%2B", "a b c+", 1 },
		{ "%78=%e4%B8%ad", "中", 1 }, { "x=1&x=2&y=3", "1", 2 },
		{ "x", "", 1 }, { "x=", "", 1 }, { "x=a=b", "a=b", 1 },
		{ "", "", 0 }, { "&&y=1&", "", 0 }, { "=x", "", 0 },
		{ "x=a%0D%0Ab\r\nc%0d", "a\nb\nc\r", 1 },
	};
	static const char *const bad[] = {
		"x=%", "x=%4", "x=%zz", "x=%4g", "x=%00", "x=%ff", "x=%c3%28",
		"%=x", "%00=x", "%ff=x", "x=\xff"
	};
	struct rx_status st;
	char value[64];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok(parse(good[i].text, value, &n, &st), &st);
		assert_string_equal(value, good[i].value);
		assert_int_equal(n, good[i].n);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(parse(bad[i], value, &n, &st), RX_EUSAGE, &st);
}

/* ---- a form with a file ---- */

#define LINE "--x\r\n"
#define NAMED(n) "Content-Disposition: form-data; name=\"" n "\""
#define FIELD(n, v) LINE NAMED(n) "\r\n\r\n" v "\r\n"
#define FILED(n, v) LINE NAMED("file") "; filename=\"" n \
    "\"\r\nContent-Type: image/png\r\n\r\n" v "\r\n"
#define END "--x--\r\n"

/* Parse ${text}, ${n} bytes: the value of "x" and the file as text. */
static rx_err
parse_parts(const char *text, size_t n, char value[64], char file[64],
    struct rx_status *st)
{
	struct rx_request q = { .fields = NULL };
	const uint8_t *p;
	size_t len;
	rx_err rc;

	rx_status_clear(st);
	ok(rx_fields_new(&q.fields, st), st);
	rc = rx_fields_multipart(q.fields, "x", (const uint8_t *)text, n, &p,
	    &len, st);
	rx_text_copy(value, 64, rx_field(&q, "x"));
	(void)snprintf(file, 64, "%.*s", p == NULL ? 4 : (int)len,
	    p == NULL ? "none" : (const char *)p);
	rx_fields_free(q.fields);
	return (rc);
}

static void
test_a_form_with_a_file_is_read_in_one_way(void **state)
{
	static const struct { const char *text, *value, *file; } good[] = {
		{ FIELD("x", "a") FILED("b.rxb", "RXBU") END, "a", "RXBU" },
		{ FILED("b.rxb", "RXBU") FIELD("x", "a") "--x--", "a", "RXBU" },
		{ FIELD("x", "中\r\nb") END, "中\nb", "none" },
		{ FIELD("x", "") FILED("", "") END, "", "" },
		{ FILED("a\"; name=\"x", "1") END, "", "1" },
		{ FILED("C:\\文件\\", "1") END, "", "1" },
		{ FILED("b", "\r\n--\r\n--y\r\n-\r\n") END, "",
		    "\r\n--\r\n--y\r\n-\r\n" },
		{ LINE "content-disposition: FORM-DATA; name=\"x\"\r\n\r\n"
		    "1\r\n" END, "1", "none" },
	};
	struct rx_status st;
	char value[64], file[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok(parse_parts(good[i].text, strlen(good[i].text), value,
		    file, &st), &st);
		assert_string_equal(value, good[i].value);
		assert_string_equal(file, good[i].file);
	}
}

static void
test_a_malformed_form_with_a_file_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "--x", "--x--x", "--y--", " " END, "\r\n" END, END "x",
		END "\r\n", "--x--\r", "--x--\n", FIELD("x", "1"),
		FIELD("x", "1") "--x-", FIELD("x", "1") "--x \r\n" END,
		LINE NAMED("x") "\r\n\r\n1" END, LINE "\r\n1\r\n" END,
		LINE NAMED("x") "\n\n1\r\n" END, FIELD("", "1") END,
		FIELD("X", "1") END, FIELD("x y", "1") END, FIELD("x\"", "1")
		END, FIELD("\xe4", "1") END, FIELD("x\"; y=\"z", "1") END,
		FIELD("a23456789012345678901234567890123", "1") END,
		FIELD("x", "\xff") END,
		LINE "Content-Disposition: attachment; name=\"x\"\r\n\r\n1\r\n"
		END, LINE "Content-Disposition:form-data; name=\"x\"\r\n\r\n1"
		"\r\n" END, LINE "Content-Type: text/plain\r\n\r\n1\r\n" END,
		LINE NAMED("x") "\r\n" NAMED("y") "\r\n\r\n1\r\n" END,
		LINE NAMED("x") "\r\nContent-Type: a\r\nContent-Type: b\r\n"
		"\r\n1\r\n" END,
		LINE NAMED("x") "\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		"MQ==\r\n" END, LINE NAMED("x") "\r\n a\r\n\r\n1\r\n" END,
		LINE NAMED("x") "; filename=\"a\r\n\r\n1\r\n" END,
		LINE NAMED("x") "; filename=\"\r\n\r\n1\r\n" END,
		LINE NAMED("x") "; filename*=\"a\"\r\n\r\n1\r\n" END,
		LINE NAMED("x") "; filename=\"a\x01\"\r\n\r\n1\r\n" END,
		FILED("a", "1") FILED("b", "2") END,
	};
	static const char nul[] = FIELD("x", "a\0b") END;
	struct rx_status st;
	char value[64], file[64], text[5200];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_parts(bad[i], strlen(bad[i]), value, file, &st) !=
		    RX_EUSAGE)
			fail_msg("let through: %s", bad[i]);
	refused(parse_parts(nul, sizeof(nul) - 1, value, file, &st), RX_EUSAGE,
	    &st);
	/* A field of 4096 bytes is the longest; a line of 1024. */
	for (i = 4096; i <= 4097; i++) {
		n = (size_t)snprintf(text, sizeof(text), FIELD("y", "%0*d") END,
		    (int)i, 1);
		assert_int_equal(parse_parts(text, n, value, file, &st),
		    i == 4096 ? RX_OK : RX_EUSAGE);
	}
	for (i = 1010; i <= 1011; i++) {
		n = (size_t)snprintf(text, sizeof(text), LINE NAMED("y")
		    "\r\nContent-Type: %0*d\r\n\r\n1\r\n" END, (int)i, 1);
		assert_int_equal(parse_parts(text, n, value, file, &st),
		    i == 1010 ? RX_OK : RX_EUSAGE);
	}
}

static void
test_a_query_comes_out_as_it_went_in(void **state)
{
	struct rx_fields *f, *again;
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	static const char text[] = "q=%26%3D%2B%25+%E4%B8%AD&lang=en&q=2&e=";
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	ok(rx_fields_new(&f, &st), &st);
	ok(rx_fields_new(&again, &st), &st);
	ok(rx_fields_parse(f, text, sizeof(text) - 1, &st), &st);
	ok(rx_fields_query(f, "lang", &a, &st), &st);
	ok(rx_buf_add(&a, "", 1, &st), &st);
	assert_string_equal((const char *)a.b,
	    "&q=%26%3D%2B%25%20%E4%B8%AD&q=2&e=");
	ok(rx_fields_parse(again, (const char *)a.b, a.len - 1, &st), &st);
	ok(rx_fields_query(again, "lang", &b, &st), &st);
	assert_int_equal(b.len, a.len - 1);
	assert_memory_equal(a.b, b.b, b.len);
	rx_fields_free(f);
	rx_fields_free(again);
	rx_buf_free(&a);
	rx_buf_free(&b);
}

static void
test_a_path_finds_its_route_and_no_other(void **state)
{
	static const char *const none[] = {
		"", "today", "/today/", "//today", "/Today", "/child/",
		"/child/a/b/c/d", "/child//observe", "/today?x"
	};
	struct rx_args args;
	size_t i;

	(void)state;
	assert_string_equal(rx_route_find("GET", "/today", &args)->pattern,
	    "/today");
	assert_string_equal(rx_route_find("POST", "/child/ab/observe",
	    &args)->pattern, "/child/*/observe");
	assert_string_equal(args.v[0], "ab");
	assert_null(rx_route_find("PUT", "/today", &args));
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(rx_route_find("GET", none[i], &args));
}

static void
test_a_passphrase_is_short_below_eight_characters(void **state)
{
	static const struct { const char *text; bool is_short; } p[] = {
		{ "1234567", true }, { "12345678", false }, { "", true },
		{ "一二三四五六七", true }, { "一二三四五六七八", false },
	};
	struct rx_secret *s;
	struct rx_status st;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
		ok(rx_secret_new(&s, 64, &st), &st);
		s->len = strlen(p[i].text);
		memcpy(s->b, p[i].text, s->len);
		assert_int_equal(rx_passphrase_short(s), p[i].is_short);
		rx_secret_free(s);
	}
}

/* ---- routes ---- */

#define ROLES(r) ((r) & ~(RX_WEB_SLOW | RX_WEB_SCRIPT | RX_WEB_UPLOAD))

static void
test_no_route_stands_twice(void **state)
{
	const struct rx_route *all;
	size_t i, k, n;

	(void)state;
	all = rx_route_all(&n);
	assert_true(n > 40);
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (strcmp(all[i].method, all[k].method) == 0 &&
			    strcmp(all[i].pattern, all[k].pattern) == 0)
				fail_msg("twice: %s %s", all[i].method,
				    all[i].pattern);
}

static void
test_all_tables_fit_into_the_list(void **state)
{
	static const struct rx_route *const tables[] = {
		rx_routes_account, rx_routes_director, rx_routes_supervisor,
		rx_routes_statistician, rx_routes_admin, rx_routes_bundles,
		rx_routes_keys, rx_routes_moved
	};
	size_t i, n, sum = 0;
	const struct rx_route *r;

	(void)state;
	(void)rx_route_all(&n);
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (r = tables[i]; r->method != NULL; r++)
			sum++;
	assert_int_equal(n, sum);
}

static void
test_only_the_door_is_open_to_anyone(void **state)
{
	static const char *const door[] = {
		"/", "/login", "/logout", "/setup", "/units.json"
	};
	const struct rx_route *all;
	size_t i, k, n;

	(void)state;
	all = rx_route_all(&n);
	for (i = 0; i < n; i++) {
		assert_true(strcmp(all[i].method, "GET") == 0 ||
		    strcmp(all[i].method, "POST") == 0);
		assert_int_equal(all[i].pattern[0], '/');
		for (k = 0; k < sizeof(door) / sizeof(door[0]); k++)
			if (strcmp(all[i].pattern, door[k]) == 0)
				break;
		if (k == sizeof(door) / sizeof(door[0]) &&
		    ROLES(all[i].roles) == RX_WEB_ANYONE)
			fail_msg("open: %s", all[i].pattern);
	}
}

static void
test_four_routes_take_a_file(void **state)
{
	static const char *const pattern[] = { "/bundles/show", "/child/*/move",
	    "/moved/show", "/moved/answer" };
	const struct rx_route *all;
	size_t i, n, found = 0;

	(void)state;
	all = rx_route_all(&n);
	for (i = 0; i < n; i++) {
		if ((all[i].roles & RX_WEB_UPLOAD) == 0)
			continue;
		assert_true(found < 4);
		assert_string_equal(all[i].pattern, pattern[found++]);
		assert_string_equal(all[i].method, "POST");
		assert_int_not_equal(all[i].roles & RX_WEB_SLOW, 0);
	}
	assert_int_equal(found, 4);
}

static void
print_routes(void)
{
	static const struct { unsigned bit; const char *name; } roles[] = {
		{ RX_WEB_SIGNED_IN, "signed-in" },
		{ 1u << RX_ROLE_ADMIN, "admin" },
		{ 1u << RX_ROLE_DIRECTOR, "director" },
		{ 1u << RX_ROLE_SUPERVISOR, "supervisor" },
		{ 1u << RX_ROLE_STATISTICIAN, "statistician" },
	};
	const struct rx_route *all;
	const char *sep;
	size_t i, k, n;

	all = rx_route_all(&n);
	for (i = 0; i < n; i++) {
		printf("%s %s ", all[i].method, all[i].pattern);
		if (ROLES(all[i].roles) == RX_WEB_ANYONE)
			printf("anyone");
		for (k = 0, sep = ""; k < sizeof(roles) / sizeof(roles[0]);
		    k++)
			if ((all[i].roles & roles[k].bit) != 0) {
				printf("%s%s", sep, roles[k].name);
				sep = ",";
			}
		printf("\n");
	}
}

static int
print_keys(const char *dir, const char *user, const char *passphrase)
{
	struct rx_secret *secret;
	struct rx_session *s;
	struct rx_status st;
	char hex[65];

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK || rx_secret_new(&secret,
	    strlen(passphrase), &st) != RX_OK)
		return (1);
	memcpy(secret->b, passphrase, strlen(passphrase));
	secret->len = strlen(passphrase);
	if (rx_session_open(&s, dir, user, secret, &st) != RX_OK)
		return (1);
	rx_hex(hex, s->blob->seed, 32);
	printf("%s\n", hex);
	rx_hex(hex, s->id->sign_secret, 32);
	printf("%s\n", hex);
	rx_session_close(s);
	rx_secret_free(secret);
	return (0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_special_character_is_escaped),
		cmocka_unit_test(test_values_and_sections),
		cmocka_unit_test(test_a_mistake_in_a_template_is_an_error),
		cmocka_unit_test(test_templates_name_only_what_exists),
		cmocka_unit_test(
		    test_templates_have_nothing_inline_and_nothing_foreign),
		cmocka_unit_test(test_every_form_has_its_token),
		cmocka_unit_test(test_browsers_do_not_remember_what_is_typed),
		cmocka_unit_test(test_raw_output_is_for_charts_only),
		cmocka_unit_test(test_assets_come_from_the_table_only),
		cmocka_unit_test(test_host_is_on_the_list),
		cmocka_unit_test(test_a_form_comes_from_this_server),
		cmocka_unit_test(
		    test_an_account_waits_longer_after_each_failure),
		cmocka_unit_test(test_a_source_waits_too),
		cmocka_unit_test(test_asking_does_not_push_failures_out),
		cmocka_unit_test(
		    test_who_has_signed_in_does_not_wait_for_his_address),
		cmocka_unit_test(
		    test_what_was_mistyped_before_signing_in_is_taken_back),
		cmocka_unit_test(test_a_form_is_read_in_one_way),
		cmocka_unit_test(test_a_form_with_a_file_is_read_in_one_way),
		cmocka_unit_test(
		    test_a_malformed_form_with_a_file_is_refused),
		cmocka_unit_test(test_a_query_comes_out_as_it_went_in),
		cmocka_unit_test(test_a_path_finds_its_route_and_no_other),
		cmocka_unit_test(
		    test_a_passphrase_is_short_below_eight_characters),
		cmocka_unit_test(test_no_route_stands_twice),
		cmocka_unit_test(test_all_tables_fit_into_the_list),
		cmocka_unit_test(test_only_the_door_is_open_to_anyone),
		cmocka_unit_test(test_four_routes_take_a_file),
	};
	struct rx_status st;

	if (argc == 2 && strcmp(argv[1], "--routes") == 0) {
		print_routes();
		return (0);
	}
	if (argc == 5 && strcmp(argv[1], "--keys") == 0)
		return (print_keys(argv[2], argv[3], argv[4]));
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests_name("web", tests, NULL, NULL));
}
