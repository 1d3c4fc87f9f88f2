"""The pages of keys for life: handover, reset, recovery, codes, rotation; what
the commands do is tested in test_keys.py."""

import os
import re

import harness
from harness import PERMISSION, equal, main, run, test, true
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


if __name__ == "__main__":
    main()
