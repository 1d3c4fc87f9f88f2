"""A county's year in one file: 100,000 observations of 3,000 children."""

# Alone: it measures time and memory.

import json
import random

from harness import (add_user, count_annex, day, equal, id_number, main, once,
                     raises_flag, row_of, rows_of, run, run_measured, temp_dir,
                     test, true, units, write_lines)

COUNTY = "350102"
CHILDREN, OBSERVATIONS, INTERVENTIONS, ACTIVITIES = 3000, 100000, 8000, 300
FROM, TO = "2025-05-29", "2025-08-25"
RSS_MAX_MIB = 512	# an old office computer has 4 GiB for everything
ROWS = [r for r in rows_of("350100") if r[0] == COUNTY]


def material(seed):
    rng = random.Random(seed)
    villages = sorted(c for c, (_, level, _) in units().items()
                      if level == "village" and c.startswith(COUNTY))
    lines = []
    for k in range(CHILDREN):
        birth = "%04d-%02d" % (rng.randrange(2009, 2019), rng.randrange(1, 13))
        lines.append({
            "type": "child", "id": "c%d" % k, "unit": rng.choice(villages),
            "name": "儿童%d" % k, "sex": rng.choice("fm"), "birth": birth,
            "id_number": id_number(rng, birth), "categories": [rng.choice(
                ["left_behind", "orphan", "migrant", "poverty"])],
            "legal_basis": "statutory_duty"})
    signs = ["mood_low", "irritable", "anxious_fear", "grade_drop", "grief"]
    for k in range(OBSERVATIONS):
        lines.append({
            "type": "observation", "id": "o%d" % k, "child": "c%d" %
            rng.randrange(CHILDREN), "date": day("2025-01-01",
                                                 rng.randrange(365)),
            "channel": "home_visit", "signs": rng.sample(
                signs, rng.randrange(3)) + (["self_harm"] if k % 2000 == 0
                                            else []),
            "risk": rng.choice(["yellow", "green"]),
            "note": "入户走访，与监护人交谈，情况平稳。" if k % 3 else "无异常"})
    for k in range(INTERVENTIONS):
        lines.append({
            "type": "intervention", "id": "i%d" % k, "child": "c%d" %
            rng.randrange(CHILDREN), "date": day("2025-05-01",
                                                 rng.randrange(150)),
            "kind": rng.choice(["visit_condolence", "cash_condolence",
                                "individual_counselling", "companionship"]),
            "delivered": rng.random() < 0.9, "face_to_face": rng.random() < 0.8,
            "professional": rng.random() < 0.5, "amount_fen": rng.randrange(
                100000), "agency": rng.choice([None, "51350102MJB10%04dX" %
                                               rng.randrange(30)]),
            "need": "一件难事", "need_resolved_on": day(
                "2025-05-01", rng.randrange(150)) if rng.random() < .4
            else None})
    for k in range(ACTIVITIES):
        lines.append({
            "type": "activity", "id": "a%d" % k, "unit": rng.choice(villages),
            "date": day("2025-05-01", rng.randrange(150)), "kind": rng.choice(
                ["theme_activity", "group_counselling"]), "held": True,
            "sessions": rng.randrange(1, 4), "children": [
                "c%d" % c for c in rng.sample(range(CHILDREN), 20)]})
    return lines


class County:
    def secret(self, user):
        return "a passphrase of " + user


@once
def county():
    c = County()
    c.dir = temp_dir("runxin-scale-")
    c.reg = c.dir + "/register"
    c.lines = material(56)
    c.path = c.dir + "/year.ndjson"
    write_lines(c.path, c.lines)
    admin = ("admin", c.secret("admin"))
    run(c.reg, *admin, "init", "--unit", COUNTY, "--name", "鼓楼区",
        "--recovery-out", c.dir + "/codes").expect()
    add_user(c.reg, admin, "dir", "director", COUNTY, c.secret("dir"))
    add_user(c.reg, admin, "sup", "supervisor", COUNTY + "001",
             c.secret("sup"))
    add_user(c.reg, admin, "stat", "statistician", COUNTY, c.secret("stat"))
    return c


def tell(what, r, n=None):
    rate = ", %d lines/s" % (n / r.seconds) if n else ""
    print("     %s: %.1f s, peak %.0f MiB%s" % (
        what, r.seconds, r.peak, rate))
    # Argon2 alone takes 64: less than that is not a measurement.
    true(60 < r.peak < RSS_MAX_MIB, "memory: %.0f MiB" % r.peak)


@test
def test_a_year_is_imported_in_one_go():
    c = county()
    r = run_measured(c.reg, "dir", c.secret("dir"), "--json", "import",
                     c.path).expect()
    tell("import of %d lines" % len(c.lines), r, len(c.lines))
    got = r.json()
    equal(got["lines"], len(c.lines), "lines")
    equal(got["present"], 0, "present")
    for kind, n in (("child", CHILDREN), ("observation", OBSERVATIONS),
                    ("intervention", INTERVENTIONS), ("activity", ACTIVITIES)):
        equal(got[kind], n, kind)
    equal(got["flagged"], sum(map(raises_flag, c.lines)), "flagged")
    equal(r.err, b"", "no progress where there is no terminal")


@test
def test_second_import_finds_everything_present_and_shows_its_progress():
    c = county()
    r = run_measured(c.reg, "dir", c.secret("dir"), "--json", "import",
                     c.path, terminal=True)
    equal(r.rc, 0, r.complaint[-300:])
    tell("second import", r, len(c.lines))
    equal(r.json()["present"], len(c.lines), "present")
    shown = r.complaint
    true(shown.count("\r") >= 20, "the bar hardly moved: %r" % shown[:200])
    true("100%" in shown and "[" in shown and "#" in shown,
         "no progress bar: %r" % shown[-200:])


@test
def test_annex_of_a_year_equals_an_independent_count():
    c = county()
    path = c.dir + "/annex.json"
    r = run_measured(c.reg, "stat", c.secret("stat"), "export", "annex",
                     "--unit", COUNTY, "--from", FROM, "--to", TO, "--format",
                     "json", "-o", path).expect()
    tell("annex", r)
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    table, total = count_annex([("dir", x) for x in c.lines], ROWS, FROM, TO)
    equal(doc["rows"][0]["values"], table[COUNTY].values(), "row")
    equal(doc["total"], total.values(), "total")
    true(all(v not in (0, "0.0000") for v in doc["total"]), "an empty figure")
    equal(row_of("350102001001"), COUNTY, "row of a village")


@test
def test_lists_and_audit_work_at_this_size():
    c = county()
    r = run_measured(c.reg, "dir", c.secret("dir"), "--json", "child",
                     "list").expect()
    tell("child list", r)
    rows = r.json()
    equal(len(rows), CHILDREN, "children")
    equal(sum(x["observations"] for x in rows), OBSERVATIONS, "observations")
    equal(sum(x["interventions"] for x in rows), INTERVENTIONS,
          "interventions")
    r = run_measured(c.reg, "sup", c.secret("sup"), "--json", "review",
                     "list").expect()
    tell("review list", r)
    mine = {x["id"] for x in c.lines if x["type"] == "child" and
            x["unit"].startswith(COUNTY + "001")}
    want = {x["id"] for x in c.lines if raises_flag(x) and x["child"] in mine}
    equal({x["id"] for x in r.json()}, want, "flags")
    r = run_measured(c.reg, "dir", c.secret("dir"), "audit", "verify").expect()
    tell("audit verify", r)


if __name__ == "__main__":
    main()
