"""A child moves to another village: offered, accepted, rejected, withdrawn.

The whole history stays readable, with its signatures, to the new director; the
old one opens nothing any more; statistics and the audit hold.  What a forger or
a sender with kept keys can do is in tests/attack/test_transfer.c.

And to another register, of another county: address, sealed file, receipt.  Who
forges these is in tests/attack/test_moved.c.
"""

import json
import os

from harness import (ABSENT, CONFLICT, PERMISSION, USAGE, add_user, equal,
                     main, run, temp_dir, test, true)

ADMIN = ("bureau", "the office opens at eight")
A, B, C = "350102001001", "350102003001", "350102001002"
URGENT = {"signs": ["self_harm"], "risk": "red"}


def as_(register, who, *command, **more):
    return run(register, who, who + " first", *command, **more)


def make():
    """d1 in A and d2 in B (another township), d3 in C; s1, s2 above; st."""
    top = temp_dir()
    register = os.path.join(top, "register")
    run(register, *ADMIN, "init", "--unit", "350102", "--name", "测试民政局",
        "--recovery-out", os.path.join(top, "codes.txt")).expect()
    for name, role, unit in (
            ("d1", "director", A), ("d2", "director", B),
            ("d3", "director", C), ("s1", "supervisor", "350102001"),
            ("s2", "supervisor", "350102003"),
            ("st", "statistician", "350102")):
        add_user(register, ADMIN, name, role, unit, name + " first")
    for name in ("d1", "d2", "d3"):
        as_(register, name, "child", "list").expect()
    return register


def child(register, who, cid, unit, name="林小溪"):
    as_(register, who, "child", "add", stdin={
        "id": cid, "unit": unit, "name": name, "sex": "f", "birth": "2014-05",
        "categories": ["left_behind"], "legal_basis": "consent"}).expect()


def observe(register, who, oid, cid, note, **more):
    r = {"id": oid, "child": cid, "date": "2025-06-03", "channel":
         "home_visit", "signs": ["mood_low"], "risk": "yellow", "note": note}
    r.update(more)
    return as_(register, who, "observe", stdin=r)


def offer(register, cid="c1", to=B, who="d1", reason="随父母搬家"):
    return as_(register, who, "child", "transfer", cid, "--to", to,
               "--reason", reason)


def listed(register, who):
    return as_(register, who, "transfer", "list", "--json").expect().json()


def verify(register):
    run(register, *ADMIN, "audit", "verify").expect()


def annex(register):
    out = os.path.join(temp_dir(), "a.json")
    as_(register, "st", "export", "annex", "--unit", "350102", "--from",
        "2025-01-01", "--to", "2025-12-31", "--format", "json", "-o",
        out).expect()
    with open(out, encoding="utf-8") as f:
        return json.load(f)["rows"]


def help_(register, who, iid, cid):
    return as_(register, who, "intervene", stdin={
        "id": iid, "child": cid, "date": "2025-06-10", "kind":
        "visit_condolence", "delivered": True, "face_to_face": True})


