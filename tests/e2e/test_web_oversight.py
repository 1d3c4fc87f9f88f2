"""The pages of supervisors and of the administrator, and what they say when a
key, a right or a unit is missing: asked over HTTP, and on the command line."""

import datetime
import os
import re
import time

import harness
from harness import (CONFLICT, PERMISSION, USAGE, add_user, equal,
                     main, once, run, temp_dir, test, true)
import test_web_http as web
from test_web_http import Browser, Server, message, passphrase

harness._tests.clear()		# those of the other file run there

VILLAGE = "350102001001"
TOWN = "350102001"


@once
def register():
    d = os.path.join(temp_dir(), "register")
    run(None, None, None, "demo", d, "--children", "24", "--observations",
        "80").expect()
    return d


@once
def server():
    return Server(register())


def browser(user, secret=None):
    b = Browser(server())
    equal(b.login(user, secret).status, 303, "login of " + user)
    return b


def cli(user, *command, secret=None):
    return run(register(), user, secret or passphrase(user), *command)


def admin_adds(user, role, unit):
    add_user(register(), ("admin", passphrase("admin")), user, role, unit,
             "temporary-" + user)


# ---- keys that are still to come ----

@test
def test_no_key_is_a_page_that_says_whom_to_ask():
    admin_adds("late", "supervisor", TOWN)
    b = browser("late", "temporary-late")
    for path in ("/review", "/coverage"):
        r = b.get(path)
        equal(r.status, 403, path)
        text = r.page().text
        true(message("WEB_WAIT_TITLE") in text, path)
        true(re.search(r"dir1\s*·\s*儿童主任", text), "who: " + text)
        true(path in r.page().links, "try again")
    # The administrator sees whom it waits for, too.
    page = browser("admin").get("/people/late/pending").page()
    true("dir1" in page.text and message("WEB_WAIT_WHO") in page.text,
         page.text)
    got = cli("late", "review", "list", secret="temporary-late")
    got.expect(PERMISSION)
    true("dir1" in got.complaint and VILLAGE in got.complaint, got.complaint)
    # One holder of each village signs in; the session that is open goes on.
    cli("dir1", "due").expect()
    cli("dir2", "due").expect()
    equal(b.get("/review").status, 200, "after they signed in")


@test
def test_no_key_nobody_is_said_on_the_page():
    admin_adds("gone", "director", "350102001004")
    run(register(), "gone", "temporary-gone", "child", "add", stdin={
        "unit": "350102001004", "name": "例小舟", "sex": "f",
        "birth": "2014-05", "categories": ["left_behind"],
        "legal_basis": "statutory_duty"}).expect()
    admin_adds("heir", "director", "350102001004")
    run(register(), "admin", passphrase("admin"), "user", "disable",
        "gone").expect()
    r = browser("heir", "temporary-heir").get("/today")
    equal(r.status, 403, "heir")
    true(message("WEB_WAIT_NOBODY") in r.page().text, r.page().text)


# ---- the audit ----

def entries(page):
    return re.findall(r"20\d\d-\d\d-\d\d \d\d:\d\d #(\d+)", page.text)


@test
def test_the_audit_is_listed_filtered_and_paged():
    b = browser("admin")
    everything = [e["seq"] for e in cli("admin", "--json", "audit",
                                        "list").expect().json()]
    equal(everything, sorted(everything, reverse=True), "newest first")
    got = [int(n) for n in entries(b.get("/audit").page())]
    equal(got[-1], got[0] - len(got) + 1, "a page without gaps")
    true(set(everything[:10]) <= set(got), "page and command line differ")
    page = b.get("/audit?user=dir1&kind=import").page()
    equal(len(entries(page)), 1, "imports of dir1")
    true("dir1" in page.text, page.text)
    equal(entries(b.get("/audit?to=2020-01-01").page()), [], "long ago")
    true(message("WEB_TRAIL_NONE") in b.get("/audit?to=2020-01-01").page()
         .text, "nothing is said")
    equal(entries(b.get("/audit?page=1000").page()), [], "beyond the end")
    for user in ("dir1", "stat"):
        for e in cli(user, "--json", "audit", "list").expect().json():
            true(e["user"] == user or (user == "dir1" and e.get("unit") ==
                                       VILLAGE), e)


