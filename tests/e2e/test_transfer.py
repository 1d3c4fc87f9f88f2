"""A child moves to another village: offered, accepted, rejected, withdrawn.

The whole history stays readable, with its signatures, to the new director; the
old one opens nothing any more; statistics and the audit hold.  What a forger or
a sender with kept keys can do is in tests/attack/test_transfer.c.
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
           row["state"], row["by"], row["reason"]),
          ("c1", "林小溪", A, B, "in", "offered", "d1", "随父母搬家"), "seen")
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
    as_(register, "d1", "child", "show", got["accepted"]).expect(PERMISSION)
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


if __name__ == "__main__":
    main()