@test
def test_accepted_case_is_the_receivers_with_all_its_history():
    register = make()
    child(register, "d1", "c1", A)
    observe(register, "d1", "o1", "c1", "转出前的记录").expect()
    as_(register, "d1", "observe", "--correct", stdin={
        "id": "o1", "child": "c1", "date": "2025-06-03", "channel":
        "home_visit", "signs": ["mood_low"], "risk": "yellow",
        "note": "转出前更正过"}).expect()
    as_(register, "d1", "unit", "rotate", A).expect()
    help_(register, "d1", "i1", "c1").expect()
    before = annex(register)
    offer(register).expect()
    row, = listed(register, "d2")
    equal((row["id"], row["name"], row["from"], row["to"], row["direction"],
           row["state"], row["by"], row["reason"], row["kind"]),
          ("c1", "林小溪", A, B, "in", "offered", "d1", "随父母搬家", "unit"),
          "seen")
    got = as_(register, "d2", "transfer", "accept", "c1",
              "--json").expect().json()
    equal(got["id"], None, "keeps its id")
    text = as_(register, "d2", "child", "show", "c1").expect().text
    for want in ("林小溪", "转出前更正过"):
        true(want in text, want)
    observe(register, "d2", "o2", "c1", "转入后的记录").expect()
    text = as_(register, "d2", "child", "show", "c1").expect().text
    true("转入后的记录" in text and "转出前更正过" in text, "old and new")
    equal([r["id"] for r in as_(register, "d2", "child", "list",
                                "--json").expect().json()], ["c1"], "his")
    equal(as_(register, "d1", "child", "list", "--json").expect().json(), [],
          "not the sender's")
    as_(register, "d1", "child", "show", "c1").expect(PERMISSION)
    r = as_(register, "d1", "child", "show", got["accepted"])
    true(B in r.expect(PERMISSION).complaint, "where it is now")
    observe(register, "d1", "o3", "c1", "晚了").expect(PERMISSION)
    for who in ("d1", "d2"):
        equal(listed(register, who), [], "over")
    equal(annex(register), before, "the county's form is as it was")
    as_(register, "d2", "unit", "rotate", B).expect()
    text = as_(register, "d2", "child", "show", "c1").expect().text
    true("转出前更正过" in text, "after a rotation")
    verify(register)


@test
def test_flagged_case_keeps_its_flag_for_the_new_township():
    register = make()
    child(register, "d1", "c1", A)
    observe(register, "d1", "o1", "c1", "紧急", **URGENT).expect()
    uuid = as_(register, "d1", "child", "list",
               "--json").expect().json()[0]["uuid"]
    true("紧急" in as_(register, "s1", "child", "show", "c1").expect().text,
         "s1 first")
    offer(register).expect()
    # Both supervisors see that it is under way; the other one no more of it.
    row, = listed(register, "s1")
    equal((row["id"], "name" in row, "reason" in row), ("c1", False, False),
          "s1")
    row, = listed(register, "s2")
    equal((row["uuid"], "id" in row, "by" in row), (uuid, False, False), "s2")
    as_(register, "d2", "transfer", "accept", "c1").expect()
    text = as_(register, "s2", "review", "show", "o1", "--reason",
               "复核").expect().text
    true("紧急" in text and "林小溪" in text, "s2 sees it")
    as_(register, "s2", "review", "decide", "o1", "--decision", "accept",
        "--reason", "已知").expect()
    equal(as_(register, "s1", "review", "list", "--json").expect().json(), [],
          "s1 has it no more")
    as_(register, "s1", "child", "show", uuid).expect(PERMISSION)
    verify(register)


@test
def test_rejected_offer_says_why_and_leaves_no_keys():
    register = make()
    child(register, "d1", "c1", A)
    offer(register).expect()
    as_(register, "d2", "transfer", "reject", "c1").expect(USAGE)
    as_(register, "d2", "transfer", "reject", "c1", "--reason",
        "没有搬来").expect()
    equal(listed(register, "d2"), [], "nothing left to see")
    row, = listed(register, "d1")
    equal((row["state"], row["by"], row["reason"], row["direction"]),
          ("rejected", "d2", "没有搬来", "out"), "the answer")
    as_(register, "d2", "transfer", "accept", "c1").expect(ABSENT)
    observe(register, "d1", "o1", "c1", "仍在本村").expect()
    # Offered again, and taken; or the answer is taken away.
    offer(register, reason="这次真的搬了").expect()
    equal(listed(register, "d1")[0]["state"], "offered", "again")
    as_(register, "d1", "transfer", "withdraw", "c1").expect()
    equal(listed(register, "d1"), [], "withdrawn")
    as_(register, "d2", "transfer", "accept", "c1").expect(ABSENT)
    as_(register, "d1", "transfer", "withdraw", "c1").expect(ABSENT)
    verify(register)


