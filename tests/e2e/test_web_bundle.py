"""Sealed bundles on the page: a home register and a copy of it, both served,
exchange downloads and uploads.  What is refused is refused by name, and the
same request without the flaw goes through."""

import os
import re
import socket

import harness
from harness import equal, main, once, run, temp_dir, test, true
import test_keys as keys
import test_web_http as web
from test_web_http import Browser, Server, message
from test_web_keys import enter, says

harness._tests.clear()		# those of the other files run there

TOWN, VILLAGE = "350102001", keys.VILLAGE
LIN, CHEN = ("lin", "lin first"), ("chen", "chen first")
BOUNDARY = "----WebKitFormBoundaryAbCdEf0123456789"
MAX = 32 << 20
PLACES = 4


# ---- two registers ----

class Place:
    """A register that is served, and who is signed in there."""

    def __init__(self, register):
        self.register = register
        self.server = Server(register)
        self.people = {}

    def at(self, person):
        if person[0] not in self.people:
            self.people[person[0]] = enter(self.server, *person)
        return self.people[person[0]]

    def counts(self, person=LIN):
        """Records of the child c1, as its director sees them."""
        shown = run(self.register, *person, "child", "show", "c1",
                    "--json").expect().json()
        return len(shown["records"])


def begin(*more):
    """(home, copy): lin is the director, chen his supervisor; child c1."""
    register, _ = keys.make("lin", *more)
    keys.enrol(register, "chen", "supervisor", TOWN)
    keys.child(register, *LIN, "c1")
    run(register, *LIN, "child", "list").expect()
    run(register, *CHEN, "review", "list").expect()
    run(register, *LIN, "child", "list").expect()
    top = os.path.dirname(register)
    saved, village = os.path.join(top, "b"), os.path.join(top, "village")
    run(register, *LIN, "backup", "create", saved).expect()
    run(register, *LIN, "backup", "restore", saved, village, "--copy",
        "中山村").expect()
    return Place(register), Place(village)


@once
def pair():
    return begin()


def observe(place, oid, **more):
    keys.observe(place.register, *LIN, oid, "c1", "记事 " + oid,
                 **more).expect()


# ---- what a browser does ----

def make(b, to=TOWN):
    """Make a bundle on the page; its bytes."""
    page = b.get("/bundles").page()
    choices = [n for n, *_ in page.form("/bundles/make")["fields"]]
    true("to" in choices, "a unit to choose: %r" % choices)
    r = b.post("/bundles/make", {"to": to})
    equal(r.status, 200, "making: %r" % r.body[-300:])
    equal(r.type, "application/octet-stream", "type")
    equal(r.header("cache-control"), "no-store", "not kept by the browser")
    true(re.fullmatch(r'attachment; filename="runxin-[0-9]{12}-'
                      r'(home|[0-9a-f]{8})-[0-9]+\.rxb"',
                      r.header("content-disposition")), "file name: %s" %
         r.header("content-disposition"))
    equal(r.body[:4], b"RXBU", "a bundle")
    return r.body


def parts(data, token, filename="to-town.rxb", name="file"):
    """A form as Chromium writes it."""
    out = b""
    if token is not None:
        out += ("--%s\r\nContent-Disposition: form-data; name=\"csrf\"\r\n"
                "\r\n%s\r\n" % (BOUNDARY, token)).encode()
    out += ("--%s\r\nContent-Disposition: form-data; name=\"%s\"; "
            "filename=\"%s\"\r\nContent-Type: application/octet-stream\r\n"
            "\r\n" % (BOUNDARY, name, filename)).encode()
    return out + data + ("\r\n--%s--\r\n" % BOUNDARY).encode()


def send(b, body, path="/bundles/show", boundary=BOUNDARY, headers=None):
    h = {"Content-Type": "multipart/form-data; boundary=" + boundary,
         "Origin": "http://" + b.server.authority,
         "Sec-Fetch-Site": "same-origin"}
    h.update(headers or {})
    return b.request("POST", path, body, h)


def begun(server, cookie="0" * 64):
    """A connection on which a file has begun to arrive."""
    s = socket.create_connection((server.host, server.port))
    s.sendall(("POST /bundles/show HTTP/1.1\r\nHost: %s\r\nCookie: rx=%s\r\n"
               "Content-Type: multipart/form-data; boundary=x\r\n"
               "Content-Length: 1000000\r\n\r\n--x" % (
                   server.authority, cookie)).encode())
    return s


