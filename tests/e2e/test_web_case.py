"""The pages of a case that moves, is kept or is erased, of settings, and of what
was written in two places; what the register does is tested with its commands."""

import datetime
import os
import re
import shutil
import uuid

import harness
from harness import equal, main, once, run, temp_dir, test, true
import test_transfer as cases
import test_web_http as web
from test_web_http import Browser, Server, message

harness._tests.clear()		# those of the other files run there

ADMIN, A, B, C = cases.ADMIN, cases.A, cases.B, cases.C
NAME_A, NAME_B = "中山社区", "琼河社区"


def enter(server, user, secret=None):
    b = Browser(server)
    equal(b.login(user, secret or user + " first").status, 303, user)
    b.get("/passphrase")	# a token
    return b


@once
def made():
    return cases.make()


def make():
    """A copy of a register, which is made once."""
    register = os.path.join(temp_dir(), "register")
    shutil.copytree(made(), register)
    return register


def begin(*users):
    """A register, its server, and a browser for each of ${users}."""
    register = make()
    s = Server(register)
    return [register, s] + [enter(s, u) for u in users]


def day(ago=0):
    return (datetime.date.today() - datetime.timedelta(ago)).isoformat()


def shows(text, name, lang=0):
    return all(w in text for w in re.split(r"\{\w+\}", message(name, lang)))


def says(reply, *names):
    text = reply.page().text
    for name in names:
        true(shows(text, name), "%s: not on the page: %s" % (
            name, text[-1500:]))


def sentence(name, /, **values):
    return re.sub(r"\{(\w+)\}", lambda m: values[m.group(1)],
                  message(name, 0))


def says_not(reply, name):
    true(not shows(reply.page().text, name), name + " is on the page")


def entries(register):
    got = run(register, *ADMIN, "--json", "audit",
              "verify").expect().json()
    true(got["intact"], "the audit is not intact")
    return got["entries"]


def path_of(register, who, cid):
    rows = cases.as_(register, who, "--json", "child",
                     "list").expect().json()
    return "/child/" + next(r["uuid"] for r in rows if r["id"] == cid)


def fill(b, path, action=None, **values):
    """Fetch the page and send its form with ${values}; the answer."""
    r = b.get(path)
    equal(r.status, 200, path)
    fields = [(n, v) for n, v in r.page().fields(action or path)
              if n not in values]
    return b.post(action or path, fields + [
        (n, v) for n, v in values.items() if v is not None])


def refused(b, path, name, status=422, action=None, **values):
    """The form is refused for ${name}; what was typed comes back."""
    r = fill(b, path, action, **values)
    equal(r.status, status, name)
    says(r, name)
    return r


# ---- transfer ----

GOOD = {"unit": B, "reason": "随父母搬家", "sure": "1"}


@test
def test_an_offer_that_cannot_be_is_refused_by_name():
    register, _, d1 = begin("d1")
    cases.child(register, "d1", "c1", A)
    path = path_of(register, "d1", "c1") + "/transfer"
    before = entries(register)
    for name, status, changed in (
            ("WEB_UNIT_MISSING", 422, {"unit": " "}),
            ("WEB_UNIT_NONE", 422, {"unit": "没有这个村"}),
            ("UNIT_INVALID", 422, {"unit": "12x"}),
            ("TRANSFER_SAME", 422, {"unit": A}),
            ("TRANSFER_NOBODY", 409, {"unit": "350102001004"}),
            ("REASON_MISSING", 422, {"reason": " \n "}),
            ("WEB_REASON_LONG", 422, {"reason": "搬" * 257}),
            ("WEB_SURE_MISSING", 422, {"sure": None})):
        r = refused(d1, path, name, status, **dict(GOOD, **changed))
        fields = dict(r.page().fields(path))
        equal(fields["unit"].strip(), dict(GOOD, **changed)["unit"].strip(),
              name + ": what was typed")
    # A part of a name that fits several asks which; choosing one is enough.
    r = refused(d1, path, "WEB_UNIT_SEVERAL", **dict(GOOD, unit="社区"))
    picks = re.findall(r'name="unit_pick" value="(\d+)"', r.text)
    true(2 <= len(picks) <= 20, "candidates: %r" % picks)
    true(all(p.startswith("350102") for p in picks), "of the county")
    equal(entries(register), before, "nothing was offered")
    says_not(d1.get(path[:-9]), "WEB_CASE_OFFERED")
    r = fill(d1, path, **dict(GOOD, unit="社区", unit_pick=B))
    equal(r.status, 303, "the control")
    says(d1.follow(r), "WEB_TRANSFER_OFFERED", "WEB_CASE_OFFERED")
    equal(d1.post(path, GOOD).status, 409, "offered twice")
    says(d1.post(path, GOOD), "TRANSFER_OPEN")


