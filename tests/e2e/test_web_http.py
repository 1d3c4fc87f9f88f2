"""The web page, asked by raw sockets: roles, tokens, hosts, smuggling, sessions.

The matrix of roles and routes is made of the route table of the program itself,
as tests/unit/test_web --routes prints it.  Every page that is fetched here is
parsed, and must hold nothing but what the templates put there.
"""

# Alone: it measures time.

import atexit
import datetime
import html
import html.parser
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import threading
import time
import urllib.parse

from harness import (IO, RUNXIN, USAGE, Skipped, environment, equal, main, once, run,
                     temp_dir, test, true)

ROUTES = os.environ.get("ROUTES", os.path.join(
    os.path.dirname(RUNXIN), "tests/unit/test_web"))
FORM = "application/x-www-form-urlencoded"
PROBE = "<img src=x onerror=alert(1)>\"'&"
ROLES = {"admin": "admin", "director": "dir1", "supervisor": "sup1",
         "statistician": "stat"}
REQUEST_MAX = 30		# seconds, READ_MAX of the server
HEADERS = {"x-frame-options": "DENY", "x-content-type-options": "nosniff",
           "referrer-policy": "same-origin",
           "cross-origin-opener-policy": "same-origin",
           "cross-origin-embedder-policy": "require-corp",
           "cross-origin-resource-policy": "same-origin"}


def passphrase(user):
    return "demo-%s-runxin" % user


# ---- what a page may hold ----

class Page(html.parser.HTMLParser):
    """A page taken apart: its forms, links and texts; refuses what is foreign."""

    TAGS = set("""html head meta title link script body a header nav div form
        input button main p h1 h2 h3 h4 ul ol li dl dt dd section span b strong
        small em br label fieldset legend select option textarea table caption
        thead tbody tfoot tr th td svg g rect line path text desc polyline
        circle code pre details summary datalist meter figure figcaption kbd
        footer aside article time""".split())

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.forms, self.links, self.words = [], [], []
        self._form = self._select = self._area = None
        self.feed(text)
        self.close()
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        true(tag in self.TAGS, "a foreign tag: %s %r" % (tag, attrs))
        for name, value in attrs:
            true(not name.startswith("on") and name != "style",
                 "%s has %s=%r" % (tag, name, value))
            if name in ("src", "href", "action", "formaction"):
                true(not value or value[0] in "/?#" or
                     re.fullmatch("tel:[0-9]+", value), "%s leads to %r" % (
                         tag, value))
                true(not (value or "").startswith("//"), "leads out")
        if tag == "script":
            true(a.get("src", "").startswith("/static/"), "inline script")
        if tag == "a" and "href" in a:
            self.links.append(a["href"])
        self._field(tag, a)

    def _field(self, tag, a):
        if tag == "form":
            self._form = {"action": a.get("action"), "fields": [],
                          "method": a.get("method")}
            self.forms.append(self._form)
        if self._form is None:
            return
        if tag == "input" and a.get("name"):
            self._form["fields"].append(
                [a["name"], a.get("type", "text"), a.get("value", ""),
                 "checked" in a])
        elif tag == "select":
            self._select = [a.get("name"), "select", "", True]
            self._form["fields"].append(self._select)
        elif tag == "option" and self._select is not None:
            if "selected" in a or not self._select[2]:
                self._select[2] = a.get("value", "")
        elif tag == "textarea" and "readonly" not in a:
            self._area = [a.get("name"), "textarea", "", True]
            self._form["fields"].append(self._area)

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data):
        if self._area is not None:
            self._area[2] += data
        self.words.append(data.strip())

    def form(self, action):
        for f in self.forms:
            if f["action"] == action:
                return f
        raise AssertionError("no form %s, but %r" % (
            action, [f["action"] for f in self.forms]))

    def fields(self, action):
        """[(name, value)] as a browser would send the form untouched."""
        return [(n, v) for n, kind, v, on in self.form(action)["fields"]
                if kind not in ("checkbox", "radio") or on]

    def csrf(self):
        for f in self.forms:
            for name, _, value, _ in f["fields"]:
                if name == "csrf":
                    return value
        raise AssertionError("no token on the page")


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.type = self.header("content-type") or ""

    def header(self, name):
        for n, v in self.headers:
            if n.lower() == name:
                return v
        return None

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name]

    @property
    def location(self):
        return self.header("location")

    @property
    def text(self):
        return self.body.decode("utf-8")

    def page(self):
        return Page(self.text)

    def json(self):
        equal(self.type, "application/json; charset=utf-8", "type")
        return json.loads(self.text)

    def check(self, path):
        """What every answer must carry."""
        csp = self.header("content-security-policy")
        true(csp and "default-src 'none'" in csp and "unsafe" not in csp and
             "frame-ancestors 'none'" in csp, "CSP of %s: %r" % (path, csp))
        for name, want in HEADERS.items():
            equal(self.header(name), want, path + ": " + name)
        if path.startswith("/static/") and self.status in (200, 304):
            equal(self.header("cache-control"), "private, no-cache", path)
            true(re.fullmatch('"[0-9a-f]{32}"', self.header("etag")), "ETag")
        else:
            equal(self.header("cache-control"), "no-store", path)
        for cookie in self.all("set-cookie"):
            true("; HttpOnly" in cookie and "; SameSite=Strict" in cookie and
                 "; Path=/" in cookie, "cookie: " + cookie)
        if self.type.startswith("text/html") and self.body:
            self.page()


# ---- the server ----

class Server:
    def __init__(self, register, *arguments, listen="127.0.0.1:0", lang=None,
                 prefix=(), home="/nonexistent"):
        self.tls = "--tls-cert" in arguments
        self.p = subprocess.Popen(
            list(prefix) + [RUNXIN] + (["-r", register] if register else []) +
            ["serve", "--listen", listen] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, env=environment(home, lang))
        line = self.p.stdout.readline().decode("utf-8")
        m = re.search(r"https?://([0-9.a-z]+|\[::1\]):([0-9]+)/", line)
        true(m, "no address: %r %r" % (line, self.p.poll()))
        self.host, self.port = "127.0.0.1", int(m.group(2))
        if m.group(1) == "[::1]":
            self.host = "::1"
        _servers.append(self)

    @property
    def authority(self):
        return ("[%s]:%d" if ":" in self.host else "%s:%d") % (
            self.host, self.port)

    def high_water(self):
        """Peak resident memory in KiB."""
        with open("/proc/%d/status" % self.p.pid) as f:
            return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1))

    def stop(self):
        """End it properly; what it complained of."""
        _servers.remove(self)
        self.p.send_signal(signal.SIGTERM)
        try:
            _, err = self.p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.communicate()
            raise
        equal(self.p.returncode, 0, "exit of serve")
        return err.decode("utf-8")


_servers = []


def end_servers():
    """Those that a test did not end go with it."""
    for server in _servers:
        server.p.kill()
        server.p.wait()


atexit.register(end_servers)


class Browser:
    """Keeps cookies and tokens as a browser would; follows nothing."""

    def __init__(self, server, context=None):
        self.server, self.context = server, context
        self.cookies, self.token = {}, None

    def request(self, method, path, body=None, headers=None, timeout=60):
        s = self.server
        if s.tls:
            c = http.client.HTTPSConnection(s.host, s.port, timeout=timeout,
                                            context=self.context)
        else:
            c = http.client.HTTPConnection(s.host, s.port, timeout=timeout)
        h = {"Connection": "close"}
        if self.cookies:
            h["Cookie"] = "; ".join("%s=%s" % kv
                                    for kv in self.cookies.items())
        h.update(headers or {})
        c.request(method, path, body, h)
        r = c.getresponse()
        reply = Reply(r.status, r.getheaders(), r.read())
        c.close()
        for cookie in reply.all("set-cookie"):
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        reply.check(path.split("?")[0])
        return reply

    def get(self, path, **kw):
        r = self.request("GET", path, **kw)
        if r.type.startswith("text/html") and b'name="csrf"' in r.body:
            self.token = r.page().csrf()
        return r

    def post(self, path, fields=(), csrf=True, headers=None, **kw):
        """csrf True: the token of the session; None: none; or a text."""
        fields = list(fields.items() if isinstance(fields, dict) else fields)
        fields = [(n, v) for n, v in fields if n != "csrf"]
        if csrf is True:
            csrf = self.token
        if csrf is not None:
            fields.append(("csrf", csrf))
        h = {"Content-Type": FORM,
             "Origin": "http%s://%s" % ("s" if self.server.tls else "",
                                        self.server.authority),
             "Sec-Fetch-Site": "same-origin"}
        h.update(headers or {})
        h = {k: v for k, v in h.items() if v is not None}
        return self.request("POST", path, urllib.parse.urlencode(fields), h,
                            **kw)

    def follow(self, reply):
        equal(reply.status, 303, "a redirect")
        return self.get(reply.location.split("#")[0])

    def login(self, user, secret=None):
        self.get("/login")
        return self.post("/login", {"user": user, "passphrase":
                                    secret or passphrase(user)})

    def signed_in(self, user, secret=None):
        r = self.login(user, secret)
        equal(r.status, 303, "login of " + user)
        for _ in range(3):
            r = self.follow(r)
            if r.status != 303:
                break
        equal(r.status, 200, "home of " + user)
        return self


@once
def register():
    d = os.path.join(temp_dir(), "register")
    run(None, None, None, "demo", d, "--children", "24", "--observations",
        "80").expect()
    return d


@once
def server():
    return Server(register())


@once
def browsers():
    return {role: Browser(server()).signed_in(user)
            for role, user in ROLES.items()}


@once
def routes():
    out = subprocess.run([ROUTES, "--routes"], check=True,
                         capture_output=True).stdout.decode("utf-8")
    table = [line.split(" ") for line in out.splitlines() if line]
    true(len(table) > 40, "the route table is short")
    return table


@once
def child():
    """A child of the director's."""
    page = browsers()["director"].get("/children").page()
    ids = [a for a in page.links if re.fullmatch(r"/child/[0-9a-f-]{36}", a)]
    true(len(ids) > 3, "children")
    return ids[1].split("/")[2]


@once
def flag():
    """A flag that waits for the supervisor; raised by the director."""
    b = browsers()["director"]
    form = "/child/%s/flag" % child()
    fields = dict(b.get(form).page().fields(form))
    fields["reason"] = "请看一看"
    equal(b.post(form, fields).status, 303, "flag")
    page = browsers()["supervisor"].get("/review").page()
    ids = [a for a in page.links if re.fullmatch(r"/flag/[0-9a-f-]{36}", a)]
    true(ids, "no flag in review")
    return ids[0].split("/")[2]


@once
def audit():
    def entries():
        got = run(register(), "admin", passphrase("admin"), "--json", "audit",
                  "verify").expect().json()
        true(got["intact"], "the audit is not intact")
        return got["entries"]
    return entries