def upload(b, data, **kw):
    b.get("/bundles")
    return send(b, parts(data, b.token, **kw))


def show(b, data):
    """Upload and look; the page that asks."""
    r = upload(b, data)
    equal((r.status, r.location), (303, "/bundles/open"), r.text[-400:])
    r = b.get("/bundles/open")
    equal(r.status, 200, r.text[-600:])
    return r


def confirm(b, shown, **more):
    fields = dict(shown.page().fields("/bundles/open"))
    fields.update(more)
    return b.post("/bundles/open", fields)


def merge(b, data):
    """All of it; the page that tells what came."""
    r = confirm(b, show(b, data), sure="1")
    equal((r.status, r.location), (303, "/bundles"), r.text[-400:])
    r = b.follow(r)
    says(r, "WEB_BUNDLE_OPENED")
    return r


def figures(reply):
    """{label: number} of what opening it did."""
    found = re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", reply.text)
    return {k: int(v) for k, v in found}


def new_records(reply):
    return figures(reply)[message("WEB_BUNDLE_N_RECORDS")]


def nothing_kept(b):
    r = b.get("/bundles/open")
    equal((r.status, r.location), (303, "/bundles"), "a file is kept")
    says(b.follow(r), "WEB_BUNDLE_GONE")


# ---- the way there and back ----

@test
def test_bundles_go_both_ways_by_download_and_upload():
    home, village = begin()
    observe(village, "o1", signs=["death_talk"], risk="red")
    before = {p: sorted(os.listdir(p.register)) for p in (home, village)}
    sealed = make(village.at(LIN))
    r = show(home.at(CHEN), sealed)
    digits = run(home.register, *CHEN, "user", "fingerprint", "lin",
                 "--json").expect().json()
    for text in (digits["fingerprint"], digits["root"], "lin", "chen",
                 message("WEB_BUNDLE_COPY").replace("{copy}", "中山村")):
        true(text in r.page().text, "%s is not shown" % text)
    equal(new_records(r), 1, "what opening would do")
    equal(home.counts(), 0, "nothing is merged before it is confirmed")
    equal(home.at(CHEN).get("/bundles/open").status, 200, "looked again")
    says(home.at(CHEN).get("/bundles"), "WEB_BUNDLE_WAITS")
    r = confirm(home.at(CHEN), r, sure="1")
    equal((r.status, r.location), (303, "/bundles"), "opened")
    r = home.at(CHEN).follow(r)
    says(r, "WEB_BUNDLE_OPENED")
    equal((new_records(r), home.counts()), (1, 1), "merged")
    true(message("WEB_BUNDLE_OPENED") not in home.at(CHEN).get(
        "/bundles").text, "told once")
    nothing_kept(home.at(CHEN))
    # And back, with what was decided.
    run(home.register, *CHEN, "review", "decide", "o1", "--decision",
        "accept", "--reason", "明日一同入户").expect()
    r = merge(village.at(LIN), make(home.at(CHEN), VILLAGE))
    equal(new_records(r), 1, "the decision")
    rows = run(village.register, *LIN, "review", "list", "--json",
               "--all").expect().json()
    equal([x["state"] for x in rows], ["accepted"], "the decision is there")
    page = village.at(LIN).get("/bundles").page().text
    for word in ("chen", message("CLI_BUNDLE_HOME")):
        true(word in page, "the list of bundles: " + word)
    for p in (home, village):
        equal(sorted(os.listdir(p.register)), before[p],
              "nothing else on the disk")
        keys.verify(p.register)
        equal(p.server.stop(), "", "no complaint")


