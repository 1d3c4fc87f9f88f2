"""The pages of keys for life: handover, reset, recovery, codes, rotation; what
the commands do is tested in test_keys.py."""

import datetime
import json
import os
import re

import harness
from harness import PERMISSION, Skipped, equal, main, run, temp_dir, test, true
import test_keys as keys
import test_web_http as web
from test_web_http import Browser, Server, message

harness._tests.clear()		# those of the other files run there

ADMIN = keys.ADMIN
VILLAGE = keys.VILLAGE


def begin(*directors):
    """A register with directors of VILLAGE, its codes, a server, and the
    administrator's browser."""
    register, codes = keys.make(*directors)
    s = Server(register)
    return register, codes, s, enter(s, *ADMIN)


def enter(server, user, secret):
    b = Browser(server)
    equal(b.login(user, secret).status, 303, "login of " + user)
    return b


def says(reply, name, *words):
    text = reply.page().text
    want = re.split(r"\{\w+\}", message(name))
    true(all(w in text for w in want), "%s: not on the page: %s" % (
        name, text[-1500:]))
    for w in words:
        true(w in text, "%s is not on the page: %s" % (w, text[-1500:]))


def fill(b, path, action=None, **values):
    """Fetch the page and send its form with ${values}; the answer."""
    action = action or path
    r = b.get(path)
    equal(r.status, 200, path)
    fields = [(n, v) for n, v in r.page().fields(action.split("?")[0])
              if n not in values]
    return b.post(action, fields + list(values.items()))


def steps(b, leaver):
    """What the page of a handover says: [done…]"""
    text = b.get("/people/%s/handover" % leaver).text
    return [c == "✓" for c in re.findall(
        r'<li><b class="(?:done|late)">(.)</b>', text)]


# ---- handover ----

@test
def test_a_handover_is_guided_waits_and_ends_on_one_page():
    register, _, s, a = begin("old")
    keys.child(register, "old", "old first", "c1")
    path = "/people/old/handover"
    true(path in a.get("/people").page().links, "the way there")
    says(a.get(path), "WEB_HANDOVER_INTRO", "儿童主任")
    # Who, and then what will happen; nothing has happened yet.
    r = a.get(path + "?who=new&name=new&when=after")
    says(r, "WEB_HANDOVER_AFTER_TEXT", "old", "new")
    says(r, "WEB_HANDOVER_THEN")
    equal([p["name"] for p in keys.rows(register, "user", "list")],
          [ADMIN[0], "old"], "before it is confirmed")
    fields = dict(r.page().fields(path))
    secret = fields["suggested"]
    true(secret in r.page().text, "the passphrase is shown")
    equal(a.post(path, fields).status, 422, "without the tick")
    r = a.post(path, dict(fields, sure="1"))
    equal((r.status, r.location), (303, path), r.text[-400:])
    r = a.follow(r)
    says(r, "WEB_HANDOVER_WAITS")
    says(r, "WEB_STEP_ENDED_HINT", "old")
    true(secret not in a.get(path).text, "the passphrase is shown once")
    equal(steps(a, "old"), [True, False, False, False, False], "it waits")
    # Opened again it stands where it stood; the home leads there.
    home = a.get("/people").page()
    true(message("WEB_HANDOVER_OPEN") in home.text and path in home.links,
         "the home of the administrator")
    enter(s, "old", "old first")
    # The keys were handed on; the page ends it.
    equal(steps(a, "old"), [True, False, True, False, False], "handed on")
    equal(fill(a, path).status, 303, "looked again")
    equal(steps(a, "old"), [True, True, True, False, False], "ended")
    true(message("WEB_HANDOVER_OPEN") not in a.get("/people").page().text,
         "nothing waits")
    run(register, "old", "old first", "child", "list").expect(PERMISSION)
    n = enter(s, "new", secret)
    fill(n, "/passphrase", old=secret, new="words of my own",
         again="words of my own")
    equal(steps(a, "old"), [True, True, True, False, True], "to certify")
    a = enter(s, *ADMIN)
    equal(steps(a, "old"), [True, True, True, True, True], "all of it")
    says(a.get(path), "WEB_HANDOVER_ALL_DONE")
    equal(n.get("/children").status, 200, "the successor works")
    s.stop()
    keys.verify(register)