@test
def test_units_to_move_to_are_suggested_within_the_county():
    register, _, d1, d2 = begin("d1", "d2")
    cases.child(register, "d1", "c1", A)
    path = path_of(register, "d1", "c1") + "/units.json?q=35"
    rows = d1.get(path).json()
    true(len(rows) == 20 and all(r["code"].startswith("350102")
                                 for r in rows), rows)
    equal(d2.get(path).status, 403, "of a case of another director")


@test
def test_a_child_is_offered_and_withdrawn():
    register, _, d1, d2 = begin("d1", "d2")
    cases.child(register, "d1", "c1", A)
    path = path_of(register, "d1", "c1")
    offer = "/transfer/" + path.split("/")[2]
    says(d2.get("/transfers"), "WEB_TRANSFERS_NONE_IN",
         "WEB_TRANSFERS_NONE_OUT")
    says_not(d2.get("/today"), "WEB_TRANSFERS_IN")
    equal(fill(d1, path + "/transfer", **GOOD).status, 303, "offered")
    says(d1.get(path + "/transfer"), "WEB_CASE_OFFERED",
         "WEB_TRANSFER_WITHDRAW")
    true(path + "/transfer" in d1.get("/transfers").page().links, "the list")
    says(d1.get("/today"), "WEB_TRANSFERS_OUT")
    # The receiver has no child yet, and is told all the same.
    for where in ("/today", "/transfers"):
        page = d2.get(where).page()
        true(offer in page.links, where)
        true("林○" in page.text and "林小溪" not in page.text, "masked")
        true("随父母搬家" in page.text, "the reason")
    before = entries(register)
    true("林○" in d2.get(offer).page().text, "masked")
    equal(entries(register), before, "nobody was shown")
    true("林小溪" in d2.post(offer, {"names": "1"}).page().text, "asked for")
    true("林小溪" in d2.post("/transfers", {"names": "1"}).page().text, "too")
    equal(entries(register), before + 2, "audited")
    r = fill(d1, path + "/transfer", path + "/transfer/withdraw")
    equal(r.status, 303, "withdrawn")
    says(d1.follow(r), "WEB_TRANSFER_WITHDRAWN")
    says_not(d1.get(path), "WEB_CASE_OFFERED")
    for r in (d2.get(offer), d2.post(offer + "/accept"),
              d2.post(offer + "/reject", {"reason": "晚了"}),
              d1.post(path + "/transfer/withdraw")):
        equal(r.status, 404, "after it was withdrawn")
        says(r, "TRANSFER_NONE")
    equal(d1.get(path).status, 200, "it stays")