@test
def test_a_director_sees_who_looked_at_his_case():
    b = browser("sup1")
    flag = [a for a in b.get("/review").page().links
            if a.startswith("/flag/")][0]
    equal(b.get(flag).status, 200, "the flag")
    seen = cli("admin", "--json", "audit", "list", "--by",
               "sup1").expect().json()[0]
    equal((seen["action"], seen["about"]), ("reveal", "child"), "entry")
    director, other = (("dir1", "dir3") if seen["unit"] == VILLAGE else
                       ("dir2", "dir3"))
    true(seen["seq"] in [e["seq"] for e in cli(
        director, "--json", "audit", "list").expect().json()], "his case")
    true(seen["seq"] not in [e["seq"] for e in cli(
        other, "--json", "audit", "list").expect().json()], "another's")
    page = browser(director).get("/audit?user=sup1").page()
    true(str(seen["seq"]) in entries(page), page.text)


@test
def test_the_audit_says_in_words_that_versions_were_looked_at():
    d = browser("dir1")
    child = [a for a in d.get("/children").page().links
             if a.startswith("/child/") and "observe" not in a][0]
    equal(d.get(child + "/history").status, 200, "the versions")
    page = d.get("/audit?kind=reveal").page()
    true(message("REVEAL_HISTORY") in page.text, page.text)
    true("history" not in page.text, "the word of the file")


@test
def test_the_annex_is_proposed_for_periods_that_are_always_made():
    b = browser("stat")
    page = b.get("/annex").page()
    proposed = [a for a in page.links if a.startswith("/annex?unit=")]
    true(len(proposed) >= 3, proposed)
    # A form of odd dates was exported, as is the habit of the hurried.
    today = datetime.date.today()
    out = os.path.join(temp_dir(), "odd.csv")
    cli("stat", "export", "annex", "--unit", "350102", "--from",
        (today - datetime.timedelta(365)).isoformat(), "--to",
        today.isoformat(), "--format", "csv", "-o", out).expect()
    odd = message("ANNEX_NOT_PERIOD")
    for a in proposed:
        r = b.get(a)
        equal(r.status, 200, a)
        true(odd not in r.page().text, a)
    # Control: other dates are warned of, or refused.
    r = b.get("/annex?unit=350102&from=2025-01-02&to=2025-01-20")
    true(r.status == 409 or odd in r.page().text, r.page().text)


@test
def test_a_preview_says_what_the_ledger_has_of_it():
    b = browser("stat")
    at = "/annex?unit=350102&from=2025-05-29&to=2025-08-25"
    said = re.escape(message("WEB_STAT_AGAIN")).replace(
        r"\{at\}", r"\d{4}-\d\d-\d\d \d\d:\d\d").replace(
            r"\{issue\}", "1")
    page = b.get(at).page()
    true(message("WEB_STAT_NOT_RELEASED") in page.text, page.text)
    equal(page.links.count("/releases"), 2, "a link beside the menu's")
    true(not re.search(said, page.text), "not released yet")
    for form in ("xlsx", "csv"):
        equal(b.post("/annex/export", page.fields("/annex/export") + [
            ("format", form)]).status, 200, form)
    first = re.search(r"/release/[0-9a-f-]{36}", b.get("/releases").text)
    page = b.get(at).page()
    true(message("WEB_STAT_NOT_RELEASED") not in page.text, "not any more")
    true(re.search(said, page.text), page.text)
    true(first.group() in page.links, "a link to it")


@test
def test_a_period_that_is_not_over_is_remarked():
    b = browser("stat")
    today = datetime.date.today()
    end = (today.replace(day=28) + datetime.timedelta(60)).replace(
        day=1) - datetime.timedelta(1)
    first, last = "%d-01-01" % today.year, end.isoformat()
    said = message("ANNEX_NOT_OVER").replace("{to}", last)
    at = "/annex?unit=350102&from=%s&to=%s"
    true(said in b.get(at % (first, last)).page().text, "on the page")
    true(message("ANNEX_NOT_OVER").split("{to}")[1] not in b.get(
        at % (first, today.isoformat())).page().text, "the control")
    got = cli("stat", "export", "annex", "--unit", "350102", "--from", first,
              "--to", last, "--format", "csv", "-o",
              os.path.join(temp_dir(), "a.csv")).expect()
    true("runxin: 注意：" + said in got.complaint, got.complaint)