@test
def test_a_handover_at_once_signs_the_leaver_out():
    register, _, s, a = begin("old", "colleague")
    keys.child(register, "old", "old first", "c1")
    o = enter(s, "old", "old first")
    equal(o.get("/today").status, 200, "he works")
    path = "/people/old/handover"
    r = a.get(path + "?who=existing&to=colleague&when=now")
    says(r, "WEB_HANDOVER_NOW_TEXT", "old")
    equal(a.post(path, dict(r.page().fields(path), sure="1")).location, path,
          "done")
    equal(o.get("/today").location, "/login", "signed out")
    says(a.get(path), "WEB_STEP_ENDED", "colleague")
    s.stop()


@test
def test_a_wrong_successor_is_refused_with_the_form():
    register, _, s, a = begin("old", "colleague")
    path = "/people/old/handover"
    for query, status, msg in (
            ("who=new&name=", 422, "WEB_HANDOVER_WHO"),
            ("who=existing&to=", 422, "WEB_HANDOVER_WHO"),
            ("who=new&name=colleague", 409, "WEB_HANDOVER_TAKEN"),
            ("who=existing&to=nobody", 404, "USER_UNKNOWN")):
        r = a.get(path + "?" + query)
        equal(r.status, status, query)
        says(r, msg)
        says(r, "WEB_HANDOVER_INTRO")
    equal(a.get("/people/nobody/handover").status, 404, "nobody leaves")
    r = a.get(path + "?who=new&name=x&when=now")
    a.get("/people")
    fields = dict(r.page().fields(path), sure="1", how="own", new="short",
                  again="short")
    r = a.post(path, fields)
    equal(r.status, 422, "a short passphrase")
    true(fields["suggested"] in r.text, "the same suggestion")
    r = a.get("/people/%s/handover?who=existing&to=old&when=now" % ADMIN[0])
    r = a.post("/people/%s/handover" % ADMIN[0], dict(r.page().fields(
        "/people/%s/handover" % ADMIN[0]), sure="1"))
    equal(r.status, 409, "oneself")
    s.stop()


# ---- reset ----

@test
def test_a_reset_gives_a_passphrase_and_says_whom_to_ask():
    register, _, s, a = begin("d1", "d2")
    keys.child(register, "d1", "d1 first", "c1")
    keys.enrol(register, "late", "director", keys.OTHER)
    o = enter(s, "d1", "d1 first")
    path = "/people/d1/reset"
    r = a.get(path)
    says(r, "WEB_RESET_TEXT")
    fields = dict(r.page().fields(path))
    equal(a.post(path, fields).status, 422, "without the tick")
    run(register, "d1", "d1 first", "child", "list").expect()
    r = a.post(path, dict(fields, sure="1"))
    equal(r.location, "/people/d1/pending", "what is to be done next")
    says(a.follow(r), "WEB_RESET_DONE", "d2")
    equal(o.get("/today").location, "/login", "signed out")
    equal(Browser(s).login("d1", "d1 first").status, 403, "the old one")
    n = enter(s, "d1", fields["suggested"])
    says(n.get("/today"), "WEB_WAIT_TEXT", "d2")
    enter(s, "d2", "d2 first")
    equal(n.get("/today").status, 200, "at work again")
    equal(a.post("/people/nobody/reset", dict(fields, sure="1")).status, 404,
          "nobody")
    s.stop()


# ---- recovery, and the custodians' codes ----

def codes_of(*codes):
    return {"code1": codes[0], "code2": codes[1]}


def sloppy(code):
    """A code as somebody types it who does not look closely."""
    return "  " + code.lower().replace("-", " ").replace("0", "o") + " "


def wide(code):
    """The same from an input method in full-width mode."""
    return "".join(chr(ord(c) + 0xfee0) for c in code)


def lost(*directors):
    """A register whose director d1 has to get his keys back; his browser."""
    register, codes, s, a = begin("d1", *directors)
    keys.child(register, "d1", "d1 first", "c1")
    run(register, *ADMIN, "user", "reset", "d1", new="tuesday").expect()
    return register, codes, s, a, enter(s, "d1", "tuesday")