@test
def test_refused_offers_and_answers():
    register = make()
    child(register, "d1", "c1", A)
    uuid = as_(register, "d1", "child", "list",
               "--json").expect().json()[0]["uuid"]
    offer(register, to=A).expect(USAGE)
    offer(register, to="350103001002").expect(USAGE)
    offer(register, to="350102001004").expect(CONFLICT)	# nobody there
    offer(register, reason="").expect(USAGE)
    offer(register, who="d3", cid=uuid).expect(PERMISSION)
    offer(register, who="s1").expect(PERMISSION)
    run(register, *ADMIN, "transfer", "list").expect(PERMISSION)
    as_(register, "st", "transfer", "list").expect(PERMISSION)
    true("没有" in as_(register, "d1", "transfer", "list").expect().text,
         "empty")
    offer(register).expect()
    offer(register, to=C).expect(CONFLICT)		# one at a time
    for who in ("d1", "d3"):
        as_(register, who, "transfer", "accept", "c1").expect(ABSENT)
        as_(register, who, "transfer", "accept", uuid).expect(ABSENT)
    as_(register, "s2", "transfer", "accept", uuid).expect(ABSENT)
    as_(register, "d2", "transfer", "withdraw", uuid).expect(PERMISSION)
    verify(register)


@test
def test_id_in_use_there_gives_the_case_a_new_one():
    register = make()
    child(register, "d1", "c1", A)
    child(register, "d2", "c1", B, name="陈大海")
    offer(register).expect()
    got = as_(register, "d2", "transfer", "accept", "c1",
              "--json").expect().json()
    equal(got["id"], "001-002", "a number of the new village")
    true("林小溪" in as_(register, "d2", "child", "show", "001-002"
                      ).expect().text, "found by it")
    true("陈大海" in as_(register, "d2", "child", "show", "c1"
                      ).expect().text, "the other one")
    # And back again: its old id is taken by nobody but itself.
    offer(register, who="d2", cid="001-002", to=A).expect()
    as_(register, "d1", "transfer", "accept", "001-002").expect()
    true("林小溪" in as_(register, "d1", "child", "show", "001-002"
                      ).expect().text, "back")
    observe(register, "d1", "o9", "001-002", "回来了").expect()
    verify(register)


@test
def test_records_of_before_stand_and_are_not_saved_twice():
    register = make()
    child(register, "d1", "c1", A)
    observe(register, "d1", "o1", "c1", "原记录").expect()
    offer(register).expect()
    as_(register, "d2", "transfer", "accept", "c1").expect()
    same = observe(register, "d2", "o1", "c1", "原记录").expect().text
    true("已存在" in same, "not saved twice: " + same)
    observe(register, "d2", "o1", "c1", "改写").expect(CONFLICT)
    as_(register, "d2", "observe", "--correct", stdin={
        "id": "o1", "child": "c1", "date": "2025-06-03", "channel":
        "home_visit", "signs": ["mood_low"], "risk": "yellow",
        "note": "改写"}).expect(CONFLICT)
    # The sender registers the same id again: refused, and he is told why.
    got = as_(register, "d1", "child", "add", stdin={
        "id": "c1", "unit": A, "name": "林小溪", "sex": "f", "birth":
        "2014-05", "categories": ["left_behind"], "legal_basis": "consent"})
    got.expect(CONFLICT)
    true(B in got.complaint, got.complaint)
    verify(register)


@test
def test_withdrawn_consent_does_not_keep_a_case_from_moving():
    register = make()
    child(register, "d1", "c1", A)
    as_(register, "d1", "consent", "withdraw", "c1").expect()
    offer(register).expect()
    as_(register, "d2", "transfer", "accept", "c1").expect()
    observe(register, "d2", "o1", "c1", "不可").expect(PERMISSION)
    equal(as_(register, "d2", "child", "list",
              "--json").expect().json()[0]["withdrawn"], True, "still")
    verify(register)