def message(name, lang=0):
    with open("src/base/messages.def", encoding="utf-8") as f:
        text = f.read()
    m = re.search(r'MSG\(%s,\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"' %
                  name, text)
    true(m, "no message " + name)
    return m.group(1 + lang)


# ---- roles and routes ----

def concrete(method, pattern):
    """A plausible path for a pattern; harmless when it is posted to."""
    one = {"/child/": child(), "/activity/": "0" * 36, "/flag/": flag(),
           "/coverage/": "350102001001", "/release/": "1",
           "/transfer/": "0" * 36, "/erasure/": "0" * 36,
           "/moved/receipt/": "0" * 64,
           "/people/": "nobody" if method == "POST" else "dir2",
           "/safety/backup/": "none.rxb"}
    for prefix, value in one.items():
        if pattern.startswith(prefix):
            return pattern.replace("*", value, 1).replace("*", "csv")
    true("*" not in pattern, "what stands for * in " + pattern)
    return pattern


def by_script(path):
    """Asked by a script: it is told, and not led to the door."""
    return path == "/alive" or path.endswith(".json")


def allowed(roles, role):
    return roles in ("anyone", "signed-in") or role in roles.split(",")


@test
def test_each_role_reaches_its_own_routes_and_no_other():
    let_in, wrong = 0, []
    for method, pattern, roles in routes():
        if pattern == "/logout":
            continue
        path = concrete(method, pattern)
        for role, b in browsers().items():
            r = b.get(path) if method == "GET" else b.post(path)
            if allowed(roles, role):
                let_in += 1
                good = r.status in (200, 303, 404, 409, 422)
            else:
                good = r.status == 403 and message("WEB_NOT_YOUR_PAGE") in \
                    (r.json()["error"] if by_script(path) else
                     html.unescape(r.text))
            if not good:
                wrong.append("%s %s as %s: %d" % (method, path, role,
                                                  r.status))
    true(not wrong, "; ".join(wrong))
    true(let_in > 60, "few were let in: %d" % let_in)


@test
def test_whoever_is_signed_out_reaches_the_door_only():
    b = Browser(server())
    b.get("/login")
    wrong = []
    for method, pattern, roles in routes():
        path = concrete(method, pattern)
        r = b.request("GET", path) if method == "GET" else b.post(path)
        if roles == "anyone":
            good = r.status in (200, 303, 422)
        elif by_script(path):
            good = r.status == 403 and r.type.startswith("application/json")
        elif method == "GET":
            good = r.status == 303 and r.location == "/login"
        else:
            good = r.status == 403
        if not good:
            wrong.append("%s %s: %d %s" % (method, path, r.status,
                                           r.location))
        true(r.status != 200 or roles == "anyone", path)
        b.get("/login")
    true(not wrong, "; ".join(wrong))


@test
def test_head_is_get_without_a_body():
    b = browsers()["director"]
    r = b.request("HEAD", "/today")
    equal((r.status, r.body), (200, b""), "HEAD")


@test
def test_a_child_of_another_director_is_not_shown():
    b = Browser(server()).signed_in("dir2")
    for path in ("/child/%s" % child(), "/child/%s/observe" % child()):
        true(b.get(path).status in (403, 404), path)
    r = b.post("/child/%s/reveal" % child(), {"field": "name"})
    true(r.status in (403, 404), "reveal")
    equal(browsers()["director"].get("/child/%s" % child()).status, 200,
          "control")


@test
def test_no_route_of_a_child_is_open_to_another_director():
    b = Browser(server()).signed_in("dir2")
    flag()		# it is raised once
    before, wrong = audit()(), []
    for method, pattern, _ in routes():
        if not pattern.startswith("/child/*"):
            continue
        path = concrete(method, pattern)
        r = b.get(path) if method == "GET" else b.post(path, {
            "reason": "x", "sure": "1", "names": "1", "until": "2099-01-01",
            "ground": "other", "asker": "guardian", "unit": "350102001002"})
        if r.status not in (403, 404):
            wrong.append("%s %s: %d" % (method, path, r.status))
    true(not wrong, "; ".join(wrong))
    equal(audit()(), before, "audit entries")
    for page in ("", "/transfer", "/keep", "/erase"):	# the control
        equal(browsers()["director"].get("/child/%s%s" % (
            child(), page)).status, 200, page)


@test
def test_a_flag_of_another_township_is_not_shown():
    b = Browser(server()).signed_in("sup2")
    true(b.get("/flag/%s" % flag()).status in (403, 404), "flag")
    r = b.post("/flag/%s/decide" % flag(), {"decision": "accept",
                                            "reason": "x"})
    true(r.status in (403, 404), "decide")
    equal(browsers()["supervisor"].get("/flag/%s" % flag()).status, 200,
          "control")


# ---- tokens and origins ----

def note_form():
    """An intervention that would be stored: (path, fields)."""
    path = "/child/%s/intervene" % child()
    fields = browsers()["director"].get(path).page().fields(path)
    fields = [(n, v) for n, v in fields if n not in ("kind", "need")]
    return path, fields + [("kind", "companionship"), ("delivered", "1"),
                           ("need", "一件毛衣")]


def refused_and_not_stored(send, statuses):
    """send(path, fields) gets what ${statuses} hold, and nothing is stored."""
    path, fields = note_form()
    before = audit()()
    r = send(path, fields)
    true(r.status in statuses, "status %d" % r.status)
    equal(audit()(), before, "audit entries")
    return r


@test
def test_a_form_with_its_token_is_stored():		# the control
    path, fields = note_form()
    before = audit()()
    equal(browsers()["director"].post(path, fields).status, 303, "stored")
    true(audit()() > before, "nothing was stored")


@test
def test_a_form_without_the_right_token_is_refused():
    b = browsers()["director"]
    other = Browser(server()).signed_in("dir1")
    visitor = Browser(server())
    visitor.get("/login")
    true(len({b.token, other.token, visitor.token}) == 3, "tokens are shared")
    for token in (None, "", "0" * 64, b.token[:-1], b.token + "0",
                  b.token.upper() + " ", other.token, visitor.token,
                  browsers()["admin"].token):
        refused_and_not_stored(
            lambda p, f: b.post(p, f, csrf=token), (403,))
    # In the address it is none either, nor as a second field.
    refused_and_not_stored(
        lambda p, f: b.post(p, [("csrf", "x")] + f, csrf=None), (403,))


@test
def test_a_form_from_elsewhere_is_refused():
    b, here = browsers()["director"], server().authority
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                    {"Origin": "https://" + here},
                    {"Origin": "http://127.0.0.1:1"},
                    {"Origin": "http://%s.evil.example" % here},
                    {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"},
                    {"Origin": None, "Sec-Fetch-Site": "cross-site"}):
        refused_and_not_stored(
            lambda p, f: b.post(p, f, headers=headers), (403,))


@test
def test_other_content_types_are_refused():
    b = browsers()["director"]
    for kind in ("text/plain", "application/json", "multipart/form-data; "
                 "boundary=x", FORM + "x", None):
        refused_and_not_stored(
            lambda p, f: b.post(p, f, headers={"Content-Type": kind}), (415,))


@test
def test_get_changes_nothing():
    b = browsers()["director"]
    path, fields = note_form()
    before = audit()()
    b.get(path + "?" + urllib.parse.urlencode(fields + [("csrf", b.token)]))
    equal(audit()(), before, "audit entries")


# ---- raw requests ----

def raw(data, timeout=10, port=None, pieces=None):
    """Send bytes, read to the end: (status or None, whole answer)."""
    s = socket.create_connection(("127.0.0.1", port or server().port),
                                 timeout=timeout)
    got = b""
    try:
        s.sendall(data)
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
            m = re.match(rb"HTTP/1\.[01] (\d+)", got)
            if m and got.count(b"HTTP/1.1 ") > 1:
                break
    except (ConnectionError, socket.timeout):
        pass
    finally:
        s.close()
    m = re.match(rb"HTTP/1\.[01] (\d+)", got)
    return (int(m.group(1)) if m else None), got


def answers(got):
    """Their statuses: the library says some refusals twice."""
    return {int(x) for x in re.findall(rb"HTTP/1.1 (\d+)", got)}


def ask(head, body=b"", host=True, close=True):
    lines = [head]
    if host:
        lines.append(b"Host: " + server().authority.encode())
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def post_raw(*lines, body=b"a=b"):
    return raw(ask(b"\r\n".join((b"POST /login HTTP/1.1",
                                 b"Content-Type: " + FORM.encode()) +
                                lines), body), timeout=4)


@test
def test_foreign_hosts_are_refused():
    here = server().authority.encode()
    status, _ = raw(ask(b"GET /login HTTP/1.1"))
    equal(status, 200, "control")
    for name, want in ((b"evil.example", (421,)),
                       (b"evil.example:%d" % server().port, (421,)),
                       (b"127.0.0.1:1", (421,)), (b"127.0.0.1", (421,)),
                       (b"", (400, 421)), (here + b".evil.example", (421,)),
                       (b"evil.example@" + here, (421,)),
                       (here + b", " + here, (421,)),
                       (here + b"/x", (421,))):
        status, _ = raw(ask(b"GET /login HTTP/1.1\r\nHost: " + name,
                            host=False))
        true(status in want, "Host %r: %r" % (name, status))
    status, _ = raw(ask(b"GET /login HTTP/1.1", host=False))
    equal(status, 400, "no Host")
    status, _ = raw(ask(b"GET /login HTTP/1.1\r\nHost: " + here))
    equal(status, 400, "two Hosts")
    status, _ = raw(ask(b"GET /login HTTP/1.1\r\nhost: evil.example"))
    equal(status, 400, "two Hosts, one foreign")
    status, _ = raw(b"GET /login HTTP/1.0\r\n\r\n")
    equal(status, 400, "HTTP/1.0 without Host")


@test
def test_ambiguous_lengths_are_refused():
    status, _ = post_raw(b"Content-Length: 3")
    equal(status, 403, "control: read, and refused for want of a token")
    for lines, want in (
            ((b"Content-Length: 3", b"Content-Length: 3"), (400,)),
            ((b"Content-Length: 3", b"Content-Length: 0"), (400,)),
            ((b"Content-Length: 0", b"Content-Length: 3"), (400,)),
            ((b"Content-Length: 3", b"Transfer-Encoding: chunked"), (400,)),
            ((b"Transfer-Encoding: chunked",), (400,)),
            ((b"Transfer-Encoding: identity", b"Content-Length: 3"), (400,)),
            ((b"Transfer-Encoding: xchunked", b"Content-Length: 3"), (400,)),
            ((b"Content-Length: -1",), (400, None)),
            ((b"Content-Length: +3",), (400, None)),
            ((b"Content-Length: 0x3",), (400, None)),
            ((b"Content-Length: 3 3",), (400, None)),
            ((b"Content-Length: 3,3",), (400, None)),
            ((b"Content-Length: 3;",), (400, None)),
            ((b"Content-Length: ",), (400, None)),
            ((b"Content-Length: 99999999999999999999999",),
             (400, 413, None)),
            ((b"Content-Length: 18446744073709551619",), (400, 413, None)),
            ((b"Content-Length: 4294967299",), (413,)),
            ((b"Content-Length : 3",), (400, None)),
            ((b" Content-Length: 3",), (400, 411, None)),
            ((b"Content-Length:\r\n 3",), (400,)),
            ((), (411, 400))):
        status, got = post_raw(*lines)
        true(status in want, "%r: %r" % (lines, status))
        true(answers(got) <= {status}, "%r: two answers" % (lines,))