@test
def test_a_statistician_finds_the_activities_he_may_add():
    page = browser("stat").get("/annex").page()
    true("/activities" in page.links, page.links)


@test
def test_a_wrong_passphrase_of_who_is_signed_in_names_no_user():
    b = browser("stat")
    b.get("/passphrase")
    r = b.post("/passphrase", {
        "old": "wrong", "new": "一条新的口令 2026",
        "again": "一条新的口令 2026"})
    equal(r.status, 403, "refused")
    true(message("WEB_PASSPHRASE_WRONG") in r.page().text and
         message("WRONG_PASSPHRASE") not in r.page().text, r.page().text)


@test
def test_supervisor_countersigns_on_a_sheet_with_a_qr_code():
    b = browser("sup1")
    page = b.get("/audit/head").page()
    code = cli("admin", "audit", "head", "--code").expect().text.strip()
    true(code.split("-")[1] in page.text, "the code")
    before = len(cli("admin", "--json", "audit", "anchors").expect().json())
    r = b.post("/audit/countersign", {})
    equal(r.status, 303, "countersigned")
    rows = cli("admin", "--json", "audit", "anchors").expect().json()
    equal(len(rows), before + 1, "kept")
    equal(rows[-1]["user"], "sup1", "by whom")
    true("/audit/head" in browser("stat").get("/annex").page().links,
         "the menu of a statistician")
    page = browser("dir1").get("/audit/head").page()
    true(message("COUNTERSIGN_WHO") in page.text, "a director may not")
    equal(browser("dir1").post("/audit/countersign", {}).status, 403,
          "nor by hand")


@test
def test_audit_period_is_refused_when_reversed():
    r = browser("admin").get("/audit?from=2026-02-01&to=2026-01-01")
    equal(r.status, 422, "page")
    true(message("AUDIT_PERIOD") in r.page().text, r.page().text)
    cli("admin", "audit", "list", "--from", "2026-02-01", "--to",
        "2026-01-01").expect(USAGE)
    r = browser("admin").get("/audit?from=yesterday")
    equal(r.status, 422, "a date")
    true(message("WEB_TRAIL_DATE") in r.page().text, r.page().text)


# ---- deciding ----

def open_flags(b):
    return [a for a in b.get("/review?show=open").page().links
            if a.startswith("/flag/")]


def decide_form(b, flag, decision, reason="已核实"):
    action = flag + "/decide"
    fields = [(n, v) for n, v in b.get(flag).page().fields(action)
              if n not in ("decision", "reason")]
    return action, fields + [("decision", decision), ("reason", reason)]


@test
def test_escalated_to_nobody_is_said_and_again_is_refused():
    b = browser("sup1")
    flag = open_flags(b)[0]
    action, fields = decide_form(b, flag, "escalate")
    equal(b.post(action, fields).status, 303, "escalate")
    true(message("ESCALATED_TO_NOBODY") in b.get("/review").page().text,
         "nobody above")
    # The same form once more is stored already.
    equal(b.post(action, fields).status, 303, "sent twice")
    # A new one has nothing to offer, and says so when it is sent anyway.
    true('value="escalate"' not in b.get(flag).body.decode("utf-8"), "offer")
    action, fields = decide_form(b, flag, "escalate")
    r = b.post(action, fields)
    equal(r.status, 409, "again")
    true(message("FLAG_ESCALATED") in r.page().text, r.page().text)
    got = cli("sup1", "review", "decide", flag.split("/")[2], "--decision",
              "escalate", "--reason", "x").expect(CONFLICT)
    true(message("FLAG_ESCALATED") in got.complaint, got.complaint)