@test
def test_a_replayed_bundle_changes_nothing():
    home, village = pair()
    observe(village, "r1")
    sealed = make(village.at(LIN))
    chen = home.at(CHEN)
    true(new_records(merge(chen, sealed)) > 0, "control: it brings one")
    n = home.counts()
    r = show(chen, sealed)
    says(r, "WEB_BUNDLE_NOTHING")
    equal(new_records(r), 0, "again")
    fields = dict(r.page().fields("/bundles/open"), sure="1")
    equal(chen.post("/bundles/open", fields).location, "/bundles", "opened")
    equal(home.counts(), n, "nothing changed")
    # The form alone, once more: the file is gone with the first.
    r = chen.post("/bundles/open", fields)
    equal((r.status, r.location), (303, "/bundles"), "the form, replayed")
    says(chen.follow(r), "WEB_BUNDLE_GONE")
    keys.verify(home.register)


@test
def test_an_older_bundle_adds_only_what_is_missing():
    home, village = pair()
    observe(village, "n1")
    older = make(village.at(LIN))
    observe(village, "n2")
    newer = make(village.at(LIN))
    true(new_records(merge(home.at(CHEN), newer)) > 1, "the newer one")
    n = home.counts()
    equal(new_records(merge(home.at(CHEN), older)), 0, "the older one")
    equal(home.counts(), n, "nothing went back")


# ---- refused, by name ----

def refused(b, data, status, name):
    """At the upload, or when it is looked at; nothing to confirm then."""
    r = upload(b, data)
    if r.status == 303:
        r = b.follow(r)
    equal(r.status, status, "%s: %s" % (name, r.text[-500:]))
    says(r, name)
    true('name="digest"' not in r.text, "it could be confirmed")


@test
def test_a_truncated_or_altered_bundle_is_refused():
    home, village = pair()
    observe(village, "t1")
    sealed = make(village.at(LIN))
    chen, n = home.at(CHEN), home.counts()
    middle = len(sealed) // 2
    for bad in (sealed[:-1], sealed[:middle], sealed + b"\0",
                sealed[:middle] + bytes([sealed[middle] ^ 1]) +
                sealed[middle + 1:], sealed[:-1] + bytes([sealed[-1] ^ 1]),
                b"x" * 5000):
        refused(chen, bad, 422, "BUNDLE_CORRUPT")
    equal(home.counts(), n, "nothing was merged")
    n += new_records(merge(chen, sealed))	# the control
    equal(home.counts(), n, "control: the whole one")


@test
def test_a_bundle_for_others_is_refused():
    home, village = pair()
    observe(village, "m1")
    sealed, n = make(village.at(LIN)), home.counts()
    refused(home.at(LIN), sealed, 403, "BUNDLE_NOT_YOURS")
    # Without the page's help, too.
    b = home.at(LIN)
    shown = dict(show(home.at(CHEN), sealed).page().fields("/bundles/open"))
    r = b.post("/bundles/open", {"digest": shown["digest"], "sure": "1"})
    equal(r.status, 403, "confirmed all the same")
    equal(home.counts(), n, "nothing was merged")
    n += new_records(merge(home.at(CHEN), sealed))	# the control
    equal(home.counts(), n, "control: its recipient")


@test
def test_a_bundle_of_another_register_is_refused():
    home, _ = pair()
    register, _ = keys.make("lin")
    keys.enrol(register, "chen", "supervisor", TOWN)
    keys.child(register, *LIN, "c1")
    path = os.path.join(temp_dir(), "x")
    run(register, *LIN, "bundle", "make", "--to", TOWN, path).expect()
    with open(path, "rb") as f:
        refused(home.at(CHEN), f.read(), 409, "BUNDLE_OTHER_REGISTER")


@test
def test_without_a_file_or_a_tick_it_is_refused_with_the_form():
    home, village = pair()
    observe(village, "f1")
    chen, n = home.at(CHEN), home.counts()
    r = upload(chen, b"", filename="")
    equal(r.status, 422, "no file was chosen")
    says(r, "WEB_BUNDLE_NO_FILE")
    shown = show(chen, make(village.at(LIN)))
    r = confirm(chen, shown)
    equal(r.status, 422, "without the tick")
    says(r, "WEB_BUNDLE_SURE_MISSING")
    true('name="digest"' in r.text, "the form is there again")
    equal(home.counts(), n, "nothing was merged")
    equal(confirm(chen, shown, sure="1").status, 303, "control")
    equal(home.counts(), n + new_records(shown), "control: merged")