@test
def test_a_second_request_is_not_smuggled_in():
    inner = ask(b"GET /static/app.css HTTP/1.1")
    for lines in ((b"Content-Length: 0", b"Content-Length: %d" % len(inner)),
                  (b"Content-Length: %d" % len(inner),
                   b"Transfer-Encoding: chunked"),
                  (b"Content-Length : %d" % len(inner),),
                  (b"Transfer-Encoding : chunked",),
                  (b"Transfer-Encoding: chunked",)):
        body = b"0\r\n\r\n" + inner if b"chunked" in lines[-1] else inner
        _, got = raw(ask(b"\r\n".join((b"POST /login HTTP/1.1",
                                       b"Content-Type: " + FORM.encode()) +
                                      lines), body, close=False), timeout=3)
        true(b"text/css" not in got, "%r: answered" % (lines,))
    for line in (b"Content-Length : %d" % len(inner),
                 b"Transfer-Encoding : chunked"):
        _, got = raw(ask(b"GET /login HTTP/1.1\r\n" + line, inner,
                         close=False), timeout=3)
        true(b"text/css" not in got, "%r: answered" % line)
    # The control: the same request on its own line of the pipe is answered.
    _, got = raw(ask(b"GET /login HTTP/1.1", close=False) + inner, timeout=3)
    true(b"text/css" in got, "pipelining")


@test
def test_a_get_with_a_body_is_refused():
    status, _ = raw(ask(b"GET /login HTTP/1.1\r\nContent-Length: 3", b"a=b"))
    equal(status, 400, "GET with body")
    status, _ = raw(ask(b"GET /static/app.css HTTP/1.1\r\nContent-Length: 3",
                        b"a=b"))
    equal(status, 400, "static with body")


@test
def test_malformed_requests_are_refused():
    here = server().authority.encode()
    for data in (b"GET /login HTTP/1.1\r\nHost : " + here + b"\r\n\r\n",
                 b"GET /login HTTP/1.1\r\nHost:\r\n " + here + b"\r\n\r\n",
                 b"GET /login HTTP/1.1\r\nX: a\r\n b\r\nHost: evil.example"
                 b"\r\n\r\n",
                 b"GET http://evil.example/login HTTP/1.1\r\nHost: " + here +
                 b"\r\n\r\n",
                 b"GET http://" + here + b"/login HTTP/1.1\r\nHost: " + here +
                 b"\r\n\r\n",
                 b"GET login HTTP/1.1\r\nHost: " + here + b"\r\n\r\n",
                 b"GET * HTTP/1.1\r\nHost: " + here + b"\r\n\r\n",
                 b"GET /%ff HTTP/1.1\r\nHost: " + here + b"\r\n\r\n",
                 b"GET /child/%c3%28 HTTP/1.1\r\nHost: " + here + b"\r\n\r\n",
                 b"GET /login?x=%ff HTTP/1.1\r\nHost: " + here + b"\r\n\r\n",
                 b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: " + here +
                 b"\r\n\r\n",
                 b"GET /login?" + b"a=b&" * 5000 + b" HTTP/1.1\r\nHost: " +
                 here + b"\r\n\r\n",
                 b"GET /login HTTP/1.1\r\nHost: " + here + b"\r\n" +
                 b"X: y\r\n" * 20000 + b"\r\n",
                 b"GET /login\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
                 b"GET /login HTTP/9.9\r\nHost: " + here + b"\r\n\r\n"):
        status, got = raw(data, timeout=3)
        true(status is None or status in (400, 404, 413, 414, 421, 422, 431,
                                          505),
             "%r: %r %r" % (data[:60], status, got[:80]))
    status, _ = raw(ask(b"GET /login HTTP/1.1"))
    equal(status, 200, "control")


@test
def test_folded_lines_and_bare_line_ends_are_refused():
    host = b"Host: " + server().authority.encode()
    first, last = b"GET /login HTTP/1.1", b"Connection: close"

    def head(*lines, end=b"\r\n"):
        return end.join(lines) + end + end

    for good in ((b"X: a",), (b"X:a",), (b"X: \t a \t ",), (b"X:",),
                 (b"X: a", b"X: b"), (b"Cookie: a=b; lang=zh",), (),
                 (b"X: " + b"a" * 9000,), (b"X: a",) * 99):
        status, got = raw(head(first, host, *good, last))
        equal(status, 200, "control: %r" % (good,)[:60])
    folds = (b"X: a\r\n b", b"X: a\r\n\tb", b"X:\r\n b", b"X: a\r\n b\r\n c",
             b"X: a\r\n ", b"X: a\r\n b\r\nY: c")
    bare = (b"X: a\nY: b", b"X: a\rY: b", b"X: a\r\r\nY: b", b"X: a\rb",
            b"X: a\nContent-Length: 5", b"X: a\n b", b"X: a\n\r\nY: b")
    odd = (b"X: a\0b", b"X: a\x01b", b"X: a\x7fb", b"X Y: a", b"X(: a",
           b"X\xe4: a", b": a", b"X", b"X\t: a")
    for line in folds + bare + odd:
        status, got = raw(head(first, host, line, last), timeout=3)
        equal(answers(got), {400}, "%r" % line)
    for data in (head(first, host, last, end=b"\n"),
                 first + b"\n" + head(host, last),
                 first + b"\r\n" + host + b"\n" + last + b"\r\n\r\n",
                 head(first, host, last)[:-2] + b"\n",
                 head(first, host)[:-2] + b"\n" + last + b"\r\n\r\n",
                 head(first + b"\r\n " + host, last),
                 head(first, b"Host:\r\n " + host[6:], last)):
        status, got = raw(data, timeout=3)
        equal(answers(got), {400}, "%r" % data)
    # Of a request that goes on in another packet too.
    c = socket.create_connection(("127.0.0.1", server().port), timeout=5)
    for piece in (first + b"\r\n" + host + b"\r\nX: a\r", b"\n", b" b\r\n",
                  last + b"\r\n\r\n"):
        c.sendall(piece)
        time.sleep(0.1)
    true(c.recv(65536).startswith(b"HTTP/1.1 400 "), "in pieces")
    c.close()