@test
def test_web_flag_stale_is_refused():
    b, other = browser("sup1"), browser("late", "temporary-late")
    flag = open_flags(b)[0]
    action, fields = decide_form(b, flag, "return")
    mine, theirs = decide_form(other, flag, "accept")
    equal(other.post(mine, theirs).status, 303, "accepted meanwhile")
    r = b.post(action, fields)
    equal(r.status, 409, "on top of another decision")
    true(message("WEB_FLAG_STALE") in r.page().text, r.page().text)
    # The control: with what stands there now it is taken.
    equal(b.post(*decide_form(b, flag, "return")).status, 303, "anew")


@test
def test_an_escalation_of_what_was_corrected_since_is_not_said_to_be_stored():
    """By who it was escalated to: it is in the state already that he asks for."""
    top = temp_dir()
    d = os.path.join(top, "city")
    boss = ("bureau", "the office opens at eight")
    run(d, *boss, "init", "--unit", "350100", "--name", "市民政局",
        "--recovery-out", os.path.join(top, "codes")).expect()
    for name, role, unit in (
            ("d", "director", VILLAGE), ("town", "supervisor", TOWN),
            ("county", "supervisor", "350102"),
            ("city", "supervisor", "350100")):
        add_user(d, boss, name, role, unit, name + " first one")

    def as_(who, *command, **more):
        return run(d, who, who + " first one", *command, **more).expect()
    as_("d", "child", "add", stdin={
        "id": "c", "unit": VILLAGE, "name": "林小溪", "sex": "f", "birth":
        "2014-05", "categories": ["left_behind"], "legal_basis": "consent"})
    visit = {"id": "o", "child": "c", "date": "2025-06-03", "channel":
             "home_visit", "signs": ["self_harm"], "risk": "red"}
    as_("d", "observe", stdin=visit)
    as_("town", "review", "decide", "o", "--decision", "escalate",
        "--reason", "请县级处理")
    s = Server(d)
    county = Browser(s)
    equal(county.login("county", "county first one").status, 303, "login")
    flag, = [a for a in county.get("/review").page().links
             if a.startswith("/flag/")]
    action, fields = decide_form(county, flag, "escalate")
    as_("d", "observe", "--correct", stdin=dict(visit, note="补充"))
    r = county.post(action, fields)
    equal(r.status, 409, "not stored")
    true(message("WEB_FLAG_STALE") in r.page().text, "why")
    action, fields = decide_form(county, flag, "escalate")
    for what in ("the control: having seen it", "the same form twice"):
        equal(county.post(action, fields).status, 303, what)
    equal(s.stop(), "", "no complaint")


# ---- units ----

@test
def test_unit_unknown_makes_sense_on_a_page():
    b = browser("admin")
    fields = [(n, v) for n, v in b.get("/people/new").page().fields(
        "/people/new") if n not in ("user", "role", "unit")]
    r = b.post("/people/new", fields + [("user", "new1"), ("role",
               "director"), ("unit", "350102099099")])
    equal(r.status, 422, "unknown unit")
    text = r.page().text
    true("350102099099" in text, text)
    true(not re.search(r"unit (list|add|import)|runxin |--", text), text)


@test
def test_unit_not_listed_is_refused_and_makes_nothing():
    d = os.path.join(temp_dir(), "none")
    for unit in ("359999", "350102099099"):
        got = run(d, "a", "a-long-passphrase", "init", "--unit", unit,
                  "--name", "x", "--recovery-out", d + ".codes")
        got.expect(USAGE)
        true(message("UNIT_NOT_LISTED").split("{")[0] in got.complaint,
             got.complaint)
        true(not os.path.exists(os.path.join(d, "keys.db")), unit)
        true(not os.path.exists(d + ".codes"), unit)


# ---- safety ----