@test
def test_an_accepted_child_is_the_receivers_page():
    register, _, d1, d2, d3 = begin("d1", "d2", "d3")
    cases.child(register, "d1", "c1", A)
    cases.child(register, "d2", "c1", B, "别人")	# its number is taken
    cases.observe(register, "d1", "o1", "c1", "转出前的记录").expect()
    path = path_of(register, "d1", "c1")
    offer = "/transfer/" + path.split("/")[2]
    equal(fill(d1, path + "/transfer", **GOOD).status, 303, "offered")
    # Neither the sender nor a third may answer.
    for b in (d1, d3):
        for r in (b.get(offer), b.post(offer, {"names": "1"})):
            equal(r.status, 404, "another's offer")
            says(r, "TRANSFER_NONE")
        for r in (b.post(offer + "/accept"),
                  b.post(offer + "/reject", {"reason": "不"})):
            equal(r.status, 403, "another's answer")
    r = fill(d2, offer, offer + "/accept")
    equal((r.status, r.location), (303, path), "accepted")
    page = d2.follow(r)
    says(page, "WEB_TRANSFER_RENUMBERED")
    true("转出前的记录" in page.text, "its history")
    # What was written before cannot be corrected, and nothing offers to.
    true(not [x for x in page.page().links if "/correct/" in x], "a dead end")
    cases.observe(register, "d2", "o2", "c1", "别人的").expect()
    cases.as_(register, "d2", "observe", stdin={
        "id": "o9", "child": path.split("/")[2], "date": "2025-06-03",
        "channel": "talk", "signs": ["mood_low"], "risk": "yellow"}).expect()
    true([x for x in d2.get(path).page().links if "/correct/" in x],
         "the control")
    true(re.search(r"\b001-\d{3}\b|\b\d{3}-\d{3}\b", page.text), "a number")
    true(path not in d1.get("/children").page().links, "in his list")
    equal(d2.get("/transfers").page().links.count(offer), 0, "done")


@test
def test_a_link_of_before_a_transfer_says_where_the_file_is_now():
    register, _, d1, d2, d3 = begin("d1", "d2", "d3")
    cases.child(register, "d1", "c1", A)
    path = path_of(register, "d1", "c1")
    offer = "/transfer/" + path.split("/")[2]
    equal(fill(d1, path + "/transfer", **GOOD).status, 303, "offered")
    equal(fill(d2, offer, offer + "/accept").status, 303, "accepted")
    today = datetime.date.today().isoformat()
    gone = sentence("CHILD_MOVED_ON", name=NAME_B, unit=B, date=today)
    for where in (path, path + "/observe", path + "/history"):
        r = d1.get(where)
        equal(r.status, 403, where)
        true(gone in r.page().text, r.page().text)
        true("林" not in r.page().text, "nothing of the child")
    # Who never had it learns nothing.
    equal(d3.get(path).status, 403, "a third")
    true(NAME_B not in d3.get(path).page().text, "a third")
    # And it was moved, not corrected.
    way = sentence("WEB_CASE_MOVED_FROM", **{
        "from": NAME_A, "to": NAME_B, "date": today})
    twice = sentence("WEB_CASE_VERSIONS", n="2")
    for where in (path, path + "/history"):
        true(way in d2.get(where).page().text, where)
    true(twice not in d2.get(path).page().text, "nothing was corrected")
    cases.as_(register, "d2", "child", "add", "--correct", stdin={
        "id": "c1", "unit": B, "name": "林小溪", "sex": "f", "birth":
        "2014-05", "categories": ["left_behind"], "legal_basis": "consent",
        "school": "新学校"}).expect()
    text = d2.get(path).page().text
    true(way in text and twice in text, text)
    # Back again: it has moved twice, and whoever had it in between is told.
    equal(fill(d2, path + "/transfer", **dict(GOOD, unit=A)).status, 303, "")
    equal(fill(d1, offer, offer + "/accept").status, 303, "back")
    back = sentence("WEB_CASE_MOVED_FROM", **{
        "from": NAME_B, "to": NAME_A, "date": today})
    text = d1.get(path).page().text
    true(way in text and back in text and twice in text, text)
    true(sentence("CHILD_MOVED_ON", name=NAME_A, unit=A, date=today) in
         d2.get(path).page().text, "d2 is told")
    # Erased: an old link says so to whoever may read the certificate.
    cases.as_(register, "d1", "child", "erase", path.split("/")[2],
              "--reason", "不再需要", "--yes").expect()
    r = d1.get(path)
    equal(r.status, 404, "erased")
    true(sentence("CHILD_ERASED_ON", date=today) in r.page().text, "erased")
    says(d3.get(path), "CHILD_UNKNOWN")