@test
def test_refusals_carry_our_headers():
    here = server().authority.encode()
    for data, want in (
            (b"GET /login HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
            (b"GET /login HTTP/1.1\r\nHost: " + here + b"\r\nX: a\n\r\n", 400),
            (b"PUT /login HTTP/1.1\r\nHost: " + here + b"\r\n\r\n", 405),
            (b"GET /%00 HTTP/1.1\r\nHost: " + here + b"\r\n\r\n", 400),
            (b"POST /login HTTP/1.1\r\nHost: " + here + b"\r\n\r\n", 411)):
        status, got = raw(data, timeout=3)
        equal(status, want, "%r" % data)
        head = got.split(b"\r\n\r\n")[0].decode().lower()
        for name in list(HEADERS) + ["content-security-policy",
                                     "cache-control: no-store",
                                     "connection: close"]:
            true("\n" + name in head, "%d: no %s" % (want, name))
        true(want != 405 or "\nallow: get, head, post" in head, "Allow")


@test
def test_paths_are_read_in_one_way():
    here = server().authority.encode()
    for path, want in (
            ("/login", 200), ("/log%69n", 200), ("/login?", 200),
            ("/login/", 303), ("//login", 404), ("/./login", 404),
            ("/x/../login", 404), ("/login;x", 404), ("/login%00", 400),
            ("/login%0a", 400), ("/login%2f", 400), ("/x%5clogin", 400),
            ("/login%", 400), ("/login%6", 400), ("/login%zz", 400),
            ("/login%ff", 400), ("/login#x", 400), ("/LOGIN", 404),
            ("/login?x=%zz", 422), ("/login?x=%00", 422),
            ("/login?x=%ff", 422), ("/login?%ff=x", 422), ("/login?=&&", 200),
            ("/login?x=" + "a" * 9000, 414)):
        status, got = raw(ask(b"GET " + path.encode() + b" HTTP/1.1"))
        equal(status, want, path[:40])
    b = browsers()["director"]
    equal(b.get("/today/").location, "/today", "a slash too many")
    equal(b.get("/no/such/page/").status, 404, "no page without it either")
    equal(raw(ask(b"GET //evil.example/ HTTP/1.1"))[0], 404, "two slashes")
    # No header or field makes another method of it.
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method"):
        r = b.get("/logout", headers={name: "POST"})
        equal(r.status, 303, name)
    equal(b.get("/today?_method=POST").status, 200, "_method")


@test
def test_other_methods_are_refused():
    for method in ("PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "CONNECT",
                   "PROPFIND", "get"):
        status, got = raw(ask(method.encode() + b" /login HTTP/1.1"))
        equal(status, 405, method)
        true(b"/login HTTP" not in got, "the request comes back")
    equal(Browser(server()).request("POST", "/static/app.css", "", {
        "Content-Type": FORM}).status in (403, 404, 405), True, "static")


@test
def test_large_bodies_are_refused():
    status, _ = post_raw(b"Content-Length: %d" % (64 << 20), body=b"")
    equal(status, 413, "far too large: at once")
    b = browsers()["director"]
    r = b.post("/children", {"q": "x" * (600 << 10)})
    equal(r.status, 413, "too large: read to its end, so that it is seen")
    true(message("WEB_TOO_LARGE") in r.text, "what it says")
    r = b.post("/children", {"q": "x" * (300 << 10)})
    true(r.status in (200, 422), "control: a body of some size: %d" %
         r.status)
    many = "&".join("f%d=1" % i for i in range(5000)) + "&csrf=" + b.token
    r = b.request("POST", "/children", many, {"Content-Type": FORM})
    true(r.status in (400, 422), "many fields: %d" % r.status)


@test
def test_static_files_come_from_the_table_only():
    b = Browser(server())
    for name, kind in (("app.css", "text/css"), ("app.js", "text/javascript"),
                       ("icon.svg", "image/svg+xml")):
        r = b.get("/static/" + name)
        equal(r.status, 200, name)
        true(r.type.startswith(kind), name)
        again = b.get("/static/" + name, headers={
            "If-None-Match": r.header("etag")})
        equal((again.status, again.body), (304, b""), "not changed")
        equal(b.get("/static/" + name, headers={
            "If-None-Match": '"' + "0" * 32 + '"'}).body, r.body, "changed")
        head = b.request("HEAD", "/static/" + name)
        equal((head.status, head.body, head.header("etag")),
              (200, b"", r.header("etag")), "HEAD")
    for path in ("/static/", "/static/x", "/static/../templates/head.html",
                 "/static/../../etc/passwd", "/static/..%2f..%2fetc/passwd",
                 "/static/%2e%2e/%2e%2e/etc/passwd", "/static//etc/passwd",
                 "/static/app.css/", "/static/app.css%00.html",
                 "/templates/head.html", "/content.db", "/../content.db",
                 "/static/..\\app.css", "/unit.sql"):
        data = raw(ask(b"GET " + path.encode() + b" HTTP/1.1"))
        true(data[0] in (400, 404), "%s: %r" % (path, data[0]))
        true(b"root:" not in data[1] and b"SQLite" not in data[1], path)


@test
def test_an_unknown_page_says_so():
    for b in (Browser(server()), browsers()["director"]):
        r = b.get("/no/such/page")
        equal(r.status, 404, "404")
        true(message("WEB_NOT_FOUND") in r.text, "what it says")
        equal(b.get("/no/such/page?lang=en").text.count(
            message("WEB_NOT_FOUND", 1)), 1, "in English")
        b.get("/no/such/page?lang=zh")
    for path in ("/child/" + "0" * 36, "/child/xyz", "/child/%0d%0aX:y",
                 "/child/" + "a" * 200):
        r = browsers()["director"].get(path)
        true(r.status in (400, 404, 422), "%s: %d" % (path, r.status))
        equal(r.header("x"), None, "a header came through")


def other_language(r):
    links = [a for a in r.page().links if "lang=" in a]
    equal(len(links), 1, "language links")
    return links[0]


@test
def test_the_language_link_keeps_page_and_query():
    b = Browser(server()).signed_in("dir1")
    for path, want in (
            ("/today", "/today?lang=en"),
            ("/login?locked=1", None),
            ("/activities?from=2026-01-01&x=%26%3D%3F%20%22%E4%B8%AD",
             "/activities?lang=en&from=2026-01-01&x=%26%3D%3F%20%22"
             "%E4%B8%AD"),
            ("/no/such?a=b", "/no/such?lang=en&a=b"),
            ("/child/%E4%B8%AD", "/child/%E4%B8%AD?lang=en")):
        r = b.get(path)
        if want is not None:
            equal(other_language(r), want, path)
    r = b.get("/today?lang=en&x=1")
    equal(other_language(r), "/today?lang=zh&x=1", "and back")
    equal(other_language(b.get(other_language(r))), "/today?lang=en&x=1",
          "there and back")
    # After a form was refused: a page that a GET opens, without what was sent.
    c = "/child/%s" % child()
    for path, fields, want in (
            (c + "/observe", {"note": "typed"}, c + "/observe?lang=en"),
            (c + "/draft", {}, c + "?lang=en"),
            (c + "/reveal", {"field": "nothing"}, c + "?lang=en"),
            ("/children", {"q": "typed"}, "/children?lang=en"),
            ("/logout", {"csrf": "no"}, "/?lang=en")):
        r = b.post(path, fields, csrf=fields.get("csrf", True))
        if r.status == 303:
            continue
        equal(other_language(r), want, path)
        true(b.get(want).status in (200, 303), want)
        b.get("/?lang=zh")


@test
def test_an_error_page_says_what_happened_and_what_helps():
    b = Browser(server()).signed_in("dir1")
    here = "http://" + server().authority

    def shown(r, status, title, what, *links, lang=0):
        equal(r.status, status, title)
        page = r.page()
        words = [w for w in page.words if w]
        at = words.index(message(title, lang))
        equal(words[at + 1], message(what, lang), title)
        for link in links:
            true(link in page.links, "%s: no link to %s" % (title, link))
        true(re.search("<main[^>]*>\\s*(<p class=.notice.*?</p>\\s*)?"
                       "<section[^>]*>\\s*<h1>", r.text), "heading first")

    c = "/child/%s" % child()
    back = {"Referer": here + c}
    shown(b.get("/people", headers=back), 403, "WEB_ERROR_403",
          "WEB_NOT_YOUR_PAGE", c, "/")
    shown(b.post(c + "/flag", csrf="no"), 403, "WEB_ERROR_403", "WEB_CSRF",
          c + "/flag", "/")
    shown(b.post(c + "/flag", headers={"Origin": "http://evil.example",
                                       "Referer": "http://evil.example/x"}),
          403, "WEB_ERROR_403", "WEB_FOREIGN_FORM", c + "/flag", "/")
    shown(b.get("/no/such", headers=back), 404, "WEB_ERROR_404",
          "WEB_NOT_FOUND", c, "/")
    shown(b.post("/children", {"q": "x" * (600 << 10)}), 413,
          "WEB_ERROR_413", "WEB_TOO_LARGE", "/children", "/")
    b.get("/today?lang=en")
    shown(b.get("/no/such"), 404, "WEB_ERROR_404", "WEB_NOT_FOUND", "/",
          lang=1)
    out = Browser(server())
    out.get("/login")
    shown(out.post(c + "/flag"), 403, "WEB_ERROR_403", "WEB_SIGN_IN",
          "/login", c + "/flag", "/")
    # Nobody else's page is offered as the one before.
    for from_ in ("http://evil.example" + c, here + ".evil.example/today",
                  here + "@evil.example/", here + "//evil.example/", "x",
                  here + "/no/such", here + "/static/app.css"):
        page = b.get("/no/such", headers={"Referer": from_}).page()
        true(message("WEB_BEFORE", 1) not in page.text, from_)


@test
def test_scripts_are_answered_in_json():
    b, out = browsers()["director"], Browser(server())
    out.get("/login")
    equal(b.get("/alive").json(), {}, "control")
    equal(out.get("/units.json?q=" + urllib.parse.quote("鼓楼")).json()[0]
          ["code"], "350102000000", "control")
    for r, status in ((out.get("/alive"), 403),
                      (out.get("/people/units.json"), 403),
                      (b.get("/people/units.json"), 403),
                      (b.get("/units.json?q=%ff"), 422),
                      (b.get("/units.json?q=" + "a" * 9000), 414),
                      (b.request("PUT", "/alive"), 405),
                      (b.get("/no/such", headers={
                          "Sec-Fetch-Dest": "empty"}), 404)):
        equal(r.status, status, "status")
        true(list(r.json()) == ["error"] and r.json()["error"], "error")
    true(b.get("/no/such", headers={"Sec-Fetch-Dest": "document"})
         .type.startswith("text/html"), "a person")


# ---- sessions ----

@test
def test_after_a_wrong_passphrase_one_types_the_passphrase_again():
    def focus(page):
        return re.findall(r'name="(\w+)"[^>]* autofocus', page.text)
    b = Browser(server())
    equal(focus(b.get("/login")), ["user"], "at first")
    r = b.post("/login", {"user": "dir1", "passphrase": "not-this-one"})
    true(message("WRONG_PASSPHRASE") in r.page().text, "refused")
    equal(focus(r), ["passphrase"], "the name is there")


@test
def test_the_cookie_is_strict_and_changes_at_sign_in():
    b = Browser(server())
    r = b.get("/login")
    true(any(re.fullmatch(r"rx=[0-9a-f]{64}; Path=/; HttpOnly; "
                          r"SameSite=Strict", c)
             for c in r.all("set-cookie")), "cookie %r" %
         r.all("set-cookie"))
    before, before_token = b.cookies["rx"], b.token
    equal(b.login("dir1").status, 303, "login")
    after = b.cookies["rx"]
    true(after != before, "the cookie stayed")
    equal(b.get("/today").status, 200, "control")
    true(b.token != before_token, "the token stayed")
    old = Browser(server())
    old.cookies["rx"] = before
    r = old.get("/today")
    equal((r.status, r.location), (303, "/login"), "the old cookie")


@test
def test_a_planted_cookie_is_not_adopted():
    planted = "a" * 64
    b = Browser(server())
    b.cookies["rx"] = planted
    equal(b.login("dir1").status, 303, "login")
    true(b.cookies["rx"] != planted, "adopted")
    thief = Browser(server())
    thief.cookies["rx"] = planted
    equal(thief.get("/today").status, 303, "the planted cookie")
    for value in ("", "x", "a" * 63, "a" * 65, "../" * 20, "%00" * 21 + "a"):
        thief.cookies["rx"] = value
        equal(thief.get("/today").status, 303, "cookie %r" % value)


@test
def test_a_cookie_that_is_there_twice_is_none():
    b = browsers()["director"]
    good = "rx=" + b.cookies["rx"]
    cookie = lambda text: raw(ask(b"GET /today HTTP/1.1\r\nCookie: " +
                                  text.encode()))[0]
    for text in (good, "a=b; " + good, good + "; lang=zh", good + ";",
                 "xrx=1; " + good, "rxx=1;" + good):
        equal(cookie(text), 200, "control: " + text)
    for text in (good + "; " + good, "rx=x; " + good, good + "; rx=",
                 "__Host-" + good, "x" + good, good + "x"):
        equal(cookie(text), 303, text)


@test
def test_signing_in_again_ends_the_session_before():
    b = Browser(server()).signed_in("dir3")
    first = b.cookies["rx"]
    equal(b.post("/login", {"user": "dir4", "passphrase":
                            passphrase("dir4")}).status, 303, "login")
    true("dir4" in b.get("/today").text, "who is signed in")
    old = Browser(server())
    old.cookies["rx"] = first
    equal(old.get("/today").status, 303, "the first session")


@test
def test_signing_out_ends_the_session_on_the_server():
    b = Browser(server()).signed_in("dir1")
    cookie, token = b.cookies["rx"], b.token
    equal(b.post("/logout", csrf="0" * 64).status, 403, "without the token")
    equal(b.get("/today").status, 200, "still there")
    equal(b.post("/logout").location, "/login", "logout")
    old = Browser(server())
    old.cookies["rx"] = cookie
    equal(old.get("/today").location, "/login", "GET")
    old.cookies["rx"] = cookie
    equal(old.post("/children", csrf=token).status, 403, "POST")


@test
def test_an_idle_session_is_ended():
    s = Server(register(), "--idle", "2")
    b = Browser(s).signed_in("dir1")
    cookie = b.cookies["rx"]
    for _ in range(4):			# the control: use keeps it open
        time.sleep(1)
        equal(b.get("/today").status, 200, "in use")
    time.sleep(2.6)
    b.cookies["rx"] = cookie
    equal(b.get("/today").location, "/login", "idle")
    equal(s.stop(), "", "complaints")


@test
def test_refused_requests_do_not_keep_a_session_open():
    s = Server(register(), "--idle", "2")
    b = Browser(s).signed_in("dir1")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        b.request("POST", "/children", "q=", {"Content-Type": FORM})
        time.sleep(0.5)
    equal(b.get("/today").location, "/login", "idle")
    s.stop()


@test
def test_failures_are_answered_by_a_wait():
    s = Server(register())
    b = Browser(s)
    for i in range(5):
        r = b.login("dir1", "wrong-%d" % i)
        equal(r.status, 403, "failure %d" % i)
    r = b.login("dir1")
    equal(r.status, 429, "the right passphrase, too soon")
    true("rx" in b.cookies and b.get("/today").status == 303, "signed in")
    equal(Browser(s).login("dir1").status, 429, "from another browser")
    equal(Browser(s).login("dir2").status, 303, "control: another account")
    time.sleep(2.2)
    equal(b.login("dir1").status, 303, "after the wait")
    s.stop()


@test
def test_unknown_people_are_told_nothing_else():
    s = Server(register())
    b = Browser(s)
    known, unknown = b.login("dir2", "wrong"), b.login("nobody", "wrong")
    equal(known.status, unknown.status, "status")
    strip = lambda r, u: re.sub(r'value="[^"]*"', "", r.text)
    equal(strip(known, "dir2"), strip(unknown, "nobody"), "page")
    s.stop()


@test
def test_a_source_that_guesses_many_accounts_waits():
    s = Server(register())
    b = Browser(s)
    statuses = [b.login("guess%d" % i, "wrong").status for i in range(22)]
    equal(set(statuses[:20]), {403}, "free tries")
    equal(set(statuses[21:]), {429}, "then")
    s.stop()


@test
def test_the_old_passphrase_is_needed_and_guessing_it_is_held_up():
    s = Server(register())
    b = Browser(s).signed_in("dir4")
    other = Browser(s).signed_in("dir4")
    fields = {"new": "一条新的口令 2026", "again": "一条新的口令 2026"}
    for i in range(5):
        r = b.post("/passphrase", dict(fields, old="wrong-%d" % i))
        equal(r.status, 403, "wrong")
    r = b.post("/passphrase", dict(fields, old=passphrase("dir4")))
    equal(r.status, 429, "too soon")
    time.sleep(2.2)
    r = b.post("/passphrase", dict(fields, old=passphrase("dir4"),
                                   again="something else"))
    equal(r.status, 422, "differs")
    equal(other.get("/today").status, 200, "control: another open page")
    before = b.cookies["rx"]
    r = b.post("/passphrase", dict(fields, old=passphrase("dir4")))
    equal(r.status, 303, "changed")
    true(b.cookies["rx"] != before, "the session is the old one")
    equal(b.get("/today").status, 200, "goes on")
    equal(other.get("/today").location, "/login", "the other page")
    equal(Browser(s).login("dir4").status, 403, "the old passphrase")
    equal(Browser(s).login("dir4", fields["new"]).status, 303, "the new one")
    s.stop()


@test
def test_every_form_that_asks_for_a_passphrase_makes_guessers_wait():
    s = Server(register())
    d = {role: Browser(s).signed_in(user) for role, user in ROLES.items()}
    equal(d["admin"].post("/safety/backup").status, 303, "a backup")
    folder = os.path.join(register(), "backups")
    name = sorted(n for n in os.listdir(folder) if not n.endswith(".keys"))[0]
    forms = {}
    for method, pattern, roles in routes():
        path = concrete(method, pattern).replace("none.rxb", name)
        role = "admin" if "admin" in roles or "signed" in roles else None
        if method != "GET" or role is None or by_script(path):
            continue
        r = d[role].get(path)
        if not r.type.startswith("text/html") or r.status != 200:
            continue
        for f in r.page().forms:
            asked = [n for n, kind, _, _ in f["fields"]
                     if kind == "password" and n in ("old", "passphrase")]
            if asked:
                forms[f["action"]] = (path, asked[0])
    true("/passphrase" in forms and any(
        "/verify" in a for a in forms) and len(forms) == 2, "%r" % forms)
    for action, (at, field) in forms.items():
        s2 = Server(register())
        b = Browser(s2).signed_in("admin")
        fields = {"new": "x" * 9, "again": "x" * 9}
        got = []
        for _ in range(6):
            b.get(at)
            r = b.post(action, dict(fields, **{field: "wrong"}))
            got.append(r.status)
        equal(got, [403] * 5 + [429], action)
        true(1 <= int(r.header("retry-after")) <= 2, "Retry-After")
        equal(Browser(s2).login("admin").status, 429, "nor at the door")
        s2.stop()
    s.stop()


# ---- what is left in memory ----

def holds(s, *texts):
    """Which of ${texts} stand in the memory of the server, each given as a
    function, so that this program's own memory is of no matter; None when
    it may not be read: the process is not dumpable, so only by root."""
    found = set()
    try:
        memory = open("/proc/%d/mem" % s.p.pid, "rb", 0)
        with open("/proc/%d/maps" % s.p.pid) as f:
            maps = f.read().splitlines()
    except PermissionError:
        return None
    with memory:
        for line in maps:
            first, last = (int(x, 16) for x in line.split()[0].split("-"))
            if line.endswith(("[vvar]", "[vsyscall]")) or "-" * 4 in line and \
                    " ---p 00000000 00:00 0 " not in line:
                continue
            try:
                memory.seek(first)
                data = memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue
            found |= {t for t in texts if t in data}
    return found


def memory_server(*arguments):
    """A server whose memory can be read."""
    s = Server(*arguments)
    if holds(s, b"x") is None:
        s.stop()
        raise Skipped("the memory of a hardened process is for root only")
    return s


def settled(s, *texts, seconds=20):
    """What stays, when those who answer have had time to clear up."""
    end = time.monotonic() + seconds
    while True:
        found = holds(s, *texts)
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)


