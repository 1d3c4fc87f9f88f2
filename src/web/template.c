#include <string.h>

#include "embedded.h"
#include "web/web.h"

/*
 * The templates.  Rendering walks the text once; a section is rendered by a
 * call on its inside.  The data of enclosing sections stays visible: a scope
 * is a list on the C stack, innermost first.
 */

#define DEPTH_MAX 24		/* nested sections and parts */
#define NAME_MAX_BYTES 64

struct scope {
	const json_t *data;
	const struct scope *outer;
};

struct render {
	struct rx_buf *out;
	enum rx_lang lang;
	const char *page;	/* for the error text */
	struct rx_status *st;
	unsigned depth;
};

static const char *const message_names[RX_MSG_COUNT] = {
#define MSG(name, zh, en) #name,
#include "base/messages.def"
#undef MSG
};

const char *
rx_web_asset(const char *name, size_t *len)
{
	size_t i;

	for (i = 0; i < rx_embedded_file_count; i++)
		if (strcmp(rx_embedded_files[i].name, name) == 0) {
			*len = rx_embedded_files[i].len;
			return ((const char *)rx_embedded_files[i].data);
		}
	*len = 0;
	return (NULL);
}

/* A mistake in a template is ours: name it for the developer. */
static rx_err
mistake(struct render *r, const char *what, const char *p, size_t n)
{
	rx_err rc = rx_fail(r->st, RX_EINTERNAL, RX_MSG_INTERNAL);

	rx_status_arg(r->st, "what", "%s: %s %.*s", r->page, what,
	    (int)(n > 40 ? 40 : n), p);
	return (rc);
}

/* Append ${n} bytes so that they are text in HTML, also inside quotes. */
static rx_err
put_escaped(struct render *r, const char *p, size_t n)
{
	size_t i, from = 0;
	const char *esc;
	rx_err rc;

	for (i = 0; i < n; i++) {
		switch (p[i]) {
		case '&': esc = "&amp;"; break;
		case '<': esc = "&lt;"; break;
		case '>': esc = "&gt;"; break;
		case '"': esc = "&quot;"; break;
		case '\'': esc = "&#39;"; break;
		default: continue;
		}
		if ((rc = rx_buf_add(r->out, p + from, i - from, r->st)) !=
		    RX_OK || (rc = rx_buf_add(r->out, esc, strlen(esc),
		    r->st)) != RX_OK)
			return (rc);
		from = i + 1;
	}
	return (rx_buf_add(r->out, p + from, n - from, r->st));
}

/* Look up "a.b" or "."; NULL when there is none. */
static const json_t *
look_up(const struct scope *s, const char *name)
{
	const json_t *v = NULL;
	char part[NAME_MAX_BYTES];
	size_t n;

	if (strcmp(name, ".") == 0)
		return (s->data);
	n = strcspn(name, ".");
	memcpy(part, name, n);
	part[n] = '\0';
	for (; s != NULL && v == NULL; s = s->outer)
		v = json_object_get(s->data, part);
	while (v != NULL && name[n] == '.') {
		name += n + 1;
		n = strcspn(name, ".");
		memcpy(part, name, n);
		part[n] = '\0';
		v = json_object_get(v, part);
	}
	return (v);
}

static bool
is_true(const json_t *v)
{

	if (v == NULL || json_is_null(v) || json_is_false(v))
		return (false);
	if (json_is_string(v))
		return (json_string_length(v) > 0);
	return (!json_is_array(v) || json_array_size(v) > 0);
}

static rx_err
put_value(struct render *r, const json_t *v, bool raw)
{

	if (json_is_string(v))
		return (raw ? rx_buf_add(r->out, json_string_value(v),
		    json_string_length(v), r->st) :
		    put_escaped(r, json_string_value(v),
		    json_string_length(v)));
	if (json_is_integer(v))
		return (rx_buf_printf(r->out, r->st, "%lld",
		    (long long)json_integer_value(v)));
	return (RX_OK);
}

static rx_err
put_message(struct render *r, const char *name)
{
	const char *text;
	int i;

	for (i = 0; i < RX_MSG_COUNT; i++)
		if (strcmp(message_names[i], name) == 0) {
			text = rx_msg((enum rx_msg)i, r->lang);
			return (put_escaped(r, text, strlen(text)));
		}
	return (mistake(r, "no message", name, strlen(name)));
}

/* A tag: its sign (0 for a value), name, and where it ends. */
struct tag {
	char sign, name[NAME_MAX_BYTES];
	const char *end;
};

/* Parse the tag at ${p}, which points at "{{". */
static rx_err
tag_parse(struct render *r, struct tag *t, const char *p, const char *end)
{
	const char *close = end - p > 2 && p[2] == '{' ? "}}}" : "}}";
	const char *from = p + 2, *to;

	if ((to = memmem(from, (size_t)(end - from), close,
	    strlen(close))) == NULL)
		return (mistake(r, "open tag", p, (size_t)(end - p)));
	t->end = to + strlen(close);
	t->sign = strchr("#^/>@{", *from) != NULL ? *from++ : 0;
	if (to <= from || (size_t)(to - from) >= sizeof(t->name))
		return (mistake(r, "bad tag", p, (size_t)(end - p)));
	memcpy(t->name, from, (size_t)(to - from));
	t->name[to - from] = '\0';
	return (RX_OK);
}