@test
def test_a_rejected_child_is_told_with_the_reason():
    register, _, d1, d2, s1, s2 = begin("d1", "d2", "s1", "s2")
    cases.child(register, "d1", "c1", A)
    path = path_of(register, "d1", "c1")
    offer = "/transfer/" + path.split("/")[2]
    says(s1.get("/transfers"), "WEB_TRANSFERS_NONE")
    equal(fill(d1, path + "/transfer", **GOOD).status, 303, "offered")
    for s in (s1, s2):		# above either unit: without a name or the reason
        text = s.get("/transfers").page().text
        true("林" not in text.replace("○", "") and "随父母" not in text, text)
        says_not(s.get("/transfers"), "WEB_TRANSFERS_NONE")
        equal(s.get(offer).status, 403, "to answer is not his")
    refused(d2, offer, "REASON_MISSING", action=offer + "/reject",
            reason="  ")
    refused(d2, offer, "WEB_REASON_LONG", action=offer + "/reject",
            reason="没" * 257)
    r = fill(d2, offer, offer + "/reject", reason="没有搬来")
    equal((r.status, r.location), (303, "/transfers"), "rejected")
    says(d2.follow(r), "WEB_TRANSFER_REJECTED", "WEB_TRANSFERS_NONE_IN")
    for where in (path, "/today", "/transfers", path + "/transfer"):
        true("没有搬来" in d1.get(where).page().text, where)
    says(d1.get(path), "WEB_CASE_OFFER_BACK")
    # It can be offered again, or the notice cleared.
    equal(fill(d1, path + "/transfer", **dict(GOOD, unit=C)).status, 303,
          "again")
    says(d1.get(path), "WEB_CASE_OFFERED")
    equal(d1.post(path + "/transfer/withdraw").status, 303, "cleared")
    says_not(d1.get(path), "WEB_CASE_OFFER_BACK")


# ---- erasure ----

WANTED = {"ground": "other", "asker": "guardian", "reason": "监护人要求",
          "number": "c1"}


@test
def test_an_erasure_that_is_not_confirmed_is_refused_by_name():
    register, _, d1, d3 = begin("d1", "d3")
    cases.child(register, "d1", "c1", A)
    cases.child(register, "d1", "c2", A, "林小河")
    path = path_of(register, "d1", "c1") + "/erase"
    before = entries(register)
    for name, changed in (
            ("WEB_ERASE_NO_GROUND", {"ground": ""}),
            ("WEB_ERASE_NO_GROUND", {"ground": "unstated"}),
            ("WEB_ERASE_NO_GROUND", {"ground": "whim"}),
            ("WEB_ERASE_NO_ASKER", {"asker": "unstated"}),
            ("REASON_MISSING", {"reason": "\n"}),
            ("WEB_REASON_LONG", {"reason": "删" * 257}),
            ("ERASE_REASON_NAMES", {"reason": "林小溪的监护人要求"}),
            ("WEB_ERASE_NUMBER", {"number": ""}),
            ("WEB_ERASE_NUMBER", {"number": "c"}),
            ("WEB_ERASE_NUMBER", {"number": "c2"}),
            ("WEB_ERASE_NUMBER", {"number": "c11"})):
        r = refused(d1, path, name, **dict(WANTED, **changed))
        fields = dict(r.page().fields(path))
        equal(fields["number"], "", "the number is typed each time")
    equal(d3.get(path).status, 403, "of another director")
    equal(d3.post(path, WANTED).status, 403, "of another director")
    equal(entries(register), before, "nothing was erased")
    equal(d1.get(path[:-6]).status, 200, "it is there")
    equal(fill(d1, path, **dict(WANTED, number=" c1 ")).status, 303,
          "the control")