@once
def own_register():
    """A copy in which dir1 has a passphrase that the program does not know:
    (folder, passphrase, keys that a session of his holds)."""
    d = os.path.join(temp_dir(), "register")
    shutil.copytree(register(), d)
    secret = "%030x" % random.SystemRandom().getrandbits(120)
    run(d, "dir1", passphrase("dir1"), "passwd", new=secret).expect()
    out = subprocess.run([ROUTES, "--keys", d, "dir1", secret], check=True,
                         capture_output=True).stdout.decode()
    keys = [bytes.fromhex(x) for x in out.split()]
    true(len(keys) == 2 and len(set(keys)) == 2, "keys")
    return d, secret, keys


def left_in_memory(*arguments, context=None):
    folder, typed, keys = own_register()
    secret = typed.encode()
    s = memory_server(folder, "--idle", "8", *arguments)
    shown = "记在这里的一句话".encode()
    equal(holds(s, secret, *keys), set(), "before")

    def sign_in():
        b = Browser(s, context).signed_in("dir1", typed)
        path = "/child/%s/observe" % child()
        fields = dict(b.get(path).page().fields(path), date="2001-01-01")
        for times in (1, 500):		# one that fills several TLS records
            r = b.post(path, dict(fields, note=shown.decode() * times))
            equal(r.text.count(shown.decode()), times, "the page")
        return b

    b = sign_in()
    # The control: keys of an open session are found.
    equal(holds(s, *keys), set(keys), "the keys of who is signed in")
    equal(settled(s, secret, shown), set(), "passphrase and pages")
    equal(b.post("/logout").status, 303, "logout")
    equal(settled(s, secret, shown, *keys), set(), "after signing out")
    sign_in()
    equal(holds(s, *keys), set(keys), "signed in again")
    time.sleep(9)
    equal(settled(s, secret, shown, *keys), set(), "after idle")
    # A refused passphrase, one that is too long, and one in a broken form.
    b = Browser(s, context)
    for wrong in ("wrong-%s" % ("y" * 40), "long-%s" % ("z" * 1100)):
        true(b.login("dir1", wrong).status in (403, 422), "refused")
        equal(settled(s, wrong.encode()), set(), "a refused passphrase")
    b.request("POST", "/login", "passphrase=broken-passphrase&x=%zz",
              {"Content-Type": FORM})
    equal(settled(s, b"broken-passphrase"), set(), "in a broken form")
    s.stop()


def with_tls():
    """Arguments of the server, and what trusts it."""
    if certificate() is None:
        raise Skipped("openssl is not installed")
    cert, key = certificate()
    return (("--tls-cert", cert, "--tls-key", key),
            ssl.create_default_context(cafile=cert))


@test
def test_keys_and_passphrases_leave_the_memory():
    left_in_memory()


@test
def test_keys_and_passphrases_leave_the_memory_under_tls():
    arguments, context = with_tls()
    left_in_memory(*arguments, context=context)


@test
def test_what_tls_decrypted_is_wiped():
    arguments, context = with_tls()
    s = memory_server(register(), *arguments)
    secret, waiting = b"decrypted-passphrase", []

    # Two records, the first of which makes the buffer of the body large enough
    # for both: so nothing of ours is put, and wiped, where the second one lay.
    def records():
        yield b"&" * 9000
        yield b"&" * 6000 + b"passphrase=" + secret
        end = time.monotonic() + 20
        while not waiting and time.monotonic() < end:
            waiting.extend(holds(s, secret))
        yield b"&"

    r = Browser(s, context).request("POST", "/login", records(), {
        "Content-Type": FORM, "Content-Length": str(15012 + len(secret))})
    equal(r.status, 403, "without a token")
    equal(waiting, [secret], "the control: in a form that is not complete")
    equal(settled(s, secret), set(), "after the answer")
    s.stop()


@test
def test_without_memory_to_lock_a_sign_in_is_refused_and_others_go_on():
    # Root may lock what it likes: unless it leaves that right behind.
    prefix = ["setpriv", "--bounding-set", "-ipc_lock", "--inh-caps",
              "-ipc_lock"] if os.geteuid() == 0 else []
    s = Server(register(), prefix=["prlimit", "--memlock=98304"] + prefix)
    people, got = [], []
    for i in range(12):
        b = Browser(s)
        r = b.login(["dir1", "dir2", "dir3", "sup1"][i % 4])
        got.append(r.status)
        if r.status != 303:
            break
        people.append(b)
    true(people, "nobody gets in: the test is worth nothing")
    equal(r.status, 503, "the one too many")
    true(html.escape(message("MEMLOCK")) in r.text, "what it says")
    true(r.header("retry-after"), "Retry-After")
    for b in people:
        equal(b.get("/passphrase").status, 200, "who is in")
        r = b.get("/")
        r = b.get(r.location)
        true(r.status == 200 or r.status == 503 and html.escape(message(
            "MEMLOCK")) in r.text, "a page that needs more: %d" % r.status)
    equal(people[0].post("/logout").status, 303, "one leaves")
    equal(Browser(s).login("dir1").status, 303, "the next one gets in")
    true("LimitMEMLOCK" in s.stop(), "the log")