@test
def test_offer_reaches_a_director_who_comes_later_and_new_keys():
    register = make()
    child(register, "d1", "c1", A)
    offer(register).expect()
    add_user(register, ADMIN, "d4", "director", B, "d4 first")
    as_(register, "d2", "child", "list").expect()	# hands on B's keys
    as_(register, "d4", "transfer", "accept", "c1").expect(ABSENT)
    # The sender's next sign-in seals the offer for him; and after a rotation.
    as_(register, "d1", "child", "list").expect()
    as_(register, "d1", "unit", "rotate", A).expect()
    observe(register, "d1", "o1", "c1", "等待时写的").expect()
    run(register, "d2", "d2 first", "passwd", new="d2 second").expect()
    run(register, *ADMIN, "user", "list").expect()
    as_(register, "d1", "child", "list").expect()
    row, = run(register, "d2", "d2 second", "transfer", "list",
               "--json").expect().json()
    equal(row["name"], "林小溪", "under his new keys")
    as_(register, "d4", "transfer", "accept", "c1").expect()
    true("等待时写的" in as_(register, "d4", "child", "show", "c1"
                        ).expect().text, "all of it")
    verify(register)


@test
def test_erased_case_takes_its_offer_with_it():
    register = make()
    child(register, "d1", "c1", A)
    offer(register).expect()
    as_(register, "d1", "child", "erase", "c1", "--reason", "重复").expect()
    for who in ("d1", "d2"):
        equal(listed(register, who), [], who)
    verify(register)


# ---- to another register ----

FAR = "350203001001"


def make_far():
    """The register of another county: e1 directs FAR, es above it, et counts."""
    top = temp_dir()
    register = os.path.join(top, "register")
    run(register, *ADMIN, "init", "--unit", "350203", "--name", "思明民政局",
        "--recovery-out", os.path.join(top, "codes.txt")).expect()
    for name, role, unit in (("e1", "director", FAR),
                             ("es", "supervisor", "350203001"),
                             ("et", "statistician", "350203")):
        add_user(register, ADMIN, name, role, unit, name + " first")
    as_(register, "e1", "child", "list").expect()
    return register


def paths():
    top = temp_dir()
    return (os.path.join(top, "address"), os.path.join(top, "case"),
            os.path.join(top, "receipt"))


def address(far, path):
    return as_(far, "e1", "transfer", "address", "-o", path,
               "--json").expect().json()["fingerprint"]


def depart(register, path, digits, out, cid="c1", reason="随父母迁居"):
    return as_(register, "d1", "child", "transfer", cid, "--to-register",
               path, "--fingerprint", digits, "--reason", reason, "-o", out)


def fill(register):
    """c1 in A, corrected, with an observation of two versions and a visit."""
    child(register, "d1", "c1", A)
    as_(register, "d1", "child", "add", "--correct", stdin={
        "id": "c1", "unit": A, "name": "林小溪", "sex": "f",
        "birth": "2014-05", "phone": "13800000000",
        "categories": ["left_behind"], "legal_basis": "consent"}).expect()
    observe(register, "d1", "o1", "c1", "迁出前的记录").expect()
    as_(register, "d1", "observe", "--correct", stdin={
        "id": "o1", "child": "c1", "date": "2025-06-03", "channel":
        "home_visit", "signs": ["mood_low"], "risk": "yellow",
        "note": "迁出前更正过"}).expect()
    as_(register, "d1", "unit", "rotate", A).expect()
    help_(register, "d1", "i1", "c1").expect()


def far_annex(far):
    out = os.path.join(temp_dir(), "a.json")
    as_(far, "et", "export", "annex", "--unit", "350203", "--from",
        "2025-01-01", "--to", "2025-12-31", "--format", "json", "-o",
        out).expect()
    with open(out, encoding="utf-8") as f:
        return json.load(f)["total"]