@test
def test_an_erased_child_leaves_a_certificate_without_a_name():
    register, _, d1, d3, s1, s2 = begin("d1", "d3", "s1", "s2")
    cases.child(register, "d1", "c1", A)
    cases.observe(register, "d1", "o1", "c1", "家里的事").expect()
    for b in (d1, s1):
        says(b.get("/erasures"), "WEB_ERASURES_NONE")
    path = path_of(register, "d1", "c1")
    says(d1.get(path + "/erase"), "WEB_ERASE_WHAT", "WEB_ERASE_STAYS")
    r = fill(d1, path + "/erase", **WANTED)
    certificate = path.replace("child", "erasure")
    equal((r.status, r.location), (303, certificate), "erased")
    page = d1.follow(r)
    says(page, "WEB_ERASE_DONE", "WEB_ERASURE_TITLE", "ERASURE_WHOLE",
         "GROUND_OTHER", "ASKER_GUARDIAN", "WEB_ERASURE_COUNTS")
    for name in ("林", "家里的事"):
        true(name not in page.page().text, name + " is in the certificate")
    true("监护人要求" in page.page().text, "the reason, for the director")
    equal(d1.get(path).status, 404, "the file")
    # Sent again it leads to the same certificate; for others it is none.
    r = d1.post(path + "/erase", WANTED)
    equal((r.status, r.location), (303, certificate), "twice")
    equal(d1.post("/child/%s/erase" % uuid.uuid4(), WANTED).status, 404,
          "the control")
    page = s1.get(certificate)
    equal(page.status, 200, "the supervisor")
    true("监护人要求" not in page.page().text, "without the reason")
    for b in (d3, s2):
        equal(b.get(certificate).status, 403, "of another unit")
        true(certificate not in b.get("/erasures").page().links, "listed")
    for b in (d1, s1):
        true(certificate in b.get("/erasures").page().links, "the list")
        r = b.post("/erasures/verify")
        says(r, "CLI_ERASURES_CLEAN")
        true("1 份" in r.page().text, "how many")
    equal(d1.get("/erasure/" + str(uuid.uuid4())).status, 404, "none")
    equal(d1.get("/erasure/x").status, 404, "no number")
    got = cases.as_(register, "d1", "--json", "erasure",
                    "list").expect().json()
    equal([(e["ground"], e["asked_by"]) for e in got],
          [("other", "guardian")], "what was stored")


@test
def test_a_child_without_a_number_is_erased_by_the_beginning_of_its_id():
    register, _, d1 = begin("d1")
    mine = str(uuid.uuid4())
    cases.child(register, "d1", mine, A)
    path = path_of(register, "d1", mine)
    ours = path.split("/")[2]
    refused(d1, path + "/erase", "WEB_ERASE_NUMBER",
            **dict(WANTED, number=mine[:8] if mine[:8] != ours[:8] else ""))
    equal(fill(d1, path + "/erase", **dict(WANTED, number=ours[:8])).status,
          303, "erased")


# ---- consent withdrawn ----

@test
def test_a_withdrawn_file_says_that_it_is_read_only_and_how_to_erase_it():
    register, _, d1 = begin("d1")
    cases.child(register, "d1", "c1", A)
    path = path_of(register, "d1", "c1")
    says_not(d1.get(path), "WEB_CASE_WITHDRAWN")
    cases.as_(register, "d1", "consent", "withdraw", "c1").expect()
    page = d1.get(path)
    says(page, "WEB_CASE_WITHDRAWN", "WEB_CASE_WITHDRAWN_WAYS")
    true(day() in page.page().text, "since when")
    true(path + "/erase" in page.page().links, "the way to erasure")
    true(path + "/observe" not in page.page().links, "nothing to record")
    r = d1.post(path + "/observe", {"date": day(), "channel": "talk",
                                    "risk": "green"})
    equal(r.status, 403, "recorded all the same")
    says(r, "WEB_CASE_WITHDRAWN")
    fields = dict(d1.get(path + "/erase").page().fields(path + "/erase"))
    equal(fields["ground"], "withdrawn", "the ground")
    # The duty of care goes on elsewhere: it moves as it is.
    equal(fill(d1, path + "/transfer", **GOOD).status, 303, "it may move")


# ---- retention ----

def grown(register, cid="g1", name="林成年", years=19):
    cases.as_(register, "d1", "child", "add", stdin={
        "id": cid, "unit": A, "name": name, "sex": "m",
        "birth": "%d-01" % (datetime.date.today().year - years),
        "categories": ["left_behind"],
        "legal_basis": "statutory_duty"}).expect()
    return path_of(register, "d1", cid)