# ---- many at once ----

@test
def test_twenty_sign_ins_stall_nobody_and_stay_in_memory():
    s = Server(register())
    b = Browser(s).signed_in("dir1")
    people = ["dir1", "dir2", "dir3", "sup1", "sup2", "stat", "admin"]
    got, slow, done = [], [], threading.Event()

    def sign_in(i):
        me = Browser(s)
        me.get("/login")
        user = people[i % len(people)]
        got.append(me.post("/login", {"user": user, "passphrase":
                                      passphrase(user)}).status)

    def watch():
        while not done.is_set():
            start = time.monotonic()
            equal(b.get("/today").status, 200, "a page meanwhile")
            slow.append(time.monotonic() - start)

    watcher = threading.Thread(target=watch)
    crowd = [threading.Thread(target=sign_in, args=(i,)) for i in range(20)]
    watcher.start()
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    done.set()
    watcher.join()
    equal(len(got), 20, "answers")
    true(set(got) <= {303, 503}, "%r" % got)
    true(got.count(303) >= 10, "few got in: %r" % got)
    true(len(slow) > 5 and max(slow) < 1.0, "slowest page %.2f s of %d" % (
        max(slow), len(slow)))
    true(s.high_water() < (64 * 3 + 200) * 1024, "memory %d KiB" %
         s.high_water())
    print("     20 sign-ins: %d in, %d told to try again, %d pages meanwhile,"
          " slowest %.0f ms, peak %d MiB" % (
              got.count(303), got.count(503), len(slow), max(slow) * 1000,
              s.high_water() // 1024))
    equal(s.stop(), "", "complaints")


def raw_login(s, user, secret):
    """A sign-in that is sent, and not waited for: its socket."""
    b = Browser(s)
    b.get("/login")
    body = urllib.parse.urlencode({"csrf": b.token, "user": user,
                                   "passphrase": secret}).encode()
    c = socket.create_connection(("127.0.0.1", s.port), timeout=60)
    c.sendall(b"POST /login HTTP/1.1\r\nHost: " + s.authority.encode() +
              b"\r\nContent-Type: " + FORM.encode() + b"\r\nCookie: rx=" +
              b.cookies["rx"].encode() + b"\r\nConnection: close\r\n"
              b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return c


def hold(s, b, ahead=4):
    """Make the session of ${b} busy for a while: a slow page of it behind
    ${ahead} sign-ins.  What to join, and [when it was answered]."""
    crowd = [raw_login(s, u, passphrase(u)) for u in
             (["dir2", "dir3", "dir4", "sup1"] * 3)[:ahead]]
    answered = []

    def slow():
        r = b.post("/passphrase", {"old": "wrong", "new": "x" * 9,
                                   "again": "x" * 9})
        equal(r.status, 403, "the slow page")
        answered.append(time.monotonic())
        for c in crowd:
            c.close()

    t = threading.Thread(target=slow)
    t.start()
    time.sleep(0.1)
    true(not answered, "it was not slow")
    return t, answered


@test
def test_a_second_page_of_a_session_waits_its_turn():
    s = Server(register())
    b, other = Browser(s).signed_in("dir1"), Browser(s).signed_in("dir2")
    for ask_for in (lambda: b.get("/today"),
                    lambda: b.post("/children", {"q": "x"})):
        t, answered = hold(s, b, 10)
        start = time.monotonic()
        equal(other.get("/today").status, 200, "of another session")
        between = time.monotonic()
        true(not answered, "the slow page was not slow")
        r = ask_for()
        end = time.monotonic()
        t.join()
        equal(r.status, 200, "the second page")
        true("dir1" in r.page().text, "whose it is")
        true(answered[0] - between > 2 * (between - start) + 0.5,
             "another session waited: %.2f s" % (between - start))
        true(end > answered[0] - 0.3, "it did not wait")
    equal(s.stop(), "", "complaints")


@test
def test_a_busy_session_is_not_looked_at_for_a_refusal_either():
    """Whether the role permits is read from what a worker may be replacing."""
    s = Server(register())
    b = Browser(s).signed_in("dir1")
    for ask_for in (lambda: b.get("/people"),
                    lambda: b.post("/children", {"q": "x"}, csrf="0" * 64),
                    lambda: b.request("GET", "/today?a=%00")):
        t, answered = hold(s, b)
        r = ask_for()
        end = time.monotonic()
        t.join()
        true(r.status in (403, 422), "it was permitted: %d" % r.status)
        true("dir1" in r.page().text, "whose it is")
        true(end > answered[0] - 0.3, "it did not wait")
    equal(s.stop(), "", "complaints")


@test
def test_too_many_waiting_pages_are_told_to_come_back():
    s = Server(register())
    b = Browser(s).signed_in("dir1")
    t, answered = hold(s, b, 12)
    got, lock = [], threading.Lock()

    def ask_for(path):
        me = Browser(s)
        me.cookies = dict(b.cookies)
        r = me.get(path)
        with lock:
            got.append((path, r, time.monotonic()))

    crowd = [threading.Thread(target=ask_for, args=("/today",))
             for _ in range(12)]
    for c in crowd:
        c.start()
    time.sleep(0.3)
    ask_for("/alive")
    for c in crowd:
        c.join()
    t.join()
    told = [r for p, r, _ in got if p == "/today" and r.status == 503]
    equal((len(told), [r.status for p, r, _ in got].count(200)), (4, 8),
          "of twelve")
    for path, r, end in got:
        true(end > answered[0] - 0.3 if r.status == 200 else
             end < answered[0], "%d %.2f s after" % (r.status, end - answered[0]))
        equal(r.header("retry-after"), "5" if r.status == 503 else None,
              "Retry-After")
        if path == "/alive":
            equal(r.json()["error"], message("WEB_BUSY"), "a script")
        elif r.status == 503:
            true(message("WEB_BUSY") in r.text and
                 message("WEB_ERROR_503") in r.text, "a person")
    equal(b.get("/today").status, 200, "afterwards")
    equal(s.stop(), "", "complaints")


@test
def test_a_session_that_ends_leads_who_waits_to_the_door():
    s = Server(register())
    b, again = Browser(s).signed_in("dir1"), Browser(s)
    again.cookies = dict(b.cookies)
    crowd = [raw_login(s, "nobody%d" % i, "wrong") for i in range(4)]
    t = threading.Thread(target=b.post, args=("/login", {
        "user": "dir1", "passphrase": passphrase("dir1")}))
    t.start()			# the session ends with this sign-in
    time.sleep(0.1)
    r = again.get("/today")
    equal((r.status, r.location), (303, "/login"), "who waited")
    t.join()
    equal(b.get("/today").status, 200, "the new session")
    for c in crowd:
        c.close()
    equal(s.stop(), "", "complaints")


@test
def test_the_server_ends_while_pages_wait():
    s = Server(register())
    b = Browser(s).signed_in("dir1")
    for i in range(4):
        raw_login(s, "nobody%d" % i, "wrong")
    for path in (b"POST /passphrase", b"GET /today", b"GET /today"):
        body = urllib.parse.urlencode({
            "csrf": b.token, "old": "x", "new": "x" * 9,
            "again": "x" * 9}).encode() if path[:1] == b"P" else b""
        c = socket.create_connection(("127.0.0.1", s.port))
        c.sendall(path + b" HTTP/1.1\r\nHost: " + s.authority.encode() +
                  b"\r\nCookie: rx=" + b.cookies["rx"].encode() +
                  b"\r\nContent-Type: " + FORM.encode() +
                  b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.05)
    equal(s.stop(), "", "complaints")


@test
def test_the_server_ends_without_what_is_queued():
    s = Server(register())
    crowd = [raw_login(s, "nobody%d" % (i % 15), "wrong") for i in range(30)]
    equal(s.stop(), "", "complaints")
    done = 0
    for c in crowd:
        try:
            done += b" 403 " in c.recv(64)
        except OSError:
            pass
        c.close()
    # Drained, it would be all 30.
    true(done < 28, "%d passphrases were stretched" % done)


@test
def test_leaving_during_a_sign_in_leaves_nothing_behind():
    s = Server(register())
    first = Browser(s).signed_in("admin")
    body = urllib.parse.urlencode({"csrf": first.token}).encode()
    for _ in range(6):			# asked for, and not waited for
        c = socket.create_connection(("127.0.0.1", s.port))
        c.sendall(b"POST /safety/verify HTTP/1.1\r\nHost: " +
                  s.authority.encode() + b"\r\nContent-Type: " +
                  FORM.encode() + b"\r\nCookie: rx=" +
                  first.cookies["rx"].encode() + b"\r\nContent-Length: %d"
                  b"\r\n\r\n" % len(body) + body)
        time.sleep(0.05)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     b"\x01\x00\x00\x00\x00\x00\x00\x00")
        c.close()			# a reset
        time.sleep(1.0)
    equal(first.get("/people").status, 200, "the session is free again")
    equal(first.post("/logout").status, 303, "logout")
    equal(s.stop(), "", "complaints")


@test
def test_slow_requests_are_cut_off_while_others_are_served():
    s = Server(register())
    here = s.authority.encode()
    head = b"POST /login HTTP/1.1\r\nHost: " + here + b"\r\nContent-Type: " + \
        FORM.encode() + b"\r\nContent-Length: 5000\r\n\r\n"
    starts = {"a body by drops": (head, b"a"),
              "a header by drops": (b"GET /login HTTP/1.1\r\nHost: " + here +
                                    b"\r\nX: ", b"a"),
              "a request line by drops": (b"GET /", b"a"),
              "nothing": (b"", b""), "half a head": (head[:40], b"")}
    ended = {}

    def drip(name, begin, drop):
        c = socket.create_connection(("127.0.0.1", s.port), timeout=0.5)
        start = time.monotonic()
        try:
            c.sendall(begin)
            while time.monotonic() - start < REQUEST_MAX + 15:
                try:
                    if not c.recv(4096):
                        break
                except socket.timeout:
                    c.sendall(drop)
        except ConnectionError:
            pass
        ended[name] = time.monotonic() - start
        c.close()

    threads = [threading.Thread(target=drip, args=(n, *v))
               for n, v in starts.items()]
    for t in threads:
        t.start()
    b, slow = Browser(s), 0
    while any(t.is_alive() for t in threads):
        start = time.monotonic()
        equal(b.get("/login").status, 200, "served")
        slow = max(slow, time.monotonic() - start)
        time.sleep(0.5)
    true(slow < 1.0, "slowest page %.2f s" % slow)
    late = {n: t for n, t in ended.items() if t > REQUEST_MAX + 5}
    true(not late, "not cut off: %r" % late)
    equal(s.stop(), "", "complaints")


# RX_CONNECTIONS_... of the server: of one address, and how many more of it are
# heard, to be told to come back.
SOURCE, SPARE = 448, 32


def connected(s, n, source="127.0.0.1"):
    """So many connections that say nothing."""
    return [socket.create_connection(("127.0.0.1", s.port), timeout=20,
                                     source_address=(source, 0))
            for _ in range(n)]


def soft_limit(pid):
    """Descriptors that the process may have."""
    with open("/proc/%d/limits" % pid) as f:
        return int(re.search(r"Max open files +(\d+)", f.read()).group(1))


def ask_on(s, c, path="/login", language="zh", close=True):
    """GET on an open connection: the answer; None when it was closed."""
    c.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nAccept-Language: %s\r\n%s"
               "\r\n" % (path, s.authority, language, "Connection: close\r\n"
                         if close else "")).encode())
    r = http.client.HTTPResponse(c)
    try:
        r.begin()
        return Reply(r.status, r.getheaders(), r.read())
    except (http.client.HTTPException, OSError):
        return None