@test
def test_case_goes_to_another_register_with_all_its_history():
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    before = annex(register)
    digits = address(far, addr)
    equal(as_(register, "d1", "transfer", "show", addr,
              "--json").expect().json()["fingerprint"], digits, "same digits")
    text = depart(register, addr, digits, case).expect().text
    true("收不回来" in text or "仍能打开" in text, "it says so: " + text)
    observe(register, "d1", "o9", "c1", "太晚").expect(CONFLICT)
    as_(register, "d1", "child", "erase", "c1", "--reason",
        "x").expect(CONFLICT)
    true("迁出前更正过" in as_(register, "d1", "child", "show",
                          "c1").expect().text, "readable until then")
    shown = as_(far, "e1", "transfer", "show", case, "--json").expect().json()
    equal((shown["name"], shown["reason"], shown["records"], shown["risk"]),
          ("林小溪", "随父母迁居", 3, "yellow"), "shown")
    equal(as_(far, "e1", "child", "list", "--json").expect().json(), [],
          "looking takes nothing in")
    got = as_(far, "e1", "transfer", "accept", case, "--fingerprint",
              shown["fingerprint"], "-o", receipt, "--json").expect().json()
    equal((got["id"], got["before"]), ("c1", False), "accepted")
    text = as_(far, "e1", "child", "show", "c1").expect().text
    for want in ("林小溪", "迁出前的记录", "迁出前更正过", "测试民政局", "d1",
                 "签名已核验"):
        true(want in text, want)
    show = as_(far, "e1", "child", "show", "c1", "--json").expect().json()
    old, = show["origins"]
    equal([(r["type"], r["version"], r["author"], r["verified"])
           for r in old["records"]],
          [("child", 1, "d1", True), ("child", 2, "d1", True),
           ("observation", 1, "d1", True), ("observation", 2, "d1", True),
           ("intervention", 1, "d1", True)], "every version, signed")
    equal(show["records"], [], "no record of the new register")
    # Receipt: the sender's access ends, and what it reported stays.
    equal(annex(register), before, "until the receipt")
    as_(register, "d1", "transfer", "receipt", receipt).expect()
    as_(register, "d1", "child", "show", "c1").expect(ABSENT)
    equal(as_(register, "d1", "child", "list", "--json").expect().json(), [],
          "gone")
    row, = as_(register, "d1", "erasure", "list", "--json").expect().json()
    equal((row["ground"], row["reason"]), ("moved", "随父母迁居"), "certified")
    as_(register, "d1", "erasure", "verify").expect()
    equal(annex(register), before, "past months are as they were")
    equal(far_annex(far)[5], 0, "nothing is counted twice")
    # Work goes on there, and counts there.
    help_(far, "e1", "i2", "c1").expect()
    equal(far_annex(far)[5], 1, "counted from the acceptance on")
    as_(far, "e1", "unit", "rotate", FAR).expect()
    true("迁出前更正过" in as_(far, "e1", "child", "show", "c1").expect().text,
         "after a rotation")
    verify(register)
    verify(far)


@test
def test_files_that_come_again_change_nothing():
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    depart(register, addr, address(far, addr), case).expect()
    digits = as_(far, "e1", "transfer", "show", case,
                 "--json").expect().json()["fingerprint"]
    accept = ("transfer", "accept", case, "--fingerprint", digits, "-o")
    as_(far, "e1", *accept, receipt).expect()
    again = as_(far, "e1", *accept, receipt + "2", "--json").expect().json()
    equal((again["before"], again["id"]), (True, "c1"), "the second time")
    with open(receipt, "rb") as one, open(receipt + "2", "rb") as two:
        equal(one.read(), two.read(), "the same receipt")
    equal(len(as_(far, "e1", "child", "list", "--json").expect().json()), 1,
          "one child")
    as_(far, "e1", "transfer", "reject", case, "--reason", "不", "-o",
        receipt + "3").expect(CONFLICT)
    as_(register, "d1", "transfer", "receipt", receipt).expect()
    equal(as_(register, "d1", "transfer", "receipt", receipt,
              "--json").expect().json()["before"], True, "taken in before")
    verify(register)
    verify(far)