@test
def test_a_file_whose_time_is_over_is_asked_about():
    register, _, d1, d3, s1, s2 = begin("d1", "d3", "s1", "s2")
    cases.child(register, "d1", "c1", A)
    for b in (d1, s1):
        says(b.get("/retention"), "WEB_RETENTION_NONE")
    says_not(d1.get("/today"), "WEB_RETENTION_TITLE")
    path = grown(register)
    for where in ("/today", "/retention"):
        page = d1.get(where).page()
        true({path + "/keep", path + "/erase"} <= set(page.links), where)
        true("林○" in page.text and "林成年" not in page.text, "masked")
        true(message("OVER_ADULT") in page.text, "why")
    says(d1.get(path), "WEB_CASE_OVER", "WEB_CASE_OVER_DECIDE")
    says_not(d1.get(path_of(register, "d1", "c1")), "WEB_CASE_OVER_DECIDE")
    before = entries(register)
    true("林成年" in d1.post("/retention", {"names": "1"}).page().text, "name")
    equal(entries(register), before + 1, "audited")
    # The supervisor sees that there is one, and no name or way to it.
    r = s1.post("/retention", {"names": "1"})
    says(r, "WEB_RETENTION_CODED")
    true("g1" in r.page().text and "林" not in r.page().text, "coded")
    true(path not in r.page().links, "a way to it")
    for b in (d3, s2):
        says(b.get("/retention"), "WEB_RETENTION_NONE")
    # On another day: c1 has grown up by then.
    later = "%d-12-31" % (datetime.date.today().year + 20)
    links = d1.get("/retention?on=" + later).page().links
    true(path_of(register, "d1", "c1") + "/keep" in links, "later")
    r = d1.get("/retention?on=2026-02-30")
    equal(r.status, 422, "no date")
    says(r, "WEB_RETENTION_TITLE")
    true(path + "/keep" in r.page().links, "today's list instead")
    true("“%s”" % message("WEB_RETENTION_ON") in r.page().text, "which field")


@test
def test_a_file_is_kept_until_a_day_with_a_reason():
    register, _, d1, d3 = begin("d1", "d3")
    path = grown(register) + "/keep"
    until = day(-100)
    before = entries(register)
    for name, changed in (
            ("FIELD_MISSING", {"until": ""}),
            ("DATE_INVALID", {"until": "2027-02-30"}),
            ("DATE_BEFORE", {"until": day()}),
            ("REASON_MISSING", {"reason": " "}),
            ("WEB_REASON_LONG", {"reason": "留" * 257})):
        r = fill(d1, path, **dict({"until": until, "reason": "仍在帮扶"},
                                  **changed))
        equal(r.status, 422, name)
        want = [w.strip() for w in re.split(r"\{\w+\}", message(name))]
        true(all(w in r.page().text for w in want if w), "%s: %s" % (
            name, r.page().text[-900:]))
    equal(entries(register), before, "nothing is stored")
    equal(d3.post(path, {"until": until, "reason": "x"}).status, 403,
          "another director")
    r = fill(d1, path, until=until, reason="仍在帮扶")
    equal(r.status, 303, "kept")
    page = d1.follow(r)
    says(page, "WEB_KEEP_DONE", "WEB_KEPT_UNTIL")
    says_not(page, "WEB_KEPT_OVER")
    true(until in page.page().text and "仍在帮扶" in page.page().text, "why")
    says_not(page, "WEB_CASE_OVER_DECIDE")
    says(d1.get("/retention"), "WEB_RETENTION_NONE")
    says_not(d1.get("/retention?on=" + day(-101)), "WEB_RETENTION_NONE")


# ---- ways back, and a code left out ----

@test
def test_pages_off_the_menu_lead_back():
    _, s, d1, s1 = begin("d1", "s1")
    for b, home in ((d1, "/children"), (s1, "/coverage")):
        for where in ("/transfers", "/retention", "/erasures"):
            true(home in b.get(where).page().links, where + ": " + home)
    for where in ("/keys", "/audit"):
        text = d1.get(where).page().text
        true("← d1" in text, where)
    true("← " + message("WEB_NAV_SAFETY") in
         enter(s, *ADMIN).get("/keys").page().text, "the administrator")