@test
def test_what_was_not_shown_is_not_opened():
    home, village = pair()
    observe(village, "s1")
    first = make(village.at(LIN))
    observe(village, "s2")
    second = make(village.at(LIN))
    chen, n = home.at(CHEN), home.counts()
    shown = show(chen, first)
    show(chen, second)			# another window
    r = confirm(chen, shown, sure="1")
    equal(r.status, 409, "the form of the first")
    says(r, "WEB_BUNDLE_OTHER")
    equal(home.counts(), n, "nothing was merged")
    equal(confirm(chen, r, sure="1").status, 303, "control: what is shown")
    equal(home.counts(), n + new_records(r), "control: merged")


@test
def test_a_bundle_can_be_given_back_unopened():
    home, village = pair()
    observe(village, "d1")
    chen, n = home.at(CHEN), home.counts()
    shown = show(chen, make(village.at(LIN)))
    r = chen.post("/bundles/drop", shown.page().fields("/bundles/drop"))
    equal((r.status, r.location), (303, "/bundles"), "dropped")
    says(chen.follow(r), "WEB_BUNDLE_DROPPED")
    nothing_kept(chen)
    equal(home.counts(), n, "nothing was merged")


# ---- forged forms, and who may send a file ----

@test
def test_a_forged_upload_is_refused():
    home, village = pair()
    observe(village, "x1")
    sealed, chen = make(village.at(LIN)), home.at(CHEN)
    other = Browser(home.server)
    other.get("/login")
    chen.get("/bundles")
    for token in (None, "", "0" * 64, other.token):
        r = send(chen, parts(sealed, token))
        equal(r.status, 403, "token %r" % token)
        says(r, "WEB_CSRF")
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                    {"Sec-Fetch-Site": "cross-site"}):
        r = send(chen, parts(sealed, chen.token), headers=headers)
        equal(r.status, 403, "%r" % headers)
        says(r, "WEB_FOREIGN_FORM")
    nothing_kept(chen)
    shown = show(chen, sealed)			# the control
    n = home.counts()
    fields = dict(shown.page().fields("/bundles/open"), sure="1")
    equal(chen.post("/bundles/open", fields, csrf=None).status, 403,
          "opening it without a token")
    equal(chen.post("/bundles/open", fields, csrf=other.token).status, 403,
          "opening it with that of somebody else")
    equal(home.counts(), n, "nothing was merged")
    equal(chen.post("/bundles/open", fields).status, 303, "control")
    equal(home.counts(), n + new_records(shown), "control: merged")


@test
def test_only_who_is_signed_in_sends_a_file():
    home, _ = pair()
    b = Browser(home.server)
    b.get("/login")
    for size in (100, 5 << 20):
        r = send(b, parts(b"x" * size, b.token))
        equal(r.status, 403, "%d bytes" % size)
        says(r, "WEB_SIGN_IN")
    # Nor do strangers take the places of others.
    held = [begun(home.server) for _ in range(PLACES)]
    refused(home.at(CHEN), b"x" * 100, 422, "BUNDLE_CORRUPT")
    for s in held:
        s.close()
    a = home.at(keys.ADMIN)			# no recipient of anything
    r = upload(a, b"x" * 100)
    equal(r.status, 403, "the administrator")
    says(r, "WEB_NOT_YOUR_PAGE")
    refused(home.at(CHEN), b"x" * 100, 422, "BUNDLE_CORRUPT")	# control


@test
def test_an_oversized_file_is_refused_and_other_routes_keep_their_limit():
    home, _ = pair()
    chen = home.at(CHEN)
    r = upload(chen, b"x" * (MAX + 1))
    equal(r.status, 413, "one byte too many")
    says(r, "WEB_FILE_TOO_LARGE")
    r = upload(chen, b"x" * (3 * MAX))
    equal(r.status, 413, "three times as much, read to its end")
    refused(chen, b"x" * (MAX - 4096), 422, "BUNDLE_CORRUPT")	# control
    # Elsewhere, and as another type, all is as it was.
    for path in ("/bundles/open", "/bundles/make", "/review", "/login"):
        equal(send(chen, parts(b"x", chen.token), path).status, 415,
              "a file for " + path)
    for path in ("/bundles/show", "/bundles/open"):
        r = chen.post(path, {"digest": "x" * (600 << 10)})
        equal(r.status, 413, "a large form for " + path)
        says(r, "WEB_TOO_LARGE")