/* Find the end of the section ${t}: *inside_end is where its closing tag
 * begins, *after where that ends. */
static rx_err
section_end(struct render *r, const struct tag *t, const char *end,
    const char **inside_end, const char **after)
{
	const char *p = t->end;
	unsigned depth = 1;
	struct tag inner = { 0 };
	rx_err rc;

	while ((p = memmem(p, (size_t)(end - p), "{{", 2)) != NULL) {
		if ((rc = tag_parse(r, &inner, p, end)) != RX_OK ||
		    inner.end == NULL)
			return (rc);
		if (strcmp(inner.name, t->name) == 0) {
			if (inner.sign == '#' || inner.sign == '^')
				depth++;
			if (inner.sign == '/' && --depth == 0) {
				*inside_end = p;
				*after = inner.end;
				return (RX_OK);
			}
		}
		p = inner.end;
	}
	return (mistake(r, "section without end", t->name, strlen(t->name)));
}

static rx_err render_text(struct render *, const char *, const char *,
    const struct scope *);

/* Render the inside of a section as often as its value says. */
static rx_err
section(struct render *r, const struct tag *t, const char *inside_end,
    const struct scope *s)
{
	const json_t *v = look_up(s, t->name);
	struct scope inner = { v, s };
	size_t i;
	rx_err rc = RX_OK;

	if (t->sign == '^')
		return (is_true(v) ? RX_OK :
		    render_text(r, t->end, inside_end, s));
	if (!is_true(v))
		return (RX_OK);
	if (!json_is_array(v))
		return (render_text(r, t->end, inside_end,
		    json_is_object(v) ? &inner : s));
	for (i = 0; i < json_array_size(v) && rc == RX_OK; i++) {
		inner.data = json_array_get(v, i);
		rc = render_text(r, t->end, inside_end, &inner);
	}
	return (rc);
}

/* Render the template ${name}. */
static rx_err
part(struct render *r, const char *name, const struct scope *s)
{
	char path[NAME_MAX_BYTES + 32] = "templates/";
	const char *text;
	size_t len;

	rx_text_copy(path + 10, sizeof(path) - 10, name);
	rx_text_copy(path + strlen(path), sizeof(path) - strlen(path),
	    ".html");
	if ((text = rx_web_asset(path, &len)) == NULL)
		return (mistake(r, "no template", name, strlen(name)));
	return (render_text(r, text, text + len, s));
}

/* Render what tag ${t} stands for; *p moves behind it. */
static rx_err
put_tag(struct render *r, const struct tag *t, const char *end,
    const struct scope *s, const char **p)
{
	const char *inside_end = t->end;
	rx_err rc;

	*p = t->end;
	switch (t->sign) {
	case '#':
	case '^':
		if ((rc = section_end(r, t, end, &inside_end, p)) != RX_OK)
			return (rc);
		return (section(r, t, inside_end, s));
	case '>':
		return (part(r, t->name, s));
	case '@':
		return (put_message(r, t->name));
	case '/':
		return (mistake(r, "end without section", t->name,
		    strlen(t->name)));
	default:
		return (put_value(r, look_up(s, t->name), t->sign == '{'));
	}
}

static rx_err
render_text(struct render *r, const char *p, const char *end,
    const struct scope *s)
{
	const char *open;
	struct tag t = { 0 };
	rx_err rc;

	if (++r->depth > DEPTH_MAX)
		return (mistake(r, "too deep", p, (size_t)(end - p)));
	while (p < end) {
		if ((open = memmem(p, (size_t)(end - p), "{{", 2)) == NULL)
			open = end;
		if ((rc = rx_buf_add(r->out, p, (size_t)(open - p), r->st)) !=
		    RX_OK)
			return (rc);
		if ((p = open) == end)
			break;
		if ((rc = tag_parse(r, &t, p, end)) != RX_OK ||
		    t.end == NULL ||
		    (rc = put_tag(r, &t, end, s, &p)) != RX_OK)
			return (rc);
	}
	r->depth--;
	return (RX_OK);
}

rx_err
rx_template_render(struct rx_buf *out, const char *name, const json_t *data,
    enum rx_lang lang, struct rx_status *st)
{
	struct render r = { out, lang, name, st, 0 };
	const struct scope s = { data, NULL };

	return (part(&r, name, &s));
}

rx_err
rx_template_render_text(struct rx_buf *out, const char *name,
    const char *text, size_t len, const json_t *data, enum rx_lang lang,
    struct rx_status *st)
{
	struct render r = { out, lang, name, st, 0 };
	const struct scope s = { data, NULL };

	return (render_text(&r, text, text + len, &s));
}