@test
def test_a_unit_without_a_code_is_asked_for_it():
    _, s = begin()
    a = enter(s, *ADMIN)
    r = a.post("/units/add", {"code": "", "name": "新村"})
    equal(r.status, 422, "no code")
    says(r, "WEB_UNIT_CODE_MISSING")
    says(a.post("/units/add", {"code": "12", "name": "新村"}), "UNIT_INVALID")


# ---- settings ----

KEYS = ("retention-closed-years", "retention-adult-months",
        "retention-withdrawn-months", "visit-red-first-days",
        "visit-red-days", "visit-orange-days", "visit-yellow-days",
        "visit-green-days", "visit-new-workdays")


def settings(register):
    rows = run(register, *ADMIN, "--json", "setting", "list").expect().json()
    return {r["name"]: r["value"] for r in rows}


@test
def test_settings_out_of_bounds_are_refused_and_none_is_saved():
    register, s, d1 = begin("d1")
    a = enter(s, *ADMIN)
    fields = dict(a.get("/settings").page().fields("/settings"))
    equal(sorted(k for k in fields if k != "csrf"), sorted(KEYS), "all")
    stands, before = settings(register), entries(register)
    equal({k: int(fields[k]) for k in KEYS}, stands, "as they stand")
    for bad in ("", "0", "367", "-1", "1e2", "６０", "60 ", "6.5",
                "99999999999999999999"):
        # What is right beside it is not saved either.
        r = fill(a, "/settings", **{"visit-green-days": bad,
                                    "visit-red-days": "6"})
        equal(r.status, 422, "green: " + bad)
        says(r, "WEB_SETTING_WRONG")
        true("#visit-green-days" in r.page().links, "the way to the field")
        equal(dict(r.page().fields("/settings"))["visit-red-days"], "6",
              "what was typed")
    equal(settings(register), stands, "nothing is saved")
    equal(entries(register), before, "no entry")
    equal(d1.post("/settings", {"visit-green-days": "60"}).status, 403,
          "a director")


@test
def test_settings_are_saved_one_by_one_or_together_and_audited():
    register, s = begin()
    a = enter(s, *ADMIN)
    before = entries(register)
    r = fill(a, "/settings", **{"visit-green-days": "60"})
    equal(r.status, 303, "one")
    says(a.follow(r), "WEB_SETTINGS_SAVED")
    equal(entries(register), before + 1, "one entry")
    r = fill(a, "/settings", **{"retention-closed-years": "3",
                                "visit-yellow-days": "20"})
    equal(r.status, 303, "two")
    equal(entries(register), before + 3, "an entry each")
    r = fill(a, "/settings")
    says(a.follow(r), "WEB_SETTINGS_SAME")
    equal(a.post("/settings").status, 303, "nothing sent")
    equal(entries(register), before + 3, "nothing was changed")
    got = settings(register)
    equal((got["visit-green-days"], got["visit-yellow-days"],
           got["retention-closed-years"]), (60, 20, 3), "stored")
    says(a.get("/audit"), "DID_SETTING")
    true("visit-green-days=60" in a.get("/audit").page().text, "which")
    # The form of a visit proposes by them, for who signs in from now on.
    cases.child(register, "d1", "c1", A)
    d1 = enter(s, "d1")
    text = d1.get(path_of(register, "d1", "c1") + "/observe").text
    for risk, days in (("green", 60), ("yellow", 20), ("red", 1)):
        true('value="%s" data-days="%d"' % (risk, days) in text, risk)


# ---- what was written twice ----