@test
def test_rejected_by_another_register_the_case_is_as_before():
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    depart(register, addr, address(far, addr), case).expect()
    as_(far, "e1", "transfer", "reject", case, "--reason", "还没搬来", "-o",
        receipt).expect()
    equal(as_(far, "e1", "child", "list", "--json").expect().json(), [],
          "nothing there")
    digits = as_(far, "e1", "transfer", "show", case,
                 "--json").expect().json()["fingerprint"]
    as_(far, "e1", "transfer", "accept", case, "--fingerprint", digits, "-o",
        receipt + "2").expect(CONFLICT)
    text = as_(register, "d1", "transfer", "receipt", receipt).expect().text
    true("还没搬来" in text, text)
    equal(listed(register, "d1")[0]["state"], "rejected", "the list")
    observe(register, "d1", "o9", "c1", "照常").expect()
    as_(register, "d1", "transfer", "receipt", receipt).expect()
    # Offered again, it can be accepted.
    depart(register, addr, address(far, addr + "2"), case + "2").expect()
    as_(far, "e1", "transfer", "accept", case + "2", "--fingerprint", digits,
        "-o", receipt + "3").expect()
    as_(register, "d1", "transfer", "receipt", receipt + "3").expect()
    as_(register, "d1", "child", "show", "c1").expect(ABSENT)


@test
def test_withdrawn_file_can_still_be_opened_and_its_receipt_is_a_conflict():
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    depart(register, addr, address(far, addr), case).expect()
    row, = listed(register, "d1")
    equal([row[k] for k in ("id", "name", "kind", "from", "to", "register",
                            "person", "direction", "state", "by", "reason")],
          ["c1", "林小溪", "register", A, FAR, "思明民政局", "e1", "out",
           "offered", "d1", "随父母迁居"], "in the list")
    text = as_(register, "d1", "transfer", "list").expect().text
    true("思明民政局" in text and "回执" in text, text)
    equal(listed(register, "d3"), [], "of another unit")
    equal(listed(register, "s1"), [], "of a supervisor")
    text = as_(register, "d1", "transfer", "withdraw", "c1").expect().text
    true("收不回来" in text, text)
    equal(listed(register, "d1")[0]["state"], "withdrawn", "and after")
    observe(register, "d1", "o9", "c1", "照常").expect()
    digits = as_(far, "e1", "transfer", "show", case,
                 "--json").expect().json()["fingerprint"]
    as_(far, "e1", "transfer", "accept", case, "--fingerprint", digits, "-o",
        receipt).expect()
    as_(register, "d1", "transfer", "receipt", receipt).expect(CONFLICT)
    true("照常" in as_(register, "d1", "child", "show", "c1").expect().text,
         "nothing was destroyed by it")
    # A second file of the same child is not taken in while it is there.
    depart(register, addr, address(far, addr + "2"), case + "2").expect()
    as_(far, "e1", "transfer", "accept", case + "2", "--fingerprint", digits,
        "-o", receipt + "2").expect(CONFLICT)


@test
def test_flag_and_withdrawal_of_consent_go_with_the_case():
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    observe(register, "d1", "o2", "c1", "手臂有划痕", **URGENT).expect()
    as_(register, "d1", "consent", "withdraw", "c1").expect()
    digits = address(far, addr)
    depart(register, addr, digits, case).expect()
    shown = as_(far, "e1", "transfer", "show", case, "--json").expect().json()
    equal((shown["flagged"], shown["withdrawn"]), (True, True), "shown")
    as_(far, "e1", "transfer", "accept", case, "--fingerprint",
        shown["fingerprint"], "-o", receipt).expect()
    observe(far, "e1", "o3", "c1", "不行").expect(PERMISSION)
    flag, = as_(far, "es", "review", "list", "--json").expect().json()
    text = as_(far, "es", "review", "show", flag["id"]).expect().text
    true("手臂有划痕" in text, text)
    as_(far, "es", "child", "show", "c1").expect()
    closed = as_(far, "es", "child", "show", "c1",
                 "--json").expect().json()["origins"][0]["records"]
    true("name" not in closed[0] and closed[-1]["verified"],
         "no name without a reason")
    as_(far, "es", "review", "decide", flag["id"], "--decision", "close",
        "--reason", "已处理").expect()
    as_(far, "es", "child", "show", "c1").expect(PERMISSION)
    as_(register, "d1", "transfer", "receipt", receipt).expect()