@test
def test_a_malformed_upload_is_refused():
    home, _ = pair()
    chen = home.at(CHEN)
    chen.get("/bundles")
    good = parts(b"x" * 100, chen.token)
    line = ("--" + BOUNDARY).encode()
    disposition = b"Content-Disposition: form-data"
    for bad, why in (
            (b"", "nothing"),
            (b"\r\n" + good, "something before"),
            (good + b"x", "something after"),
            (good[:-4], "no end"),
            (good[:-4] + b"\r\n", "no end of the end"),
            (good.replace(b"\r\n", b"\n"), "bare line feeds"),
            (good.replace(line, line + b" "), "blanks after the boundary"),
            (good.replace(b'name="csrf"', b"name=csrf"), "no quotes"),
            (good.replace(b'name="csrf"', b'name="cs\0rf"'), "a NUL"),
            (good.replace(b'name="csrf"', b'name="csrf"; x=y'), "more"),
            (good.replace(disposition, b"Content-Disposition: file"), "kind"),
            (good.replace(disposition + b'; name="csrf"', disposition),
             "no name"),
            (good.replace(b"Content-Type: application/octet-stream",
                          b"Content-Transfer-Encoding: base64"), "encoding"),
            (good.replace(b"Content-Type", disposition +
                          b'; name="x"\r\nContent-Type'), "two names"),
            (good[:-4] + b"\r\n" + parts(b"y", None)[len(line) + 2:],
             "two files"),
            (good.replace(b'name="csrf"', b'name="' + b"x" * 40 + b'"'),
             "a long name"),
            (good.replace(chen.token.encode(), b"x" * 5000), "a long field"),
            (good.replace(b"filename=", b"filename*="), "another way"),
            (good.replace(b'.rxb"', b'.rxb'), "a name without an end")):
        r = send(chen, bad)
        true(r.status in (400, 422), "%s: %d" % (why, r.status))
    for boundary in ("", '"%s"' % BOUNDARY, BOUNDARY + "; charset=utf-8",
                     "x" * 71, "a b", "ä"):
        r = send(chen, good, boundary=boundary.encode("utf-8").decode(
            "latin-1"))
        true(r.status in (415, 400, 422), "boundary %r: %d" % (
            boundary, r.status))
    nothing_kept(chen)
    equal(send(chen, good).status, 422, "control: it is read")
    says(send(chen, good), "BUNDLE_CORRUPT")


# ---- room ----

@test
def test_more_files_than_there_are_places_are_told_to_come_back():
    home, village = begin()
    chen = home.at(CHEN)
    sealed = make(village.at(LIN))
    chen.get("/bundles")
    held = [begun(home.server, chen.cookies["rx"]) for _ in range(PLACES)]
    for _ in range(100):
        r = send(chen, parts(sealed, chen.token))
        if r.status == 503:
            break
    equal(r.status, 503, "no place is free")
    says(r, "WEB_BUSY")
    true(r.header("retry-after"), "when to come back")
    equal(chen.get("/review").status, 200, "other pages go on")
    for s in held:
        s.close()
    for _ in range(100):
        r = send(chen, parts(sealed, chen.token))
        if r.status == 303:
            break
    equal(r.status, 303, "control: a place is free again")
    home.server.stop()
    village.server.stop()


@test
def test_a_file_that_waits_too_long_makes_room_for_others():
    home, village = pair()
    observe(village, "k1")
    sealed = make(village.at(LIN))
    people = [enter(home.server, *CHEN) for _ in range(PLACES + 1)]
    for b in people:
        show(b, sealed)
    nothing_kept(people[0])
    for b in people[1:]:
        equal(b.get("/bundles/open").status, 200, "the others are kept")
    # Signing out takes the file along.
    last = people[-1]
    last.get("/bundles")
    equal(last.post("/logout").status, 303, "signed out")
    last.login(*CHEN)
    nothing_kept(last)


@test
def test_a_unit_that_nothing_can_be_sent_to_is_refused():
    _, village = pair()
    b = village.at(LIN)
    for unit, status, name in (("35010200100", 422, "UNIT_INVALID"),
                               ("350102002", 404, "BUNDLE_NOBODY")):
        r = b.post("/bundles/make", {"to": unit})
        equal(r.status, status, unit + ": " + r.text[-300:])
        says(r, name)
    make(b)					# the control