@test
def test_the_age_of_the_last_backup_stands_on_the_page():
    b = browser("admin")
    text = b.get("/safety").page().text
    true(message("WEB_BACKUP_NO_MADE") in text and
         message("WEB_BACKUP_NEVER") in text, text)
    # Of keys alone nothing is restored.
    cli("admin", "backup", "keys", os.path.join(temp_dir(), "k")).expect()
    text = b.get("/safety").page().text
    true(message("WEB_BACKUP_NO_MADE") in text, text)
    # One of the command line lies elsewhere, but the audit knows.
    cli("admin", "backup", "create", os.path.join(temp_dir(), "b")).expect()
    elsewhere = message("WEB_BACKUP_ELSEWHERE").split("{time}")
    text = b.get("/safety").page().text
    true(message("WEB_BACKUP_NO_MADE") not in text, text)
    true(all(part in text for part in elsewhere), text)
    equal(b.post("/safety/backup", {}).status, 303, "backup")
    text = b.get("/safety").page().text
    true(message("WEB_BACKUP_NO_MADE") not in text, text)
    true(elsewhere[1] not in text, "the list has it")
    true(message("WEB_TODAY") in text, text)
    # What was signed tells its age, and not the name.
    folder = os.path.join(register(), "backups")
    for name in os.listdir(folder):
        old = re.sub(r"-\d{8}-", "-20200101-", name)
        os.rename(os.path.join(folder, name), os.path.join(folder, old))
    text = b.get("/safety").page().text
    true(message("WEB_BACKUP_OLD").replace("{n}", "7") not in text, text)
    true(message("WEB_TODAY") in text, text)
    true(message("WEB_BACKUP_RESTORE") in text, text)


def backups(folder, keys=False):
    return sorted(n for n in os.listdir(folder)
                  if n.endswith(".keys") == keys and not n.startswith("."))


def wait_for(what, seconds=30):
    end = time.time() + seconds
    while not what():
        true(time.time() < end, "nothing happened")
        time.sleep(0.2)


@test
def test_backup_folder_is_needed_for_its_options():
    for option, value in (("--backup-every", "2"), ("--backup-keys", "x")):
        r = run(register(), None, None, "serve", option, value).expect(USAGE)
        true(message("CLI_BACKUP_FOLDER") in r.err.decode("utf-8"), r.err)


@test
def test_a_scheduled_backup_is_made_proved_and_entered():
    top = temp_dir()
    folder, keys = os.path.join(top, "content"), os.path.join(top, "keys")
    s = web.Server(register(), "--backup", folder, "--backup-keys", keys,
                   "--backup-every", "24")
    b = Browser(s).signed_in("admin")
    # Nobody's session is taken while he is at it.
    text = b.get("/safety").page().text
    true(message("WEB_BACKUP_EVERY").replace("{n}", "24")[:20] in text and
         folder in text and keys in text, text)
    wait_for(lambda: backups(keys, True) and backups(folder))
    name = backups(folder)[0]
    equal(backups(keys, True), [name + ".keys"], "the keys apart")
    wait_for(lambda: message("WEB_BACKUP_NEVER") not in
             b.get("/safety").page().text or time.sleep(2.5))
    text = b.get("/safety").page().text
    true(message("WEB_BACKUP_UNCHECKED") not in text, text)
    true(message("WEB_BACKUP_NEVER") not in b.get("/people").page().text,
         "home")
    true(name in b.get("/audit").page().text, "the audit")
    # Not due again, and nothing else came of it.
    time.sleep(3)
    equal(backups(folder), [name], "one")
    err = s.stop()
    true(message("CLI_BACKUP_TOGETHER") in err, err)
    equal(len(err.strip().splitlines()), 1, err)
    # It restores, as a person would do it.
    cli("admin", "backup", "restore", os.path.join(folder, name),
        os.path.join(top, "again"), "--keys",
        os.path.join(keys, name + ".keys")).expect()


@test
def test_a_scheduled_backup_that_fails_is_told():
    top = temp_dir()
    folder = os.path.join(top, "content")
    s = web.Server(register(), "--backup", folder)
    b = Browser(s).signed_in("admin")
    # The folder is gone: the medium was pulled out.
    os.rmdir(folder)
    wait_for(lambda: message("WEB_BACKUP_FAILED").split("}")[1][:4] in
             b.get("/safety").page().text or time.sleep(2.5))
    true(s.stop() != "", "and in the log")


@test
def test_the_server_ends_without_complaint():
    for s in list(web._servers):
        equal(s.stop(), "", "complaints")


if __name__ == "__main__":
    try:
        main()
    finally:
        for s in web._servers:
            s.p.kill()