@test
def test_child_that_comes_back_brings_both_histories():
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    there = address(far, addr)
    depart(register, addr, there, case).expect()
    as_(far, "e1", "transfer", "accept", case, "--fingerprint",
        as_(far, "e1", "transfer", "show", case,
            "--json").expect().json()["fingerprint"], "-o",
        receipt).expect()
    as_(register, "d1", "transfer", "receipt", receipt).expect()
    observe(far, "e1", "f1", "c1", "在思明写的").expect()
    home = as_(register, "d1", "transfer", "address", "-o", addr + "b",
               "--json").expect().json()["fingerprint"]
    as_(far, "e1", "child", "transfer", "c1", "--to-register", addr + "b",
        "--fingerprint", home, "--reason", "回来", "-o", case + "b").expect()
    as_(register, "d1", "transfer", "accept", case + "b", "--fingerprint",
        there, "-o", receipt + "b").expect()
    as_(far, "e1", "transfer", "receipt", receipt + "b").expect()
    text = as_(register, "d1", "child", "show", "c1").expect().text
    for want in ("在思明写的", "迁出前更正过", "思明民政局", "测试民政局"):
        true(want in text, want)
    as_(far, "e1", "child", "show", "c1").expect(ABSENT)
    verify(register)
    verify(far)


@test
def test_files_between_registers_are_refused():
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    digits = address(far, addr)
    wrong = "00000 " + digits[6:]
    depart(register, addr, wrong, case).expect(PERMISSION)
    depart(register, addr, "", case).expect(PERMISSION)
    depart(register, case, digits, case).expect(7)
    own = addr + "own"
    mine = as_(register, "d1", "transfer", "address", "-o", own,
               "--json").expect().json()["fingerprint"]
    depart(register, own, mine, case).expect(USAGE)
    depart(register, addr, digits, case, reason="林小溪搬走").expect(USAGE)
    as_(register, "d1", "child", "transfer", "c1", "--to", B,
        "--to-register", addr, "--fingerprint", digits, "-o", case,
        "--reason", "x").expect(USAGE)
    as_(register, "s1", "transfer", "address", "-o",
        addr + "s").expect(PERMISSION)
    offer(register).expect()
    depart(register, addr, digits, case).expect(CONFLICT)
    as_(register, "d1", "transfer", "withdraw", "c1").expect()
    depart(register, addr, digits, case).expect()
    offer(register).expect(CONFLICT)
    depart(register, addr, digits, case + "2").expect(CONFLICT)
    as_(far, "e1", "transfer", "accept", case, "--fingerprint", digits, "-o",
        receipt).expect(PERMISSION)
    as_(far, "e1", "transfer", "accept", case).expect(ABSENT)
    as_(far, "e1", "transfer", "accept", case, "-o", receipt).expect(USAGE)
    as_(far, "es", "transfer", "show", case).expect(PERMISSION)
    as_(register, "d2", "transfer", "show", case).expect(CONFLICT)
    as_(far, "e1", "transfer", "receipt", case).expect(USAGE)
    as_(far, "e1", "bundle", "open", case).expect(6)