def busy(r, language):
    """That somebody is told to come back, in his language."""
    equal(r.status, 503, "told to come back")
    equal(r.header("retry-after"), "5", "Retry-After")
    r.check("/login")
    for name in ("WEB_BUSY", "WEB_ERROR_503"):
        true(message(name, language == "en") in r.text, "%s in %s: %s" % (
            name, language, r.text))


@test
def test_two_hundred_people_come_through_one_address():
    s = Server(register())
    true(soft_limit(s.p.pid) >= 1280, "descriptors")
    first = connected(s, SOURCE)
    for c in first:
        equal(ask_on(s, c, close=False).status, 200, "each is served")
    # A browser keeps connections that do nothing: the oldest makes room.
    more = connected(s, 60)
    for c in more:
        equal(ask_on(s, c, close=False).status, 200, "and those who come")
    gone = sum(ask_on(s, c, close=False) is None for c in first[:60])
    equal(gone, 60, "those that did nothing for longest")
    equal(ask_on(s, first[60], close=False).status, 200, "and no other")
    for c in first + more:
        c.close()
    equal(s.stop(), "", "complaints")


@test
def test_when_all_connections_are_at_work_the_next_is_told_to_come_back():
    s = Server(register())
    held = connected(s, SOURCE)
    for c in held:
        c.sendall(b"GET /login HTTP/1.1\r\n")	# and no more
    time.sleep(0.5)
    for language in ("zh", "en"):
        c = connected(s, 1)[0]
        r = ask_on(s, c, language=language, close=False)
        busy(r, language)
        equal(r.header("connection"), "close", "its connection ends")
        c.close()
    other = connected(s, 1, "127.0.0.2")[0]
    equal(ask_on(s, other).status, 200, "somebody elsewhere")
    held.pop().close()
    time.sleep(0.3)
    equal(ask_on(s, connected(s, 1)[0]).status, 200, "in the place of one")
    for c in held:
        c.close()
    equal(s.stop(), "", "complaints")


@test
def test_one_address_cannot_take_every_connection():
    s = Server(register())
    open_ = connected(s, SOURCE + SPARE + 40)
    time.sleep(0.5)
    refused = 0
    for c in open_:
        c.setblocking(False)
        try:
            refused += c.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionError:
            refused += 1
    other = connected(s, 1, "127.0.0.2")[0]
    equal(ask_on(s, other).status, 200, "somebody elsewhere")
    for c in open_:
        c.close()
    true(40 <= refused <= 45, "%d were refused" % refused)
    time.sleep(0.5)
    equal(Browser(s).get("/login").status, 200, "afterwards")
    s.stop()


def nobody_gets_in(s, language):
    """A sign-in is refused, at once."""
    b = Browser(s)
    b.get("/login")
    start = time.monotonic()
    r = b.post("/login", {"user": "dir2", "passphrase": passphrase("dir2")},
               headers={"Accept-Language": language})
    busy(r, language)
    true(time.monotonic() - start < 5, "at once")


def held_register():
    """A server whose workers wait for a register that another program holds;
    it is not to be let go, as the server would stretch all passphrases then."""
    d = os.path.join(temp_dir(), "held")
    shutil.copytree(register(), d)
    db = sqlite3.connect(os.path.join(d, "content.db"), isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    return Server(d), db


def give_up(s, db, crowd):
    s.p.kill()
    s.p.communicate()
    _servers.remove(s)
    db.close()
    for c in crowd:
        c.close()


@test
def test_when_too_many_sign_in_the_next_is_told_to_come_back():
    s, db = held_register()
    crowd = [raw_login(s, "dir1", passphrase("dir1")) for _ in range(2 + 64)]
    time.sleep(0.3)
    for language in ("zh", "en"):
        nobody_gets_in(s, language)
    give_up(s, db, crowd)


@test
def test_when_the_queue_does_not_move_the_next_is_told_to_come_back():
    s, db = held_register()
    crowd = [raw_login(s, "dir1", passphrase("dir1")) for _ in range(2 + 1)]
    time.sleep(8.3)
    nobody_gets_in(s, "zh")
    give_up(s, db, crowd)


# ---- text that is not markup ----

TYPED = {"date": "2026-11-01", "month": "2014-05", "hidden": None,
         "password": None, "radio": None, "checkbox": None}


def probe_fields(page, action):
    """The form with the probe in each field for text: (fields, names)."""
    fields, names = [], []
    for name, kind, value, on in page.form(action)["fields"]:
        if kind in ("text", "search", "tel", "textarea") and name:
            fields.append((name, PROBE + name))
            names.append(name)
        elif kind in ("date", "month", "number"):
            fields.append((name, PROBE))
        elif kind not in ("checkbox", "radio") or on:
            fields.append((name, value))
    return fields, names


@test
def test_a_private_table_is_released_on_the_page_with_its_errors():
    b = browsers()["statistician"]
    fields = [(n, v) for n, v in b.get("/table").page().fields("/table")
              if n not in ("count", "dim", "private")]
    fields += [("count", "children"), ("dim", "sex")]
    before = b.get("/releases").text
    r = b.post("/table", fields + [("private", "0.5")])
    equal(r.status, 200, "asked first")
    equal(b.get("/releases").text, before, "and not released")
    r = b.post("/table", r.page().fields("/table") + [("release", "1")])
    equal(r.status, 303, r.text[-300:])
    shown = b.follow(r).text
    true("±6" in shown and "ε = 0.5" in shown, shown)
    true("（差分隐私）" in b.get("/releases").text, "the ledger")
    equal(b.post("/table", fields + [("private", "0.5"), ("release", "1")])
          .location, r.location, "the same question")
    r = b.post("/table", fields + [("private", "x")])
    true(message("PRIVATE_EPSILON") in r.text and 'value="x"' in r.text,
         "a wrong epsilon")
    r = b.post("/table", fields + [("private", "2.9")])
    true("2.5" in r.text and "%d-01-01" % (datetime.date.today().year + 1)
         in r.text, "a spent budget")


@test
def test_text_of_a_refused_form_comes_back_as_text():
    c, d, sup, adm, stat = (child(), browsers()["director"],
                            browsers()["supervisor"], browsers()["admin"],
                            browsers()["statistician"])
    forms = [(d, "/children/new", "/children/new"),
             (d, "/activities/new", "/activities/new"),
             (d, "/children", "/children"),
             (sup, "/flag/" + flag(), "/flag/%s/reveal" % flag()),
             (sup, "/flag/" + flag(), "/flag/%s/decide" % flag()),
             (adm, "/people/new", "/people/new"),
             (adm, "/units", "/units/add"), (adm, "/safety",
                                             "/safety/verify"),
             (stat, "/table", "/table"),
             (Browser(server()), "/login", "/login")]
    forms += [(d, "/child/%s/%s" % (c, what), "/child/%s/%s" % (c, what))
              for what in ("observe", "intervene", "flag", "report",
                           "consent")]
    lost, texts = [], 0
    for b, at, action in forms:
        fields, names = probe_fields(b.get(at).page(), action)
        texts += len(names)
        r = b.post(action, fields)	# parsed by check: markup would show
        if r.status == 303:		# it had no reason to refuse
            r = b.follow(r)
        elif r.status == 200 and action not in ("/children",):
            continue
        true("<img" not in r.text, action)
        for name in names:
            if html.escape(PROBE + name, True).replace("&#x27;", "&#39;") \
                    not in r.text:
                lost.append("%s %s (%d)" % (action, name, r.status))
    true(texts > 20, "few text fields: %d" % texts)
    true(not lost, "did not come back: " + "; ".join(lost))


def stored(b, action, at=None, **values):
    """Send the form with ${values}, which must be taken; the page then."""
    fields = b.get(at or action).page().fields(action)
    given = []
    for k, v in values.items():
        given += [(k, x) for x in (v if isinstance(v, list) else [v])]
    r = b.post(action, [(n, v) for n, v in fields if n not in values] +
               given)
    if r.status != 303:
        raise AssertionError("%s: %d %s" % (action, r.status, r.page().text))
    return b.follow(r)


@test
def test_text_that_is_stored_is_shown_as_text():
    d, sup = browsers()["director"], browsers()["supervisor"]
    today = time.strftime("%Y-%m-%d")
    seen = []
    r = stored(d, "/children/new", name=PROBE + "n", sex="m",
               birth="2014-05", categories=["left_behind"],
               legal_basis="statutory_duty", guardian_name=PROBE + "g",
               school=PROBE + "s", address=PROBE + "a")
    page = r.page()
    mine = next(f["action"] for f in page.forms
                if f["action"] and "/reveal" in f["action"])
    mine = "/" + "/".join(mine.split("/")[1:3])
    r = d.post(mine + "/reveal", [("field", f) for f in (
        "name", "guardian_name", "school", "address")])
    equal(r.status, 200, "reveal")
    for suffix in "ngsa":
        true(PROBE + suffix in r.page().text, "identity " + suffix)
    for form, values in (
            ("observe", {"signs": ["mood_low"], "note": PROBE + "1"}),
            ("observe", {"signs": ["death_talk"], "note": PROBE + "2"}),
            ("intervene", {"kind": "companionship", "delivered": "1",
                           "note": PROBE + "3", "need": PROBE + "4"}),
            ("flag", {"reason": PROBE + "5"}),
            ("report", {"situations": ["violence"], "authority": PROBE + "6",
                        "reference": PROBE + "7"})):
        if form == "report":
            page = d.get(mine + "/report").page()
            keys = [v for n, k, v, _ in page.form(mine + "/report")["fields"]
                    if n == "situations"]
            values["situations"] = keys[:1]
        seen.append(stored(d, mine + "/" + form, date=today, **values))
    text = d.get(mine).page().text
    for n in "1234567":
        true(PROBE + n in text, "record %s is not on the page" % n)
    stored(d, "/activities/new", kind="theme_activity", date=today, held="1",
           venue=PROBE + "v")
    d.post("/children", {"q": "img", "names": "1"})
    d.get("/today")
    d.get("/activities")
    # The supervisor sees the reason and writes his own.
    flags = [a for a in sup.get("/review").page().links
             if re.fullmatch(r"/flag/[0-9a-f-]{36}", a)]
    found = None
    for path in flags:
        if PROBE in sup.get(path).page().text:
            found = path
            break
    true(found, "the flag is not in review")
    r = sup.post(found + "/reveal", {"reason": PROBE + "r"})
    true(r.status in (200, 303), "reveal: %d" % r.status)
    if r.status == 303:
        r = sup.follow(r)
    true(PROBE + "n" in r.page().text, "the name")
    r = sup.post(found + "/decide", {"decision": "return", "reason":
                                     PROBE + "d"})
    equal(r.status, 303, "decide")
    sup.follow(r)
    true(PROBE + "d" in sup.get(found).page().text, "his reason")
    true(PROBE + "d" in d.get(mine).page().text, "the answer")
    sup.get("/coverage")


@test
def test_a_form_sent_twice_is_stored_once():
    d = browsers()["director"]
    cases = []
    path = "/child/%s/intervene" % child()
    cases.append((path, {"kind": "companionship", "delivered": "1",
                         "need": "twice-intervene"},
                  "/child/%s" % child(), "twice-intervene"))
    path = "/child/%s/observe" % child()
    cases.append((path, {"signs": "mood_low", "note": "twice-observe"},
                  "/child/%s" % child(), "twice-observe"))
    path = "/child/%s/flag" % child()
    cases.append((path, {"reason": "twice-flag"}, "/child/%s" % child(),
                  "twice-flag"))
    cases.append(("/activities/new", {
        "kind": "theme_activity", "held": "1", "venue": "twice-activity"},
        "/activities", "twice-activity"))
    for path, values, shown, marker in cases:
        fields = [(n, v) for n, v in d.get(path).page().fields(path)
                  if n not in values] + list(values.items())
        for _ in range(3):
            r = d.post(path, fields)
            equal(r.status, 303, path)
        equal(d.get(shown).page().text.count(marker), 1, marker)
        # The control: the form asked for anew is another record.
        fields = [(n, v) for n, v in d.get(path).page().fields(path)
                  if n not in values] + list(values.items())
        equal(d.post(path, fields).status, 303, path)
        equal(d.get(shown).page().text.count(marker), 2, marker)


@test
def test_a_child_sent_twice_is_stored_once():
    d = browsers()["director"]
    form = "/children/new"
    fields = [(n, v) for n, v in d.get(form).page().fields(form)
              if n not in ("name", "sex", "birth", "legal_basis")]
    fields += [("name", "重复"), ("sex", "f"), ("birth", "2015-03"),
               ("categories", "left_behind"),
               ("legal_basis", "statutory_duty")]
    places = {d.post(form, fields).location for _ in range(3)}
    true(len(places) == 1 and None not in places, "%r" % places)
    found = d.post("/children", {"q": "重复", "names": "1"}).page()
    equal(len([a for a in found.links if a.startswith("/child/")]), 1,
          "children found")


@test
def test_asking_again_after_a_form_leads_to_its_page():
    d, sup = browsers()["director"], browsers()["supervisor"]
    for b, path, want in (
            (d, "/child/%s/reveal" % child(), "/child/%s" % child()),
            (d, "/child/%s/draft?lang=en" % child(), "/child/%s" % child()),
            (sup, "/flag/%s/decide" % flag(), "/flag/%s" % flag()),
            (browsers()["admin"], "/units/add", "/units"),
            (browsers()["admin"], "/logout", "/")):
        r = b.get(path)
        equal((r.status, r.location), (303, want), path)
    d.get("/?lang=zh")


# ---- TLS, the first run ----

@once
def certificate():
    d = temp_dir()
    cert, key = os.path.join(d, "cert.pem"), os.path.join(d, "key.pem")
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
             "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1"], check=True,
            capture_output=True)
    except FileNotFoundError:
        return None
    return cert, key