def audited(register, action, detail=""):
    return [e for e in keys.rows(register, "audit", "list")
            if e["action"] == action and detail in (e.get("detail") or "")]


@test
def test_a_member_gets_his_keys_back_from_two_custodians_on_the_spot():
    register, codes, s, _, d = lost()
    r = d.get("/today")
    says(r, "WEB_WAIT_TEXT")
    true("/recover" in r.page().links, "the way there")
    says(d.get("/recover"), "WEB_RECOVER_TEXT", "中山社区")
    before = len(audited(register, "recover"))
    r = fill(d, "/recover", **codes_of(sloppy(codes[2]), wide(codes[0])))
    equal((r.status, r.location), (303, "/login?recovered=1"), r.text[-300:])
    says(d.follow(r), "WEB_RECOVERED_LOGIN")
    equal(d.get("/today").location, "/login", "he signs in again")
    d = enter(s, "d1", "tuesday")
    equal(d.get("/today").status, 200, "at work")
    says(d.get("/recover"), "WEB_RECOVER_NONE")
    equal(len(audited(register, "recover")), before + 1, "one entry")
    equal(s.stop(), "", "nothing is told to the log")
    true("c1" in keys.notes(register, "d1", "tuesday", "c1"), "the case")
    keys.verify(register)


@test
def test_what_are_no_two_codes_of_this_register_gives_one_clear_line():
    register, codes, s, a, d = lost()
    other = keys.make()[1]
    typo = codes[1][:-1] + ("X" if codes[1][-1] != "X" else "Y")
    for pair, status, name, word in (
            (("", codes[1]), 422, "WEB_CODE_EMPTY", "1"),
            ((codes[0], ""), 422, "WEB_CODE_EMPTY", "2"),
            ((codes[0], typo), 422, "WEB_CODE_TYPED", "2"),
            (("?" * 900, codes[1]), 422, "WEB_CODE_TYPED", "1"),
            ((codes[0], codes[0]), 422, "CODE_PAIR", ""),
            ((codes[0], other[1]), 403, "CODES_WRONG", "")):
        r = fill(d, "/recover", **codes_of(*pair))
        equal(r.status, status, name)
        says(r, name, word)
        equal(r.text.count('role="alert"'), 1, "one line")
        if word:
            true('href="#code%s"' % word in r.text, "it leads to the field")
        for code in pair:
            true(not code or code not in r.text, "a code comes back")
    equal(d.get("/today").status, 403, "nothing was given")
    # Nobody, and somebody who waits for nothing.
    r = d.get("/recover")
    fields = dict(r.page().fields("/recover"), **codes_of(*codes[:2]))
    equal(d.get("/recover?for=nobody").status, 404, "nobody waits")
    equal(d.post("/recover", dict(fields, **{"for": "nobody"})).status, 404,
          "nobody")
    keys.enrol(register, "late", "director", keys.OTHER)
    r = d.post("/recover", dict(fields, **{"for": "late"}))
    equal(r.status, 404, "no keys to give")
    says(r, "RECOVER_NOTHING")
    s.stop()
    equal(len(audited(register, "recover")), 0, "nothing was done")


@test
def test_guessing_at_codes_is_slowed_down_and_typing_badly_is_not():
    register, codes, s, a, d = lost()
    other = keys.make()[1]
    typo = codes[0][:-1] + ("X" if codes[0][-1] != "X" else "Y")
    for _ in range(8):		# the control: what the check group finds
        equal(fill(d, "/recover", **codes_of(typo, codes[1])).status, 422,
              "a typo")
    for _ in range(5):
        equal(fill(d, "/recover", **codes_of(*other[:2])).status, 403, "a guess")
        # His own passphrase does not buy him more of them.
        enter(s, "d1", "tuesday")
    r = fill(d, "/recover", **codes_of(*codes[:2]))
    equal(r.status, 429, "too many")
    says(r, "WEB_TOO_MANY")
    true(int(r.header("retry-after")) > 0, "how long")
    equal(d.get("/today").status, 403, "nothing was given")
    # Somebody else at the same machine is not kept from trying.
    says(fill(a, "/safety/codes/test", **codes_of(*codes[:2])),
         "CLI_CUSTODIAN_GOOD")
    s.stop()


