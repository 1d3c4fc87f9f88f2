"""Keys for life: the laptop lost on Monday, at work again on Tuesday.

A register on one computer, a village with one director: he leaves and another
takes over; his computer is lost and two custodians bring the keys back; codes
are issued anew.  What the leaver kept opens nothing that is written later: see
also tests/attack/test_rotation.c, where his keys are tried one by one.
"""

import os
import re
import shutil

from harness import (ABSENT, CONFLICT, IO, OK, PERMISSION, USAGE, equal, main,
                     run, temp_dir, test, true)

ADMIN = ("bureau", "the office opens at eight")
VILLAGE, OTHER = "350102001001", "350102001002"


def read_codes(path):
    with open(path, encoding="utf-8") as f:
        found = re.findall(r"(?m)^[ABC]  (\S+)$", f.read())
    equal(len(found), 3, "codes in " + path)
    return found


def make(*directors):
    """A register with directors of VILLAGE; (folder, codes)."""
    top = temp_dir()
    register = os.path.join(top, "register")
    sheet = os.path.join(top, "codes.txt")
    run(register, ADMIN[0], ADMIN[1], "init", "--unit", "350102", "--name",
        "测试民政局", "--recovery-out", sheet).expect()
    for name in directors:
        enrol(register, name, "director", VILLAGE)
    return register, read_codes(sheet)


def enrol(register, name, role, unit):
    run(register, *ADMIN, "user", "add", name, "--role", role, "--unit", unit,
        new=name + " first").expect()


def child(register, who, pass_, cid, unit=VILLAGE, name="林小溪"):
    run(register, who, pass_, "child", "add", stdin={
        "id": cid, "unit": unit, "name": name, "sex": "f", "birth": "2014-05",
        "categories": ["left_behind"], "legal_basis": "consent"}).expect()


def observe(register, who, pass_, oid, cid, note, **more):
    r = {"id": oid, "child": cid, "date": "2025-06-03", "channel":
         "home_visit", "signs": ["mood_low"], "risk": "yellow", "note": note}
    r.update(more)
    return run(register, who, pass_, "observe", stdin=r)


def rows(register, *command, who=ADMIN):
    return run(register, *who, *command, "--json").expect().json()


def person(register, name):
    found = [r for r in rows(register, "user", "list") if r["name"] == name]
    equal(len(found), 1, "rows of " + name)
    return found[0]


def notes(register, who, pass_, cid):
    return run(register, who, pass_, "child", "show", cid).expect().text


def verify(register, who=ADMIN):
    run(register, *who, "audit", "verify").expect()


@test
def test_handover_waits_for_the_only_holder_and_then_ends_by_itself():
    register, _ = make("old")
    child(register, "old", "old first", "c1")
    observe(register, "old", "old first", "o1", "c1", "写在移交之前").expect()
    said = run(register, *ADMIN, "user", "handover", "old", "new",
               new="new first").expect().text
    true("登录一次" in said, "what is waited for is said: " + said)
    equal(person(register, "old").get("successor"), "new", "successor")
    equal(person(register, "old")["disabled"], False, "the leaver waits")
    # The successor cannot open anything yet; the leaver hands on by signing in.
    run(register, "new", "new first", "child", "show", "c1").expect(ABSENT)
    run(register, "old", "old first", "child", "list").expect()
    true("写在移交之前" in notes(register, "new", "new first", "c1"),
         "the history is there")
    run(register, *ADMIN, "user", "list").expect()
    equal(person(register, "old")["disabled"], True, "ended")
    run(register, "old", "old first", "child", "list").expect(PERMISSION)
    # The village has new keys as soon as the successor signs in.
    equal(person(register, "old")["rotation"], 1, "one village waits")
    marked = [r["code"] for r in rows(register, "unit", "list")
              if r.get("rotation")]
    equal(marked, [VILLAGE], "unit list says so")
    true("写在移交之前" in notes(register, "new", "new first", "c1"), "again")
    equal(person(register, "old")["rotation"], 0, "nothing waits")
    observe(register, "new", "new first", "o2", "c1", "写在移交之后").expect()
    true("写在移交之后" in notes(register, "new", "new first", "c1"), "new")
    verify(register)


@test
def test_handover_ends_at_once_when_somebody_else_holds_the_keys():
    register, _ = make("old", "colleague")
    child(register, "old", "old first", "c1")
    run(register, "old", "old first", "child", "list").expect()
    result = run(register, *ADMIN, "user", "handover", "old", "new", "--json",
                 new="new first").expect().json()
    equal(result, {"ended": True, "waiting": 1}, "result")
    run(register, "colleague", "colleague first", "child", "list").expect()
    equal(person(register, "new")["pending"], 0, "keys were handed on")
    true("c1" in notes(register, "new", "new first", "c1"), "opened")
    verify(register)