@test
def test_tls_with_a_certificate_of_ones_own():
    if certificate() is None:
        print("     openssl is not installed")
        return
    cert, key = certificate()
    s = Server(register(), "--tls-cert", cert, "--tls-key", key)
    trust = ssl.create_default_context(cafile=cert)
    b = Browser(s, trust)
    r = b.get("/login")
    true(any(re.fullmatch(r"__Host-rx=[0-9a-f]{64}; Path=/; HttpOnly; "
                          r"SameSite=Strict; Secure", c)
             for c in r.all("set-cookie")), "%r" % r.all("set-cookie"))
    true(all("; Secure" in c for c in b.get("/login?lang=zh").all(
        "set-cookie")), "the language")
    b.signed_in("dir1")
    equal(b.get("/today").status, 200, "TLS")
    equal(b.post("/children", headers={"Origin": "http://" + s.authority})
          .status, 403, "from the page without TLS")
    # In the clear nothing is answered.
    status, got = raw(b"GET /login HTTP/1.1\r\nHost: " +
                      s.authority.encode() + b"\r\n\r\n", port=s.port,
                      timeout=3)
    true(status in (None, 400) and b"csrf" not in got, "in the clear")
    try:
        Browser(s, ssl.create_default_context()).get("/login")
        raise AssertionError("an unknown certificate was trusted")
    except ssl.SSLCertVerificationError:
        pass
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(cert)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        Browser(s, old).get("/login")
        raise AssertionError("TLS 1.1 was accepted")
    except (ssl.SSLError, ConnectionError):
        pass
    s.stop()


@test
def test_without_tls_only_this_machine_is_served():
    for listen in ("0.0.0.0:0", "10.0.0.1:0", "[::]:0"):
        p = subprocess.run([RUNXIN, "-r", register(), "serve", "--listen",
                            listen], capture_output=True, timeout=30,
                           stdin=subprocess.DEVNULL,
                           env=environment("/nonexistent"))
        equal(p.returncode, USAGE, listen)


@test
def test_the_loopback_of_ipv6_is_served():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise Skipped("there is no IPv6 here")
    s = Server(register(), listen="[::1]:0")
    b = Browser(s).signed_in("dir1")
    equal(b.get("/today").status, 200, "page")
    equal(b.post("/children", {"q": ""}).status, 200, "form")
    equal(b.post("/children", headers={"Origin": "http://127.0.0.1:%d" %
                                       s.port}).status, 403, "origin")
    equal(b.get("/login", headers={"Host": "[::2]:%d" % s.port}).status, 421,
          "host")
    for i in range(5):
        equal(b.login("dir2", "wrong").status, 403, "wrong")
    equal(b.login("dir2").status, 429, "wait")
    s.stop()
    for bad in ("[::1:0", "::1:0", "[::1]", "[x]:0", "[]:0", "[127.0.0.1]:0"):
        p = subprocess.run([RUNXIN, "-r", register(), "serve", "--listen",
                            bad], capture_output=True, timeout=30,
                           stdin=subprocess.DEVNULL,
                           env=environment("/nonexistent"))
        equal(p.returncode, USAGE, bad)


@test
def test_the_first_run_makes_a_register_once():
    d = os.path.join(temp_dir(), "new")
    s = Server(d)
    b = Browser(s)
    equal(b.get("/").location, "/setup", "home")
    equal(b.get("/login").location, "/setup", "login")
    page = b.get("/setup").page()
    r = b.get("/units.json?q=" + urllib.parse.quote("鼓楼"))
    true('"350102000000"' in r.text, "units")
    bad = {"unit": PROBE, "name": PROBE, "user": PROBE, "new": "short",
           "again": "short"}
    r = b.post("/setup", bad)
    equal(r.status, 422, "refused")
    true("short" not in r.text, "the passphrase comes back")
    true(not os.path.exists(os.path.join(d, "content.db")), "made")
    # A name typed without script: none, several, and below the only one.
    for unit, said in (("", "WEB_SETUP_UNIT_EMPTY"),
                       ("火星", "WEB_SETUP_UNIT_NONE"),
                       ("街道", "WEB_SETUP_UNIT_SEVERAL")):
        r = b.post("/setup", dict(bad, unit=unit))
        equal(r.status, 422, unit)
        true(message(said).replace("{unit}", unit) in r.page().text, r.page().text)
    fields = dict(page.fields("/setup"), unit="鼓楼区",
                  name="鼓楼区民政局", user="admin", new="第一条口令 2026",
                  again="第一条口令 2026")
    equal(b.post("/setup", fields, csrf="0" * 64).status, 403, "token")
    r = b.post("/setup", fields)
    equal(r.status, 200, "made")
    codes = re.findall(r"\b(?:[0-9A-Z]{4,8}[- ]){3,}[0-9A-Z]+\b", r.text)
    equal(len(set(codes)), 3, "codes")
    r = b.post("/setup", fields)
    equal((r.status, r.location), (303, "/login"), "twice")
    equal(b.get("/setup").location, "/login", "afterwards")
    true(codes[0] not in b.get("/login").text, "codes shown again")
    equal(b.login("admin", "第一条口令 2026").status, 303, "sign in")
    equal(b.get("/people").status, 200, "people")
    equal(s.stop(), "", "complaints")


@test
def test_a_first_run_leaves_nothing_beside_the_folder_in_reach():
    """The folder is there before the server locks itself in; where it cannot be
    made, or the default folder has none above it, is told or mended at once."""
    home = temp_dir()
    above = os.path.join(home, "above")
    p = run(os.path.join(above, "new"), None, None, "serve",
            "--listen", "127.0.0.1:0").expect(IO)
    true(os.path.join(above, "new") in p.complaint, "which folder")
    true(not os.path.exists(above), "made what was not asked for")
    os.mkdir(above)
    s = Server(os.path.join(above, "new"))
    true(os.path.isdir(os.path.join(above, "new")), "not made")
    equal(stat.S_IMODE(os.stat(os.path.join(above, "new")).st_mode), 0o700,
          "mode")
    equal(Browser(s).get("/").location, "/setup", "a first run")
    equal(s.stop(), "", "complaints")
    s = Server(None, home=home)
    true(os.path.isdir(os.path.join(home, ".local/share/runxin")), "default")
    equal(Browser(s).get("/").location, "/setup", "a first run")
    equal(s.stop(), "", "complaints")


@test
def test_the_server_has_locked_itself_in():
    """Every thread of it; what that takes away: attack/test_sandbox.c."""
    pid = server().p.pid
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task)) as f:
            status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
        equal((status["Seccomp"].strip(), status["NoNewPrivs"].strip()),
              ("2", "1"), "thread " + task)


@test
def test_the_server_ends_without_complaint():
    for s in list(_servers):
        equal(s.stop(), "", "complaints")


if __name__ == "__main__":
    try:
        main()
    finally:
        for s in _servers:
            s.p.kill()