def twice():
    """A register and its copy in which a record, the child and an activity were
    corrected in both, brought together at home."""
    register = make()
    cases.child(register, "d1", "c1", A)
    cases.observe(register, "d1", "o1", "c1", "原来的话").expect()
    activity = {"id": "a1", "unit": A, "date": day(3),
                "kind": "theme_activity", "held": True, "venue": "原来处"}
    cases.as_(register, "d1", "activity", "add", stdin=activity).expect()
    top = temp_dir()
    copy = os.path.join(top, "copy")
    cases.as_(register, "d1", "backup", "create",
              os.path.join(top, "b")).expect()
    cases.as_(register, "d1", "backup", "restore", os.path.join(top, "b"),
              copy, "--copy", "中山村").expect()
    for where, word in ((copy, "副本"), (register, "主库")):
        cases.as_(where, "d1", "observe", "--correct", stdin={
            "id": "o1", "child": "c1", "date": "2025-06-03", "channel":
            "home_visit", "signs": ["mood_low"], "risk": "yellow",
            "note": word + "的话"}).expect()
        cases.as_(where, "d1", "child", "add", "--correct", stdin={
            "id": "c1", "unit": A, "name": "林" + word, "sex": "f",
            "birth": "2014-05", "categories": ["left_behind"],
            "legal_basis": "consent"}).expect()
        cases.as_(where, "d1", "activity", "add", "--correct", stdin=dict(
            activity, venue=word + "处")).expect()
    bundle = os.path.join(top, "home.rxb")
    cases.as_(copy, "d1", "bundle", "make", "--to", A, bundle).expect()
    got = cases.as_(register, "d1", "bundle", "open", bundle,
                    "--json").expect().json()
    equal(got["conflicts"], 3, "written twice")
    return register


@test
def test_versions_written_twice_are_shown_with_the_history():
    register = twice()
    s = Server(register)
    d1, d3 = enter(s, "d1"), enter(s, "d3")
    path = path_of(register, "d1", "c1")
    page = d1.get(path)
    says(page, "WEB_CONFLICTS", "WEB_CONFLICTS_SEE")
    before = entries(register)
    page = d1.get(path + "/history")
    says(page, "WEB_CONFLICTS_TITLE", "WEB_CONFLICTS_SHOW")
    for word in ("副本", "主库的话"):
        true(word not in page.page().text, word + " is shown unasked")
    equal(entries(register), before + 1, "the history alone")
    page = d1.post(path + "/history")
    equal(page.status, 200, "asked for")
    true("副本的话" in page.text and "林副本" in page.text, "what lost")
    equal(entries(register), before + 3, "history and what lost: audited")
    record, = {a for a in page.page().links if "/history/" in a}
    page = d1.get(record)
    true("主库的话" in page.text and "副本的话" not in page.text, "stands")
    true(path + "/history#conflicts" in page.page().links, "the way back")
    true(d3.post(path + "/history").status == 403, "another director")
    # The same of an activity, in which nobody's name stands.
    mine = next(a for a in d1.get("/activities").page().links
                if re.fullmatch(r"/activity/[0-9a-f-]{36}", a))
    page = d1.get(mine)
    says(page, "WEB_CONFLICTS", "WEB_CONFLICTS_TITLE")
    true("主库处" in page.text and "副本处" in page.text, "both")
    equal(d3.get(mine).status, 403, "another director")


@test
def test_a_file_written_once_says_nothing_of_conflicts():
    register, _, d1 = begin("d1")
    cases.child(register, "d1", "c1", A)
    path = path_of(register, "d1", "c1")
    for r in (d1.get(path), d1.get(path + "/history"),
              d1.post(path + "/history")):
        equal(r.status, 200, "a page")
        says_not(r, "WEB_CONFLICTS")


@test
def test_in_a_copy_what_is_for_home_is_refused():
    register = make()
    cases.child(register, "d1", "c1", A)
    top = temp_dir()
    cases.as_(register, "d1", "backup", "create",
              os.path.join(top, "b")).expect()
    copy = os.path.join(top, "copy")
    cases.as_(register, "d1", "backup", "restore", os.path.join(top, "b"),
              copy, "--copy", "中山村").expect()
    s = Server(copy)
    d1, a = enter(s, "d1"), enter(s, *ADMIN)
    path = path_of(copy, "d1", "c1")
    refused(d1, path + "/transfer", "COPY_HOME_ONLY", 403, **GOOD)
    refused(d1, path + "/erase", "COPY_HOME_ONLY", 403, **WANTED)
    refused(a, "/settings", "COPY_HOME_ONLY", 403,
            **{"visit-green-days": "60"})
    equal(d1.get(path).status, 200, "it is there")


if __name__ == "__main__":
    try:
        main()
    finally:
        for s in web._servers:
            s.p.kill()