@test
def test_handover_list_has_no_names_and_no_notes_unless_asked():
    register, _ = make("old")
    child(register, "old", "old first", "c1")
    observe(register, "old", "old first", "o1", "c1", "机密内容").expect()
    child(register, "old", "old first", "c2", name="陈大海")
    got = run(register, "old", "old first", "handover", "list",
              VILLAGE).expect().text
    true("c1" in got and "c2" in got, "cases")
    for secret in ("林", "陈", "机密"):
        true(secret not in got, secret + " is not shown")
    got = run(register, "old", "old first", "handover", "list", VILLAGE,
              "--json").expect().json()
    true(all("name" not in r for r in got) and len(got) == 2, "JSON")
    got = run(register, "old", "old first", "handover", "list", VILLAGE,
              "--names").expect().text
    true("林小溪" in got and "机密" not in got, "names when asked")
    run(register, *ADMIN, "handover", "list", VILLAGE).expect(PERMISSION)


@test
def test_laptop_lost_on_monday_working_again_on_tuesday():
    register, codes = make("d1")
    child(register, "d1", "d1 first", "c1")
    observe(register, "d1", "d1 first", "o1", "c1", "星期五的家访").expect()
    run(register, *ADMIN, "backup", "create",
        os.path.join(os.path.dirname(register), "b")).expect()
    # Monday: the laptop is gone, and the register with it.
    lost = register + ".lost"
    shutil.move(register, lost)
    top = os.path.dirname(register)
    run(None, *ADMIN, "backup", "restore", os.path.join(top, "b"),
        register).expect()
    # Tuesday: new keys for the director, and two custodians.
    run(register, *ADMIN, "user", "reset", "d1", new="tuesday").expect()
    run(register, "d1", "d1 first", "child", "list").expect(PERMISSION)
    run(register, "d1", "tuesday", "child", "show", "c1").expect(ABSENT)
    equal(person(register, "d1")["temporary"], True, "temporary again")
    run(register, "d1", "tuesday", "recover", codes=[codes[0], codes[0]]
        ).expect(USAGE)
    run(register, "d1", "tuesday", "recover", codes=[codes[0], ""]
        ).expect(USAGE)
    done = run(register, "d1", "tuesday", "recover", "--json",
               codes=[codes[2], codes[0]]).expect().json()
    equal(done, {"user": "d1", "units": 1}, "recovered")
    true("星期五的家访" in notes(register, "d1", "tuesday", "c1"), "history")
    observe(register, "d1", "tuesday", "o2", "c1", "星期二的家访").expect()
    run(register, "d1", "tuesday", "passwd", new="my own words").expect()
    run(register, *ADMIN, "user", "list").expect()
    true("星期二的家访" in notes(register, "d1", "my own words", "c1"), "all")
    equal(person(register, "d1")["temporary"], False, "his own")
    verify(register)
    # Whoever has the old laptop still opens what was in it: that is said.
    true("星期五的家访" in notes(lost, "d1", "d1 first", "c1"), "the control")


@test
def test_only_director_gone_two_custodians_give_the_unit_to_another():
    register, codes = make("gone")
    child(register, "gone", "gone first", "c1")
    said = run(register, *ADMIN, "user", "handover", "gone", "new", "--now",
               new="new first").expect().text
    true("recover" in said, "custodians are named: " + said)
    run(register, "gone", "gone first", "child", "list").expect(PERMISSION)
    # By another signed-in person, for a named unit.
    run(register, *ADMIN, "recover", OTHER, "--for", "new",
        codes=codes[:2]).expect(ABSENT)
    run(register, *ADMIN, "recover", VILLAGE, "--for", "nobody",
        codes=codes[:2]).expect(ABSENT)
    run(register, *ADMIN, "recover", VILLAGE, "--for", "new",
        codes=codes[:2]).expect()
    true("c1" in notes(register, "new", "new first", "c1"), "opened")
    equal(person(register, "gone")["rotation"], 0, "rotated by then")
    verify(register)


@test
def test_administrator_gone_two_custodians_give_his_account_to_another():
    register, codes = make("d1")
    child(register, "d1", "d1 first", "c1")
    for pair, rc in (((codes[0], codes[0]), USAGE),
                     ((codes[0], make()[1][1]), PERMISSION)):
        run(register, "d1", "d1 first", "custodian", "admin", codes=pair,
            new="of another").expect(rc)
    run(register, *ADMIN, "custodian", "admin", codes=codes[:2],
        new="of another").expect(CONFLICT)
    got = run(register, "d1", "d1 first", "custodian", "admin", "--json",
              codes=codes[1:], new="of another").expect()
    equal(got.json(), {"administrator": ADMIN[0]}, "whose account")
    equal(got.err, b"", "nothing else")
    run(register, *ADMIN, "user", "list").expect(PERMISSION)
    # He does all that an administrator does.
    run(register, ADMIN[0], "of another", "user", "add", "d2", "--role",
        "director", "--unit", OTHER, new="d2 first").expect()
    run(register, ADMIN[0], "of another", "user", "disable", "d2").expect()
    run(register, "d1", "d1 first", "child", "list").expect()
    run(register, ADMIN[0], "of another", "audit", "verify").expect()