@test
def test_the_administrator_brings_back_the_keys_of_somebody_else():
    register, codes, s, a, d = lost()
    r = a.get("/people/d1/pending")
    true("/recover?for=d1" in r.page().links, "the way there")
    says(a.get("/recover?for=d1"), "WEB_RECOVER_FOR", "d1")
    true("/people/d1/pending" in a.get("/recover?for=d1").page().links,
         "the way back is where he came from")
    true("/keys" in d.get("/recover").page().links, "his own way back")
    r = fill(a, "/recover?for=d1", "/recover", **codes_of(*codes[1:]))
    equal((r.status, r.location), (303, "/people"), r.text[-300:])
    says(a.follow(r), "WEB_RECOVERED")
    equal(d.get("/today").location, "/login", "he signs in again")
    equal(enter(s, "d1", "tuesday").get("/today").status, 200, "at work")
    equal(a.get("/today").status, 403, "he gave himself nothing")
    s.stop()


LOST = "/recover/administrator"


@test
def test_two_custodians_give_the_administrator_a_new_passphrase_on_the_spot():
    register, codes, s, a = begin("d1")
    d = enter(s, "d1", "d1 first")
    true(LOST in d.get("/passphrase").page().links, "the way there")
    true(LOST in d.get("/recover").page().links, "another way there")
    true(LOST not in a.get("/passphrase").page().links, "not for himself")
    says(Browser(s).get("/login"), "WEB_LOGIN_FORGOT")
    says(d.get(LOST), "WEB_ADMIN_TEXT", ADMIN[0])
    new = {"new": "words of another", "again": "words of another"}
    r = fill(d, LOST, sure="1", **codes_of(sloppy(codes[2]), wide(codes[0])),
             **new)
    equal((r.status, r.location), (303, "/"), r.text[-300:])
    says(d.follow(d.follow(r)), "WEB_ADMIN_DONE")
    equal(a.get("/people").location, "/login", "his page has ended")
    a = enter(s, ADMIN[0], new["new"])
    says(a.get("/audit"), "DID_ADMIN", "d1")
    says(d.get("/audit"), "DID_ADMIN")
    says(a.get(LOST), "ADMIN_SELF")
    equal(s.stop(), "", "nothing is told to the log")
    run(register, *ADMIN, "user", "list").expect(PERMISSION)
    run(register, ADMIN[0], new["new"], "user", "add", "d2", "--role",
        "director", "--unit", keys.OTHER, new="d2 first").expect()
    run(register, ADMIN[0], new["new"], "audit", "verify").expect()


@test
def test_the_administrator_gets_no_passphrase_from_a_form_that_is_not_right():
    register, codes, s, a = begin("d1")
    d = enter(s, "d1", "d1 first")
    other = keys.make()[1]
    two = codes_of(*codes[:2])
    new = {"new": "words of another", "again": "words of another"}
    for values, status, name in (
            (dict(two, **new), 422, "WEB_SURE_MISSING"),
            (dict(two, sure="1", new="words of another", again="words"), 422,
             "WEB_PASSPHRASE_DIFFERS"),
            (dict(two, sure="1", new="short", again="short"), 422,
             "WEB_PASSPHRASE_SHORT"),
            (dict(new, sure="1", **codes_of("", codes[1])), 422,
             "WEB_CODE_EMPTY"),
            (dict(new, sure="1", **codes_of(codes[0], codes[0])), 422,
             "CODE_PAIR"),
            (dict(new, sure="1", **codes_of(codes[0], other[1])), 403,
             "CODES_WRONG")):
        r = fill(d, LOST, **values)
        equal(r.status, status, name)
        says(r, name)
        equal(r.text.count('role="alert"'), 1, "one line")
        for word in (codes[0], codes[1], "words of another"):
            true(word not in r.text, "what was typed comes back")
    equal(d.post(LOST, dict(two, sure="1", **new), csrf=None).status, 403,
          "no token")
    # The wait doubles: it is met however slow the machine is.
    got = [fill(d, LOST, sure="1", **codes_of(*other[:2]), **new).status
           for _ in range(10)]
    true(429 in got and set(got) <= {403, 429}, "guesses: %r" % got)
    equal(a.get("/people").status, 200, "his page goes on")
    s.stop()
    equal(len(audited(register, "administrator")), 0, "nothing was done")
    run(register, *ADMIN, "user", "list").expect()