@test
def test_case_moved_away_leaves_the_copys_records_out():
    """Home and copy: what the copy wrote of a case that is offered waits; of one
    that left it is left out, and counted."""
    register, far = make(), make_far()
    addr, case, receipt = paths()
    fill(register)
    top = temp_dir()
    backup = os.path.join(top, "b")
    run(register, *ADMIN, "backup", "create", backup).expect()
    copy = os.path.join(top, "copy")
    as_(register, "d1", "backup", "restore", backup, copy, "--copy",
        "laptop").expect()
    observe(copy, "d1", "o5", "c1", "在笔记本上写的").expect()
    depart(register, addr, address(far, addr), case).expect()
    bundle = os.path.join(top, "bundle")
    as_(copy, "d1", "bundle", "make", "--to", A, bundle).expect()
    got = as_(register, "d1", "bundle", "open", bundle,
              "--json").expect().json()
    equal((got["records"], got["skipped"]), (0, 1), "waits")
    # Withdrawn, it comes with the next opening.
    as_(register, "d1", "transfer", "withdraw", "c1").expect()
    as_(copy, "d1", "bundle", "make", "--to", A, bundle + "2").expect()
    as_(register, "d1", "bundle", "open", bundle + "2").expect()
    true("在笔记本上写的" in as_(register, "d1", "child", "show",
                          "c1").expect().text, "not lost")
    depart(register, addr, address(far, addr + "2"), case + "2").expect()
    digits = as_(far, "e1", "transfer", "show", case + "2",
                 "--json").expect().json()["fingerprint"]
    as_(far, "e1", "transfer", "accept", case + "2", "--fingerprint", digits,
        "-o", receipt).expect()
    true("在笔记本上写的" in as_(far, "e1", "child", "show",
                          "c1").expect().text, "went with it")
    as_(register, "d1", "transfer", "receipt", receipt).expect()
    observe(copy, "d1", "o6", "c1", "太晚了").expect()
    as_(copy, "d1", "bundle", "make", "--to", A, bundle + "3").expect()
    got = as_(register, "d1", "bundle", "open", bundle + "3",
              "--json").expect().json()
    equal((got["records"], got["erased"]), (0, 1), "left out, and said")
    as_(register, "d1", "child", "show", "c1").expect(ABSENT)
    # A copy does not send a case away.
    child(copy, "d1", "c7", A, "陈小山")
    depart(copy, addr, address(far, addr + "3"), case + "3",
           cid="c7").expect(PERMISSION)
    true(not os.path.exists(case + "3"), "no file")


@test
def test_transfer_made_at_home_and_a_copy():
    """A copy that had not the case gets it with its history; one that had it in
    the old unit moves it."""
    register = make()
    child(register, "d1", "c5", A, "陈小山")
    top = temp_dir()
    backup = os.path.join(top, "b")
    run(register, *ADMIN, "backup", "create", backup).expect()
    copy = os.path.join(top, "copy")
    as_(register, "d2", "backup", "restore", backup, copy, "--copy",
        "laptop").expect()
    fill(register)
    for cid in ("c1", "c5"):
        offer(register, cid).expect()
        as_(register, "d2", "transfer", "accept", cid).expect()
    bundle = os.path.join(top, "bundle")
    as_(register, "d2", "bundle", "make", "--to", B, bundle).expect()
    got = as_(copy, "d2", "bundle", "open", bundle, "--json").expect().json()
    equal(got["skipped"], 0, "nothing is left out")
    as_(copy, "d2", "child", "show", "c5").expect()
    text = as_(copy, "d2", "child", "show", "c1").expect().text
    true("迁出前更正过" in text, "with its history")
    observe(copy, "d2", "o7", "c1", "副本里写的").expect()
    as_(copy, "d2", "bundle", "make", "--to", B, bundle + "2").expect()
    as_(register, "d2", "bundle", "open", bundle + "2").expect()
    true("副本里写的" in as_(register, "d2", "child", "show",
                        "c1").expect().text, "and back")
    verify(register)


@test
def test_erased_after_a_transfer_each_units_past_form_stays_true():
    register = make()
    fill(register)
    offer(register).expect()
    as_(register, "d2", "transfer", "accept", "c1").expect()
    help_(register, "d2", "i2", "c1").expect()
    before = annex(register)
    as_(register, "d2", "child", "erase", "c1", "--reason", "期满").expect()
    equal(annex(register), before, "every row of the form")
    as_(register, "d2", "erasure", "verify").expect()


if __name__ == "__main__":
    main()