# ---- copies say that they are ----

@test
def test_every_page_of_a_copy_says_so():
    home, village = pair()
    banner = message("WEB_COPY_BANNER").replace("{copy}", "中山村")
    visitor = Browser(village.server)
    for b, paths in ((visitor, ("/login",)),
                     (village.at(LIN), ("/today", "/children", "/bundles",
                                        "/passphrase", "/nothing")),
                     (village.at(CHEN), ("/review", "/coverage")),
                     (village.at(keys.ADMIN), ("/people", "/safety"))):
        for path in paths:
            true(banner in b.get(path).page().text, "not said on " + path)
    # A passphrase that cannot be changed here is not asked to be.
    word = message("WEB_TEMPORARY_NOTICE")
    true(word not in village.at(LIN).get("/today").page().text, "asked for")
    for b, path in ((Browser(home.server), "/login"),
                    (home.at(LIN), "/today")):
        true("中山村" not in b.get(path).page().text, "control: home")
    true(word in home.at(LIN).get("/today").page().text, "control: home")


@test
def test_what_is_for_home_is_refused_in_a_copy_and_says_where():
    home, village = pair()
    a = village.at(keys.ADMIN)
    fields = {"user": "new", "role": "director", "unit": VILLAGE,
              "how": "own", "new": "words of my own",
              "again": "words of my own"}
    for b, status in ((a, 403), (home.at(keys.ADMIN), 303)):	# and control
        page = b.get("/people/new").page()
        names = [n for n, *_ in page.form("/people/new")["fields"]]
        for name in fields:
            true(name in names, "%s is no field of %r" % (name, names))
        r = b.post("/people/new", [(n, v) for n, v in page.fields(
            "/people/new") if n not in fields] + list(fields.items()))
        equal(r.status, status, r.text[-600:])
        if status == 403:
            says(r, "COPY_HOME_ONLY", "中山村")
    b = village.at(LIN)
    r = b.post("/passphrase", dict(b.get("/passphrase").page().fields(
        "/passphrase"), old=LIN[1], new="words of my own",
        again="words of my own"))
    equal(r.status, 403, "a new passphrase")
    says(r, "COPY_HOME_ONLY", "中山村")
    r = a.post("/bundles/make", {"to": VILLAGE})
    equal(r.status, 403, "keys by bundle come from home")


@test
def test_the_administrator_is_told_of_copies():
    home, village = begin()
    a = home.at(keys.ADMIN)
    word = message("WEB_COPIES").split("{n}")[1]
    true(word not in a.get("/safety").text, "control: none has sent one")
    merge(home.at(CHEN), make(village.at(LIN)))
    page = a.get("/safety").page()
    true(word in page.text, "a copy has sent one")
    true("/bundles" in page.links, "the way there")
    # Home's keys go out in his own bundles, without cases.
    r = merge(village.at(LIN), make(a, VILLAGE))
    equal(new_records(r), 0, "no case in it")
    home.server.stop()
    village.server.stop()


@test
def test_conflicts_are_counted_and_linked():
    home, village = begin()
    observe(home, "o1")
    merge(village.at(LIN), make(home.at(LIN), VILLAGE))
    for place, note in ((home, "在家改的"), (village, "在村改的")):
        run(place.register, *LIN, "observe", "--correct", stdin={
            "id": "o1", "child": "c1", "date": "2025-06-03", "channel":
            "home_visit", "signs": ["mood_low"], "risk": "yellow",
            "note": note}).expect()
    r = merge(home.at(LIN), make(village.at(LIN), VILLAGE))
    says(r, "WEB_BUNDLE_CONFLICTS", "1 ")
    links = [a for a in r.page().links if a.endswith("/history")]
    equal(len(links), 1, "the case is linked")
    equal(home.at(LIN).get(links[0]).status, 200, "and opens")
    true("林小溪" not in r.page().text, "its name is masked")
    r = home.at(CHEN).get("/bundles")
    true("/history" not in r.text, "the supervisor reads no case there")
    home.server.stop()
    village.server.stop()


if __name__ == "__main__":
    main()