@test
def test_codes_are_tried_on_a_page_that_gives_nobody_anything():
    register, codes, s, a, d = lost()
    true({"/safety/codes/test", "/safety/codes"} <=
         set(a.get("/safety").page().links), "the way there")
    says(fill(a, "/safety/codes/test", **codes_of(codes[1], codes[0])),
         "CLI_CUSTODIAN_GOOD", "1")
    says(fill(a, "/safety/codes/test", **codes_of(*codes[1:])),
         "CUSTODIAN_ROOT")
    r = fill(a, "/safety/codes/test", **codes_of(codes[0],
                                                 keys.make()[1][0]))
    equal(r.status, 403, "of another register")
    says(r, "CODES_WRONG")
    equal(d.get("/today").status, 403, "nobody was given any")
    equal(len(audited(register, "custody", "test")), 2, "an entry each")
    says(a.get("/audit"), "DID_CUSTODY_TEST")
    for path in ("/safety/codes", "/safety/codes/test", "/safety/codes/new"):
        equal(d.get(path).status, 403, "not for a director: " + path)
    d.get("/keys")
    equal(d.post("/safety/codes", codes_of(*codes[:2])).status, 403, "nor so")
    s.stop()


def works(a, codes, status=200):
    r = fill(a, "/safety/codes/test", **codes_of(*codes[:2]))
    equal(r.status, status, "codes tried")


def prepare(a, codes):
    """New codes by the first step, as they stand on the sheets."""
    r = fill(a, "/safety/codes", **codes_of(*codes[1:]))
    equal((r.status, r.location), (303, "/safety/codes/new"), r.text[-300:])
    return a.follow(r), sheets(a)


def sheets(a):
    text = a.get("/safety/codes/new").text
    found = re.findall(r"<dt>([ABC])</dt><dd>([0-9A-Z-]{44})</dd>", text)
    equal([w for w, _ in found], ["A", "B", "C"], "the sheets")
    return [c for _, c in found]


def groups(codes):
    return {"group" + w: c[-4:] for w, c in zip("ABC", codes)}


@test
def test_new_codes_hold_when_they_were_confirmed_from_paper_and_not_before():
    register, old, s, a = begin("d1")
    keys.child(register, "d1", "d1 first", "c1")
    d = enter(s, "d1", "d1 first")	# signed in all the while
    r, new = prepare(a, old)
    says(r, "WEB_CODES_NEW_INTRO", "测试民政局")
    true(re.search(r"\d{4}-\d\d-\d\d", r.page().text), "a date")
    equal(r.header("cache-control"), "no-store", "never cached")
    true(not set(new) & set(old), "other codes")
    equal(sheets(a), new, "the page can be opened again")
    true(new[0] not in a.get("/safety/codes").text, "but on no other page")
    # Not yet in force.
    works(a, old)
    works(a, new, 403)
    confirm = "/safety/codes/confirm"
    for field, value in (("groupB", new[2][-4:]), ("groupC", ""),
                         ("groupA", new[0][-4:] + "0")):
        r = fill(a, "/safety/codes/new", confirm, **dict(groups(new),
                                                        **{field: value}))
        equal(r.status, 422, field)
        says(r, "WEB_SHEET_DIFFERS", field[-1])
        true('href="#%s"' % field in r.text, "it leads to the field")
        equal(sheets(a), new, "the same sheets")
    works(a, old)
    r = fill(a, "/safety/codes/new", confirm,
             **{k: v.lower() + " " for k, v in groups(new).items()})
    equal((r.status, r.location), (303, "/safety"), r.text[-300:])
    r = a.follow(r)
    says(r, "WEB_REISSUED")
    true(not any(c in r.text for c in new), "shown no more")
    equal(a.get("/safety/codes/new").location, "/safety/codes", "gone")
    works(a, old, 403)
    works(a, new)			# in the same session
    for detail in ("prepare", "reissue"):
        equal(len(audited(register, "custody", detail)), 1, detail)
    # A member who was signed in all the while is helped with them.
    run(register, *ADMIN, "user", "handover", "d1", "d2", "--now",
        new="d2 first").expect()
    d2 = enter(s, "d2", "d2 first")
    equal(d2.get("/today").status, 403, "d2 has no keys")
    equal(fill(d2, "/recover", **codes_of(*new[:2])).status, 303, "helped")
    equal(enter(s, "d2", "d2 first").get("/today").status, 200, "at work")
    equal(s.stop(), "", "nothing is told to the log")
    keys.verify(register)