@test
def test_custodian_test_proves_a_pair_and_gives_nothing():
    register, codes = make("d1")
    child(register, "d1", "d1 first", "c1")
    for pair in ((0, 1), (1, 0), (0, 2), (2, 1)):
        got = run(register, *ADMIN, "custodian", "test", "--json",
                  codes=[codes[i] for i in pair]).expect().json()
        equal(got, {"opened": 1, "units": 1, "administrator": True}, "pair %s" % (pair,))
    run(register, *ADMIN, "child", "list").expect(PERMISSION)
    other = make()[1]
    run(register, *ADMIN, "custodian", "test",
        codes=[codes[0], other[1]]).expect(PERMISSION)
    run(register, *ADMIN, "custodian", "test",
        codes=[codes[0], codes[1][:-1] + "?"]).expect(USAGE)
    verify(register)


@test
def test_reissued_codes_work_and_the_old_ones_no_more():
    register, old = make("d1")
    child(register, "d1", "d1 first", "c1")
    sheet = os.path.join(os.path.dirname(register), "new.txt")
    run(register, "d1", "d1 first", "custodian", "reissue", "--recovery-out",
        sheet, codes=old[:2]).expect(PERMISSION)
    true(not os.path.exists(sheet), "no sheet of a refused reissue")
    run(register, *ADMIN, "custodian", "reissue", "--recovery-out",
        os.path.join(sheet, "nowhere"), codes=old[:2]).expect(IO)
    run(register, *ADMIN, "custodian", "reissue", "--recovery-out", sheet,
        codes=old[:2]).expect()
    run(register, *ADMIN, "custodian", "reissue", "--recovery-out", sheet,
        codes=old[:2]).expect(CONFLICT)
    new = read_codes(sheet)
    true(not set(new) & set(old), "other codes")
    for pair in ((0, 1), (0, 2), (1, 2)):
        run(register, *ADMIN, "custodian", "test",
            codes=[old[i] for i in pair]).expect(PERMISSION)
        got = run(register, *ADMIN, "custodian", "test", "--json",
                  codes=[new[i] for i in pair]).expect().json()
        equal(got, {"opened": 1, "units": 1, "administrator": True}, "at once")
    # The next sign-in gives the village new keys, and the new codes have them.
    run(register, "d1", "d1 first", "child", "list").expect()
    observe(register, "d1", "d1 first", "o1", "c1", "之后").expect()
    got = run(register, *ADMIN, "custodian", "test", "--json",
              codes=new[1:]).expect().json()
    equal(got, {"opened": 1, "units": 1, "administrator": True}, "after the rotation")
    # Newcomers trust the new key too, and can be helped with it.
    run(register, *ADMIN, "user", "handover", "d1", "d2", "--now",
        new="d2 first").expect()
    run(register, "d2", "d2 first", "recover", codes=new[:2]).expect()
    true("之后" in notes(register, "d2", "d2 first", "c1"), "opened")
    verify(register)


@test
def test_unit_rotate_by_hand_keeps_everything_readable():
    register, _ = make("d1", "d2")
    enrol(register, "s1", "supervisor", "350102001")
    enrol(register, "st", "statistician", "350102")
    child(register, "d1", "d1 first", "c1")
    observe(register, "d1", "d1 first", "o1", "c1", "第一期",
            signs=["self_harm"], risk="red").expect()
    run(register, "d1", "d1 first", "activity", "add", stdin={
        "id": "a1", "unit": VILLAGE, "date": "2025-06-01", "kind":
        "theme_activity", "held": True}).expect()
    for n in range(2, 5):
        got = run(register, "d1", "d1 first", "unit", "rotate", VILLAGE,
                  "--json").expect().json()
        equal(got, {"rotated": 1}, "rotated")
        observe(register, "d2", "d2 first", "o%d" % n, "c1",
                "第%d期" % n).expect()
    for who in ("d1", "d2"):
        text = notes(register, who, who + " first", "c1")
        for n in ("第一期", "第2期", "第3期", "第4期"):
            true(n in text, "%s reads %s" % (who, n))
    # The flagged case is open to the supervisor, with all its history.
    text = run(register, "s1", "s1 first", "child", "show", "c1", "--reason",
               "复核").expect().text
    true("第一期" in text and "第4期" in text and "林小溪" in text, "slot")
    out = os.path.join(os.path.dirname(register), "a.json")
    run(register, "st", "st first", "export", "annex", "--unit", "350102",
        "--from", "2025-01-01", "--to", "2025-12-31", "--format", "json",
        "-o", out).expect()
    enrol(register, "late", "director", VILLAGE)
    run(register, "d1", "d1 first", "unit", "rotate", "--all").expect()
    true("第一期" in notes(register, "late", "late first", "c1"), "newcomer")
    run(register, "d1", "d1 first", "unit", "rotate").expect(USAGE)
    run(register, "d1", "d1 first", "unit", "rotate", VILLAGE, "--all"
        ).expect(USAGE)
    run(register, "d1", "d1 first", "unit", "rotate", OTHER
        ).expect(PERMISSION)
    run(register, *ADMIN, "unit", "rotate", VILLAGE).expect(PERMISSION)
    verify(register)


if __name__ == "__main__":
    main()