@test
def test_new_codes_that_were_not_confirmed_are_worth_nothing():
    register, old, s, a = begin("d1")
    keys.child(register, "d1", "d1 first", "c1")
    # Given up.
    _, new = prepare(a, old)
    true(message("WEB_CODES_NEW_WAITS") in a.get("/safety/codes").page().text,
         "they wait")
    r = fill(a, "/safety/codes/new", "/safety/codes/drop")
    says(a.follow(r), "WEB_CODES_DROPPED")
    r = a.post("/safety/codes/confirm", groups(new))
    equal(r.location, "/safety/codes", "there is nothing to confirm")
    says(a.follow(r), "CODES_NOT_PREPARED")
    # Signed out.
    _, new = prepare(a, old)
    a.post("/logout")
    a = enter(s, *ADMIN)
    equal(a.get("/safety/codes/new").location, "/safety/codes", "gone")
    # Made again: the ones before are nothing.
    _, first = prepare(a, old)
    _, new = prepare(a, old)
    true(not set(first) & set(new), "others")
    equal(fill(a, "/safety/codes/new", "/safety/codes/confirm",
               **groups(first)).status, 422, "the sheets of before")
    # Another administrator's session is not shown them.
    b = enter(s, *ADMIN)
    equal(b.get("/safety/codes/new").location, "/safety/codes", "not his")
    # A machine that fails.
    s.p.kill()
    s.p.communicate()
    web._servers.remove(s)
    s = Server(register)
    a = enter(s, *ADMIN)
    works(a, old)
    works(a, new, 403)
    s.stop()
    keys.verify(register)


@test
def test_codes_leave_the_memory():
    register, codes, s, a = begin("d1")
    if web.holds(s, b"x") is None:
        s.stop()
        raise Skipped("the memory of a hardened process is for root only")
    bare = [c.replace("-", "").encode() for c in codes]
    typed = [c.encode() for c in codes] + bare
    works(a, codes)
    equal(web.settled(s, *typed), set(), "typed codes")
    typo = codes[0][:-1] + ("X" if codes[0][-1] != "X" else "Y")
    equal(fill(a, "/safety/codes/test", **codes_of(codes[1], typo)).status,
          422, "a typo")
    equal(web.settled(s, typo.encode(), *typed), set(), "mistyped codes")
    _, new = prepare(a, codes)
    new = [c.encode() for c in new]
    equal(web.settled(s, *typed), set(), "the old codes, while new ones wait")
    # The control: what waits is in the memory of the session.
    equal(web.holds(s, *new), set(new), "the new codes, while they wait")
    equal(fill(a, "/safety/codes/new", "/safety/codes/drop").status, 303,
          "given up")
    equal(web.settled(s, *new), set(), "codes that were given up")
    _, new = prepare(a, codes)
    equal(fill(a, "/safety/codes/new", "/safety/codes/confirm",
               **groups(new)).status, 303, "confirmed")
    equal(web.settled(s, *[c.encode() for c in new]), set(), "codes in force")
    _, last = prepare(a, new)
    a.post("/logout")
    equal(web.settled(s, *[c.encode() for c in new + last]), set(),
          "after signing out")
    s.stop()


@test
def test_codes_that_were_overtaken_are_not_put_in_force():
    register, old, s, a = begin("d1")
    keys.child(register, "d1", "d1 first", "c1")
    _, mine = prepare(a, old)
    sheet = os.path.join(os.path.dirname(register), "new.txt")
    run(register, *ADMIN, "custodian", "reissue", "--recovery-out", sheet,
        codes=old[:2]).expect()
    r = fill(a, "/safety/codes/new", "/safety/codes/confirm", **groups(mine))
    equal(r.status, 403, "another was faster")
    says(r, "CODES_WRONG")
    run(register, *ADMIN, "custodian", "test",
        codes=keys.read_codes(sheet)[:2]).expect()
    s.stop()


# ---- new keys ----

@test
def test_an_open_page_gives_a_new_passphrase_and_puts_no_old_recovery_key_back():
    register, codes, s, a = begin("d1")
    keys.child(register, "d1", "d1 first", "c1")
    sheet = os.path.join(os.path.dirname(register), "later.txt")
    run(register, *ADMIN, "custodian", "reissue", "--recovery-out", sheet,
        codes=codes[:2]).expect()
    new = "words of my own"
    r = fill(a, "/passphrase", old=ADMIN[1], new=new, again=new)
    equal((r.status, r.location), (303, "/"), r.text[-300:])
    equal(a.get("/people").status, 200, "he goes on")
    # Whom he enrols trusts the recovery key that he trusts, and gives it the keys
    # of his unit.
    run(register, ADMIN[0], new, "user", "add", "d2", "--role", "director",
        "--unit", keys.OTHER, new="d2 first").expect()
    keys.child(register, "d2", "d2 first", "c2", unit=keys.OTHER)
    got = run(register, ADMIN[0], new, "custodian", "test", "--json",
              codes=keys.read_codes(sheet)[1:]).expect().json()
    equal((got["opened"], got["units"]), (2, 2), "what the new codes open")
    s.stop()


def epochs(register):
    return len([e for e in audited(register, "rotate") if VILLAGE in
                (e.get("detail") or "").split(" ")[0]])


@test
def test_units_that_wait_for_new_keys_are_shown_and_rotated():
    register, _, s, a = begin("old", "colleague")
    keys.child(register, "old", "old first", "c1")
    enter(s, "old", "old first")
    c = enter(s, "colleague", "colleague first")
    says(c.get("/keys"), "WEB_KEYS_DUE_NONE")
    true("/keys" in c.get("/passphrase").page().links, "the way there")
    run(register, *ADMIN, "user", "disable", "old").expect()
    c.get("/today")
    r = c.get("/keys")
    says(r, "WEB_KEYS_DUE_TEXT", "中山社区")
    says(r, "WEB_KEYS_DUE_NOW")
    a = enter(s, *ADMIN)
    true("⚠ 1" in a.get("/safety").page().text, "Safety counts it")
    r = a.get("/keys")
    says(r, "WEB_WAIT_WHO", "colleague")
    true(message("WEB_KEYS_DUE_NOW") not in r.page().text, "not he")
    r = fill(c, "/keys", "/keys/go-on")
    equal((r.status, r.location), (303, "/keys"), r.text[-300:])
    r = c.follow(r)
    says(r, "WEB_ROTATED")
    says(r, "WEB_KEYS_DUE_NONE")
    says(a.get("/keys"), "WEB_KEYS_DUE_NONE")
    equal(c.get("/children").status, 200, "all is readable")
    s.stop()
    keys.verify(register)


@test
def test_a_holder_gives_a_unit_new_keys_at_once():
    register, _, s, a = begin("d1")
    keys.child(register, "d1", "d1 first", "c1")
    d = enter(s, "d1", "d1 first")
    before = epochs(register)
    fields = dict(d.get("/keys").page().fields("/keys/rotate"))
    for more, status, name in (
            ({"unit": VILLAGE}, 422, "WEB_SURE_MISSING"),
            ({"unit": "", "sure": "1"}, 422, "WEB_UNIT_MISSING"),
            ({"unit": "3501", "sure": "1"}, 422, "UNIT_INVALID"),
            ({"unit": keys.OTHER, "sure": "1"}, 403, "ROTATE_NOT_HELD")):
        r = d.post("/keys/rotate", dict(fields, **more))
        equal(r.status, status, name)
        says(r, name)
    equal(epochs(register), before, "nothing was done")
    for unit in (VILLAGE, "all"):
        r = d.post("/keys/rotate", dict(fields, unit=unit, sure="1"))
        equal((r.status, r.location), (303, "/keys"), r.text[-300:])
        says(d.follow(r), "WEB_ROTATED")
    true(epochs(register) > before, "new keys")
    equal(d.get("/children").status, 200, "all is readable")
    # The administrator's are those of the register.
    says(a.get("/keys"), "WEB_ROTATE_REGISTER")
    r = fill(a, "/keys", "/keys/rotate", unit="all", sure="1")
    equal(r.location, "/keys", r.text[-300:])
    equal(a.get("/audit").status, 200, "the audit goes on")
    equal(d.get("/audit").status, 200, "for others too")
    s.stop()
    keys.verify(register)


@test
def test_many_cases_get_new_keys_in_pieces_and_what_is_left_goes_on():
    register, _, s, a = begin("d1", "d2")
    keys.child(register, "d1", "d1 first", "c1")
    lines = os.path.join(os.path.dirname(register), "many.ndjson")
    with open(lines, "w", encoding="utf-8") as f:
        for i in range(900):
            f.write(json.dumps({
                "type": "child", "id": "n%d" % i, "unit": VILLAGE, "name":
                "某某%d" % i, "sex": "f", "birth": "2014-05", "categories":
                ["left_behind"], "legal_basis": "consent"}) + "\n")
    run(register, "d1", "d1 first", "import", lines).expect()
    d, other = enter(s, "d1", "d1 first"), enter(s, "d2", "d2 first")
    r = fill(d, "/keys", "/keys/rotate", unit=VILLAGE, sure="1")
    equal(r.location, "/keys?go_on=1", r.text[-300:])
    r = d.follow(r)
    says(r, "WEB_KEYS_CASES", "400", "901")
    true("data-go-on" in r.text, "it goes on by itself")
    r = d.get("/keys")
    says(r, "WEB_KEYS_CASES", "400", "901")
    true("data-go-on" not in r.text, "when it was asked to")
    equal(d.get("/children").status, 200, "he works meanwhile")
    # A colleague goes on with it; then the machine fails, and a sign-in does
    # the rest.
    equal(other.get("/children").status, 200, "so does he")
    r = fill(other, "/keys", "/keys/go-on")
    says(other.follow(r), "WEB_KEYS_CASES", "800", "901")
    s.p.kill()
    s.p.communicate()
    web._servers.remove(s)
    s = Server(register)
    d = enter(s, "d1", "d1 first")
    r = d.get("/keys")
    true("/keys/go-on" not in r.text, "nothing is left")
    s.stop()
    keys.verify(register)


@test
def test_the_passphrase_page_says_what_a_guess_costs():
    register, _, s, a = begin()
    says(a.get("/passphrase"), "WEB_PASSPHRASE_COST", "64", "3")
    says(a.get("/passphrase"), "WEB_PASSPHRASE_COST_OK")
    s.stop()


@test
def test_the_first_codes_are_sheets_that_say_what_they_are_and_what_is_next():
    folder = os.path.join(temp_dir(), "new")
    s = Server(folder)
    b = Browser(s)
    page = b.get("/setup").page()
    r = b.post("/setup", dict(page.fields("/setup"), unit="350102", name=
                              "鼓楼区民政局", user="admin", how="suggested"))
    equal(r.status, 200, r.text[-300:])
    for which in "ABC":
        says(r, "WEB_SHEET_WHICH", which)
    equal(r.page().text.count("鼓楼区民政局"), 3, "the register, on each")
    equal(len(re.findall(r">(?:[^<]*)" + datetime.date.today().isoformat(),
                         r.text)), 3, "the date, on each")
    for name in ("WEB_SHEET_KEEP", "WEB_SHEET_USE", "WEB_SHEET_YEARLY",
                 "WEB_NEXT", "WEB_NEXT_PEOPLE"):
        says(r, name)
    codes = re.findall(r"<dd>([0-9A-Z-]{44})</dd>", r.text)
    equal(len(codes), 3, "codes")
    secret = dict(page.fields("/setup"))["suggested"]
    run(folder, "admin", secret, "custodian", "test",
        codes=codes[1:]).expect()
    s.stop()


if __name__ == "__main__":
    main()
