"""The main job on a city's real units: import, review, the reporting form.

The figures of the form are counted again here, from the same lines.
"""

import csv
import io
import datetime
import shutil
import tempfile
import json
import os
import random
import re
import xml.etree.ElementTree as ET
import zipfile

from harness import (COLUMNS, ABSENT, CONFLICT, PERMISSION, USAGE, IO,
                     add_user, codes, count_annex, day, equal, id_number,
                     main, once, raises_flag, row_of, rows_of, run, temp_dir,
                     test, true, units, write_lines)

CITY, SELF, GULOU, TAIJIANG = "350100", "350100-SELF", "350102", "350103"
FROM, TO = "2025-05-29", "2025-08-25"
PERIODS = [(FROM, TO), ("2025-01-01", "2025-12-31"),
           ("2025-07-01", "2025-07-31"), ("2025-06-03", "2025-06-03"),
           ("2024-01-01", "2024-12-31")]
ROWS = rows_of(CITY)
COUNTIES = [code for code, _ in ROWS if code != SELF]

SURNAMES = "赵钱孙李周吴郑王冯陈林黄张刘杨"
GIVEN = "安宁晓雨思远文博佳怡子涵梓轩欣妍浩然"


class Office:
    """A director: where he writes, and what he imports."""

    def __init__(self, user, home):
        self.user, self.units = user, home	# [(role unit)]
        self.places = []		# units of his children
        self.activity_units = []
        self.lines = []
        self.withdrawn = None


def villages(county, n, skip=0):
    found = sorted(c for c, (_, level, _) in units().items()
                   if level == "village" and c.startswith(county))
    return found[skip:skip + n]


def township_of(code):
    return code[:9]


def offices():
    """Who writes where: villages, a township, counties, the city itself."""
    in_gulou = villages(GULOU, 200)
    t1 = township_of(in_gulou[0])
    first = [v for v in in_gulou if township_of(v) == t1]
    second = [v for v in in_gulou if township_of(v) != t1]
    result = []
    for user, village in (("dir-a", first[0]), ("dir-b", first[1]),
                          ("dir-c", second[0])):
        o = Office(user, [village])
        o.places = [village]
        o.activity_units = [village]
        result.append(o)
    o = Office("dir-gulou", [GULOU])
    o.places = [GULOU, t1, second[-1]]
    o.activity_units = [GULOU, t1 + "000"]
    result.append(o)
    tj = villages(TAIJIANG, 30)
    tw = township_of(tj[0])
    o = Office("dir-town", [tw])
    o.places = [v for v in tj if township_of(v) == tw] + [tw]
    o.activity_units = [tw, tj[0]]
    result.append(o)
    o = Office("dir-tj", [TAIJIANG])
    o.places = [v for v in tj if township_of(v) != tw][:3]
    o.activity_units = [TAIJIANG]
    result.append(o)
    rest = [c for c in COUNTIES if c not in (GULOU, TAIJIANG)]
    for user, counties in (("dir-east", rest[:4]), ("dir-west", rest[4:])):
        o = Office(user, counties)
        for c in counties:
            o.places += villages(c, 3, 2) + [c]
            o.activity_units += [c, villages(c, 1, 2)[0]]
        result.append(o)
    o = Office("dir-city", [SELF])
    o.places = [SELF]
    o.activity_units = [SELF]
    result.append(o)
    return result


def some_date(rng):
    """Often on a bound of a period, or a day beside it."""
    if rng.random() < 0.25:
        first, last = rng.choice(PERIODS[:4])
        return rng.choice([first, last, day(first, -1), day(last, 1)])
    return day("2025-01-01", rng.randrange(0, 400))


def agency(rng):
    # Shared by counties: the union is smaller than the sum of the rows.
    return "5135010%02d%sMA" % (rng.randrange(10, 40), "2XY3ABC")


def add_agency(rng, r):
    x = rng.random()
    if x < 0.5:
        r["agency"] = None if rng.random() < 0.5 else r.get("agency")
    if x >= 0.6:
        r["agency"] = agency(rng)
    if x >= 0.85:
        r["agency_type"] = rng.choice(
            ["social_work", "other", "hospital", "volunteer"])


class Generator:
    """Everything comes from the seed."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.n = 0

    def next(self, prefix):
        self.n += 1
        return "%s%d" % (prefix, self.n)

    def child(self, unit, cid=None):
        rng = self.rng
        birth = "%04d-%02d" % (rng.randrange(2009, 2019),
                               rng.randrange(1, 13))
        r = {"type": "child", "id": cid or self.next("c"), "unit": unit,
             "name": rng.choice(SURNAMES) + "".join(
                 rng.sample(GIVEN, rng.choice([1, 2]))),
             "sex": rng.choice("fm"), "birth": birth,
             "categories": rng.sample(sorted(codes()["category"]),
                                      rng.choice([1, 1, 1, 2])),
             "legal_basis": rng.choice(["consent", "statutory_duty"])}
        if rng.random() < 0.6:
            r["id_number"] = id_number(rng, birth)
            r["phone"] = "1%010d" % rng.randrange(10**10)
            r["address"] = "某路%d号" % rng.randrange(1, 400)
        if rng.random() < 0.3:
            r["priority"] = rng.sample(sorted(codes()["priority"]), 2)
            r["school"], r["guardian_name"] = "第%d小学" % self.n, "某监护人"
        if r["legal_basis"] == "consent":
            r["consent_by"], r["consent_on"] = "guardian", "2024-12-20"
        return r

    def observation(self, child):
        rng = self.rng
        plain = [s for s, a in codes()["sign"].items() if not a]
        marked = [s for s, a in codes()["sign"].items() if a]
        signs = rng.sample(sorted(plain), rng.choice([0, 1, 1, 2, 3]))
        if rng.random() < 0.012:
            signs.append(rng.choice(sorted(marked)))
        r = {"type": "observation", "id": self.next("o"), "child": child,
             "date": some_date(rng),
             "channel": rng.choice(sorted(codes()["channel"])),
             "signs": signs, "risk": rng.choice(
                 ["red", "orange", "yellow", "green", "green", "green"])}
        if rng.random() < 0.4:
            r["note"] = "谈话记录%d，情绪平稳。" % self.n * rng.choice([1, 30])
        if rng.random() < 0.1:
            r["follow_up_on"] = day(r["date"], rng.randrange(1, 60))
        return r

    def intervention(self, child):
        rng = self.rng
        kinds = sorted(k for k, a in codes()["kind"].items()
                       if "activity_only" not in a)
        kind = rng.choice(kinds + ["visit_condolence"] * 5 +
                          ["cash_condolence"] * 4 +
                          ["individual_counselling"] * 3)
        r = {"type": "intervention", "id": self.next("i"), "child": child,
             "date": some_date(rng), "kind": kind,
             "delivered": rng.random() < 0.85}
        if rng.random() < 0.8:
            r["face_to_face"] = rng.random() < 0.75
        if rng.random() < 0.5 or kind == "individual_counselling":
            r["professional"] = rng.random() < 0.6
        if kind in ("cash_condolence", "in_kind") or rng.random() < 0.1:
            r["amount_fen"] = rng.choice(
                [0, 1, 49, 50, 99, 20050, 50000, 30049, 100001,
                 rng.randrange(10**6), 2500000])
        if rng.random() < 0.3:
            r["need"] = "某件难事" if rng.random() < 0.8 else None
            r["need_resolved_on"] = some_date(rng) if rng.random() < 0.7 \
                else None
        add_agency(rng, r)
        if rng.random() < 0.2:
            r["outcome"] = rng.choice(sorted(codes()["outcome"]))
            r["referral"] = rng.choice(sorted(codes()["referral"]))
        if rng.random() < 0.2:
            r["note"] = "记录"
        return r

    def activity(self, unit, children, leads):
        rng = self.rng
        r = {"type": "activity", "id": self.next("a"), "unit": unit,
             "date": some_date(rng), "kind": rng.choice(
                 sorted(codes()["kind"]) + ["theme_activity"] * 12 +
                 ["group_counselling", "parent_child_group"] * 6),
             "held": rng.random() < 0.85}
        if rng.random() < 0.5:
            r["sessions"] = rng.choice([1, 2, 3, 8])
        if leads and rng.random() < 0.3:
            r["lead_unit"] = rng.choice(leads)
        if rng.random() < 0.5:
            r["venue"] = "儿童之家"
        add_agency(rng, r)
        if children and rng.random() < 0.4:
            r["children"] = rng.sample(children, min(len(children), 4))
        return r


def fill_office(g, o, nchildren, leads):
    """The lines of one director; ids are unique within it."""
    rng = g.rng
    kids = []
    for k in range(nchildren):
        # The same id at two directors is two children: ids are a unit's own.
        cid = "same-1" if k == 0 and o.user in ("dir-a", "dir-tj") else None
        kids.append(g.child(o.places[k % len(o.places)], cid))
    ids = [k["id"] for k in kids]
    o.lines += kids
    events = [g.observation(rng.choice(ids)) for _ in range(nchildren * 15 // 2)]
    visits = [g.intervention(rng.choice(ids)) for _ in range(nchildren * 6)]
    # The same child on the same day twice: one visit, two needs.
    for v in rng.sample(visits, max(1, len(visits) // 12)):
        again = dict(v, id=g.next("i"))
        visits.append(again)
    events += visits
    events += [g.activity(rng.choice(o.activity_units), ids, leads)
               for _ in range(14)]
    # Every row has something in the first two columns.
    events += [{"type": "activity", "id": g.next("a"), "unit": unit, "date":
                FROM, "kind": kind, "held": True, "agency": agency(rng)}
               for unit in o.activity_units[:1] + o.activity_units[2::2]
               for kind in ("theme_activity", "parent_child_group")]
    for cid in rng.sample(ids, min(3, len(ids))):
        events.append({"type": "flag", "id": g.next("f"), "child": cid,
                       "date": some_date(rng), "reason": "需要督导员看看"})
    events.append({"type": "report", "id": g.next("m"), "child": ids[1],
                   "date": "2025-06-03", "situations":
                   ["mr4_injury_violence"], "authority": "派出所",
                   "reference": "回执%d" % g.n})
    rng.shuffle(events)		# lines may stand in any order
    # Consent is withdrawn at the end, after everything that happened.
    o.withdrawn = ids[-1]
    events.append({"type": "consent", "id": g.next("w"), "child": ids[-1],
                   "date": "2026-03-01", "state": "withdrawn",
                   "by": "guardian"})
    o.lines += events


def settle_rounding(g, all_offices):
    """Make one row's money end in 50 fen (up), another's in 49 (down)."""
    for row, want in ((GULOU, 50), (TAIJIANG, 49)):
        records = [(o.user, r) for o in all_offices for r in o.lines]
        table, _ = count_annex(records, ROWS, FROM, TO)
        o = next(o for o in all_offices if row_of(o.places[0]) == row)
        add = (want - table[row].fen) % 100 + 100
        o.lines.append({
            "type": "intervention", "id": g.next("i"), "child":
            o.lines[0]["id"], "date": TO, "kind": "cash_condolence",
            "delivered": True, "amount_fen": add})


@once
def city():
    """Everybody enrolled, everything imported."""
    c = Register()
    c.dir = temp_dir()
    c.reg = c.dir + "/register"
    g = Generator(20250529)
    c.offices = offices()
    nchildren = {"dir-a": 30, "dir-b": 22, "dir-c": 22, "dir-gulou": 16,
                 "dir-town": 50, "dir-tj": 12, "dir-east": 118,
                 "dir-west": 118, "dir-city": 14}
    for o in c.offices:
        # Joint activities led by the city, and by another county.
        leads = [SELF, CITY, "350105", "350112"] if o.user != "dir-city" \
            else ["350104", GULOU]
        fill_office(g, o, nchildren[o.user], leads)
    settle_rounding(g, c.offices)
    c.records = [(o.user, r) for o in c.offices for r in o.lines]
    run(c.reg, "admin", c.secret("admin"), "init", "--unit", CITY, "--name",
        "福州市民政局", "--recovery-out", c.dir + "/codes.txt").expect()
    admin = ("admin", c.secret("admin"))
    t1, t2 = (township_of(c.office(u).places[0]) for u in ("dir-a", "dir-c"))
    c.townships = {"sup-1": t1, "sup-2": t2}
    for o in c.offices:
        for k, unit in enumerate(o.units):
            add_user(c.reg, admin, o.user, "director", unit,
                     c.secret(o.user) if k == 0 else None)
    for user, unit in c.townships.items():
        add_user(c.reg, admin, user, "supervisor", unit, c.secret(user))
    add_user(c.reg, admin, "stat", "statistician", CITY, c.secret("stat"))
    for o in c.offices:
        path = "%s/%s.ndjson" % (c.dir, o.user)
        write_lines(path, o.lines)
        o.path = path
        o.imported = c.run(o.user, "--json", "import", path).expect().json()
    return c


class Register:
    def secret(self, user):
        return "口令 of %s, long enough" % user

    def run(self, user, *command, **more):
        return run(self.reg, user, self.secret(user), *command, **more)

    def office(self, user):
        return next(o for o in self.offices if o.user == user)

    def annex(self, unit, first, last, fmt, name=None, fresh=False):
        """The file; with ${fresh} by a copy of the register as it was."""
        path = "%s/annex-%s-%s-%s.%s" % (self.dir, unit, first, last, fmt)
        argv = ["export", "annex", "--unit", unit, "--from", first, "--to",
                last, "--format", fmt, "-o", path]
        if not fresh:
            self.run("stat", *argv).expect()
        else:
            kept = self.reg
            with tempfile.TemporaryDirectory(prefix="runxin-e2e-") as d:
                self.reg = shutil.copytree(self.unreleased(),
                                                os.path.join(d, "r"))
                try:
                    self.run("stat", *argv).expect()
                finally:
                    self.reg = kept
        with open(path, "rb") as f:
            return f.read()

    def unreleased(self):
        """A copy of the register, made before its first release."""
        copy = os.path.join(self.dir, "unreleased")
        if not os.path.exists(copy):
            shutil.copytree(self.reg, copy)
        return copy

    def flags_of(self, township):
        """The flags of a township's cases: id of the record -> child."""
        result = {}
        for o in self.offices:
            home = {r["id"]: r["unit"] for r in o.lines
                    if r["type"] == "child"}
            for r in o.lines:
                if raises_flag(r) and home[r["child"]].startswith(township):
                    result[r["id"]] = r["child"]
        return result


# ---- the import ----

@test
def test_material_is_as_tricky_as_it_should_be():
    records = [r for _, r in city().records]
    kinds = {}
    for r in records:
        kinds[r["type"]] = kinds.get(r["type"], 0) + 1
    true(kinds["child"] >= 400, "children %d" % kinds["child"])
    true(kinds["observation"] >= 2900, "observations")
    true(kinds["intervention"] >= 2400, "interventions")
    table, total = count_annex(city().records, ROWS, FROM, TO)
    for code, c in table.items():
        true(all(v not in (0, "0.0000") for v in c.values()),
             "a figure of %s is zero: it shows nothing" % code)
    true(sum(len(c.agencies) for c in table.values()) > len(total.agencies),
         "agencies are not shared by counties")
    equal(table[GULOU].fen % 100, 50, "fen to round up")
    equal(table[TAIJIANG].fen % 100, 49, "fen to round down")
    ints = [r for r in records if r["type"] == "intervention"]
    equal({r["kind"] for r in ints}, {k for k, a in codes()["kind"].items()
                                      if "activity_only" not in a}, "kinds")
    true(any(not r["delivered"] and r.get("need_resolved_on") for r in ints),
         "no undelivered one with a need resolved")
    true(any(r.get("lead_unit") and row_of(r["lead_unit"]) != row_of(r["unit"])
             for r in records if r["type"] == "activity"), "no joint activity")


@test
def test_import_counts_every_line_by_type():
    for o in city().offices:
        want = {}
        for r in o.lines:
            want[r["type"]] = want.get(r["type"], 0) + 1
        got = o.imported
        equal(got["lines"], len(o.lines), o.user)
        equal(got["present"], 0, o.user)
        equal({k: got[k] for k in want}, want, o.user)
        equal(got["flagged"], sum(map(raises_flag, o.lines)), o.user)


@test
def test_reimport_counts_everything_as_present():
    for user in ("dir-a", "dir-east", "dir-city"):
        o = city().office(user)
        got = city().run(user, "--json", "import", o.path).expect().json()
        equal(got["present"], len(o.lines), user)
        for t in ("child", "observation", "intervention", "activity", "flag",
                  "report", "consent"):
            equal(got[t], 0, t)


@test
def test_child_list_of_a_director_is_his_own_children_with_names():
    o = city().office("dir-a")
    got = city().run("dir-a", "--json", "child", "list").expect().json()
    want = {r["id"]: r["name"] for r in o.lines if r["type"] == "child"}
    equal({r["id"]: r["name"] for r in got}, want, "children")
    counts = {}
    for r in o.lines:
        if r["type"] in ("observation", "intervention"):
            key = (r["child"], r["type"])
            counts[key] = counts.get(key, 0) + 1
    for r in got:
        equal(r["observations"], counts.get((r["id"], "observation"), 0),
              r["id"])
        equal(r["interventions"], counts.get((r["id"], "intervention"), 0),
              r["id"])
        equal(r["withdrawn"], r["id"] == o.withdrawn, r["id"])


@test
def test_bad_line_is_named_and_nothing_is_stored():
    c = city()
    o = c.office("dir-b")
    g = Generator(1)
    g.n = 900000
    good = g.child(o.places[0])
    for bad, why in (
            ({"type": "child", "id": "bad", "unit": c.office("dir-a").places[0],
              "name": "外村", "sex": "f", "birth": "2014-05", "categories":
              ["left_behind"], "legal_basis": "consent"}, "another unit"),
            (dict(g.child(o.places[0]), id_number="350102201405010010"),
             "checksum"),
            (dict(g.child(o.places[0]), nickname="x"), "unknown key"),
            (dict(g.child(o.places[0]), categories=["no_such"]), "code"),
            (dict(g.observation(good["id"]), date="2999-01-01"), "future"),
            (dict(g.observation(good["id"]), date="2001-01-01"), "birth"),
            (dict(g.child(o.places[0]), id=good["id"]), "id twice"),
            (dict(g.observation("nobody")), "unknown child"),
            ("{\"type\":", "syntax")):
        path = c.dir + "/bad.ndjson"
        with open(path, "w", encoding="utf-8") as f:
            for r in (good, bad):
                f.write((r if isinstance(r, str) else json.dumps(
                    r, ensure_ascii=False)) + "\n")
        r = c.run("dir-b", "import", path)
        r.expect(PERMISSION if why == "another unit" else USAGE)
        true("2" in r.complaint, "%s: no line number: %s" % (why, r.complaint))
    ids = [r["id"] for r in c.run("dir-b", "--json", "child",
                                  "list").expect().json()]
    true(good["id"] not in ids, "a line of a bad file was stored")


@test
def test_changed_line_is_a_conflict():
    c = city()
    o = c.office("dir-b")
    path = c.dir + "/conflict.ndjson"
    seen = next(r for r in o.lines if r["type"] == "intervention")
    write_lines(path, [dict(seen, delivered=not seen["delivered"])])
    c.run("dir-b", "import", path).expect(CONFLICT)


@test
def test_missing_file_is_io_and_wrong_passphrase_is_not_permitted():
    c = city()
    c.run("dir-b", "import", c.dir + "/nothing.ndjson").expect(IO)
    run(c.reg, "dir-b", "not it", "child", "list").expect(PERMISSION)
    run(c.reg, "nobody", "not it", "child", "list").expect(PERMISSION)


@test
def test_withdrawn_case_is_read_only_except_for_duty():
    c = city()
    o = c.office("dir-b")
    c.run("dir-b", "intervene", stdin={
        "child": o.withdrawn, "date": "2026-03-02", "kind": "companionship",
        "delivered": True}).expect(PERMISSION)
    c.run("dir-b", "report", "add", stdin={
        "child": o.withdrawn, "date": "2026-03-02", "situations":
        ["mr6_abandoned"], "authority": "派出所"}).expect()


# ---- the form ----

def whole_months(first, last):
    after = datetime.date.fromisoformat(last) + datetime.timedelta(days=1)
    return first.endswith("-01") and after.day == 1


@test
def test_annex_json_equals_an_independent_count_in_every_period():
    city().unreleased()
    for first, last in PERIODS:
        # Odd dates after others are refused in one and the same ledger.
        fresh = (first, last) != (FROM, TO) and not whole_months(first, last)
        doc = json.loads(city().annex(CITY, first, last, "json", fresh=fresh))
        table, total = count_annex(city().records, ROWS, first, last)
        equal(doc["columns"], COLUMNS, "columns")
        equal([doc["unit"], doc["from"], doc["to"]], [CITY, first, last],
              "head")
        equal([(r["code"], r["name"]) for r in doc["rows"]], ROWS, "rows")
        equal(len(doc["rows"]), 13, "rows")
        for r in doc["rows"]:
            equal(r["values"], table[r["code"]].values(), "%s %s..%s" % (
                r["name"], first, last))
        equal(doc["total"], total.values(), "total %s..%s" % (first, last))
        true(isinstance(doc["notes"], list), "notes")


@test
def test_total_of_agencies_is_the_union_and_the_row_sum_is_noted():
    doc = json.loads(city().annex(CITY, FROM, TO, "json"))
    rowsum = sum(r["values"][2] for r in doc["rows"])
    true(doc["total"][2] < rowsum, "union is not smaller")
    true(any(str(rowsum) in n and str(doc["total"][2]) in n
             for n in doc["notes"]), "the notes do not say the row sum")


def annex_cells(doc):
    """What the table of the form must show, as text."""
    lines = [[str(k + 1), r["name"]] + [str(v) for v in r["values"]]
             for k, r in enumerate(doc["rows"])]
    return lines, [str(v) for v in doc["total"]]


@test
def test_annex_csv_is_the_form():
    raw = city().annex(CITY, FROM, TO, "csv")
    doc = json.loads(city().annex(CITY, FROM, TO, "json"))
    true(raw.startswith(b"\xef\xbb\xbf"), "no byte order mark")
    true(raw.endswith(b"\r\n"), "no line end at the end")
    true(not re.search(rb"[^\r]\n|\r[^\n]", raw), "a line end is not CRLF")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    heads = [k for k, r in enumerate(rows) if r[0] == "序号"]
    equal(len(heads), 1, "head lines")
    head = heads[0]
    equal(rows[head][1], "地区", "head")
    equal(len(rows[head]), 9, "columns")
    above = " ".join(r[0] for r in rows[:head])
    for want in ("“润心伴成长 同心护未来”主题活动情况统计表", "填表单位（盖章）：福州市",
                 "截止时间：2025年8月25日"):
        true(want in above, "%r is not above the table: %r" % (want, above))
    lines, total = annex_cells(doc)
    equal(rows[head + 1:head + 14], lines, "rows")
    equal(rows[head + 14][0], "合计", "total")
    equal(rows[head + 14][2:], total, "total")


NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def read_xlsx(raw):
    """(sheet element, {(row, column): (kind, text)}): kind n or s."""
    z = zipfile.ZipFile(io.BytesIO(raw))
    equal(z.testzip(), None, "zip")
    sheet = ET.fromstring(z.read("xl/worksheets/sheet1.xml"))
    strings = []
    if "xl/sharedStrings.xml" in z.namelist():
        for si in ET.fromstring(z.read("xl/sharedStrings.xml")):
            strings.append("".join(t.text or "" for t in si.iter(
                "{%s}t" % NS["m"])))
    cells = {}
    for c in sheet.iterfind(".//m:c", NS):
        true(c.find("m:f", NS) is None, "a formula in the sheet")
        letters, number = re.fullmatch(r"([A-Z]+)(\d+)", c.get("r")).groups()
        column = 0
        for ch in letters:
            column = 26 * column + ord(ch) - 64
        v = c.find("m:v", NS)
        if c.get("t") == "s":
            cells[int(number), column] = ("s", strings[int(v.text)])
        elif c.get("t") in (None, "n") and v is not None:
            cells[int(number), column] = ("n", v.text)
    return sheet, cells


@test
def test_annex_xlsx_is_the_form_on_lying_a4():
    doc = json.loads(city().annex(CITY, FROM, TO, "json"))
    sheet, cells = read_xlsx(city().annex(CITY, FROM, TO, "xlsx"))
    texts = [t for kind, t in cells.values() if kind == "s"]
    for want in ("“润心伴成长 同心护未来”主题活动情况统计表", "填表单位（盖章）：福州市",
                 "截止时间：2025年8月25日"):
        true(any(want in t for t in texts), "%r is missing" % want)
    setup = sheet.find("m:pageSetup", NS)
    equal(setup.get("paperSize"), "9", "paper")
    equal(setup.get("orientation"), "landscape", "orientation")
    head = [rc for rc, c in cells.items() if c == ("s", "序号")]
    equal(len(head), 1, "heads")
    row = head[0][0]
    lines, total = annex_cells(doc)
    for k, line in enumerate(lines):
        equal(cells[row + 1 + k, 2], ("s", line[1]), "name")
        for col in (0, *range(2, 9)):
            kind, text = cells[row + 1 + k, col + 1]
            equal(kind, "n", "%s, column %d is not a number" % (line[1], col))
            true(abs(float(text) - float(line[col])) < 1e-9,
                 "%s, column %d: %s, not %s" % (line[1], col, text, line[col]))
    equal(cells[row + 14, 1], ("s", "合计"), "total")
    for col in range(7):
        kind, text = cells[row + 14, col + 3]
        equal(kind, "n", "total, column %d" % col)
        true(abs(float(text) - float(total[col])) < 1e-9, "total")


@test
def test_annex_of_one_county_is_its_row():
    for county in (GULOU, "350105", "350112"):
        doc = json.loads(city().annex(county, FROM, TO, "json"))
        whole = json.loads(city().annex(CITY, FROM, TO, "json"))
        equal([r["code"] for r in doc["rows"]], [county], "rows")
        row = next(r for r in whole["rows"] if r["code"] == county)
        equal(doc["rows"][0]["values"], row["values"], county)
        equal(doc["total"], row["values"], county)


@test
def test_warnings_name_units_that_recorded_nothing():
    r = city().run("stat", "export", "annex", "--unit", CITY, "--from",
                   "2023-01-01", "--to", "2023-12-31", "--format", "csv",
                   "-o", city().dir + "/empty.csv").expect()
    true("鼓楼区" in r.complaint and "福清市" in r.complaint,
         "silent units are not named: %r" % r.complaint)


# ---- due, flags, review ----

@test
def test_due_list_has_red_first_and_nothing_that_is_not_due():
    order = ["red", "orange", "yellow", "green", None]
    got = city().run("dir-a", "--json", "due", "--on", "2025-09-01") \
        .expect().json()
    true(got, "nothing is due")
    ranks = [order.index(r["risk"]) for r in got]
    equal(ranks, sorted(ranks), "order")
    true(all(r["due"] <= "2025-09-01" for r in got), "not due yet")


@test
def test_supervisor_sees_exactly_the_flags_of_his_township():
    c = city()
    for user, township in c.townships.items():
        want = c.flags_of(township)
        true(want, "no flags")
        got = c.run(user, "--json", "review", "list").expect().json()
        equal({r["id"]: r["child"] for r in got}, want, user)
    true(not set(c.flags_of(c.townships["sup-1"])) &
         set(c.flags_of(c.townships["sup-2"])), "townships overlap")


@test
def test_supervisor_lists_children_without_names():
    got = city().run("sup-1", "--json", "child", "list").expect().json()
    true(got, "no children")
    true(all("name" not in r or not r["name"] for r in got), "a name")


@test
def test_flagged_case_shows_its_story_and_the_name_only_with_a_reason():
    c = city()
    o = c.office("dir-a")
    flag = next(r for r in o.lines if r["type"] == "flag")
    child = next(r for r in o.lines if r["type"] == "child" and
                 r["id"] == flag["child"])
    plain = c.run("sup-1", "--json", "review", "show", flag["id"]).expect()
    true("需要督导员看看" in plain.text, "the reason of the flag is missing")
    true(child["name"] not in plain.text, "a name without a reason")
    told = c.run("sup-1", "--json", "review", "show", flag["id"], "--reason",
                 "家访前核对身份").expect()
    equal(told.json()["child"]["name"], child["name"], "name")


@test
def test_unflagged_case_stays_closed_for_the_supervisor():
    c = city()
    o = c.office("dir-a")
    flagged = set(c.flags_of(c.townships["sup-1"]).values())
    child = next(r for r in o.lines if r["type"] == "child" and
                 r["id"] not in flagged and r["id"] != "same-1")
    c.run("sup-1", "child", "show", child["id"], "--reason",
          "看看").expect(PERMISSION)


@test
def test_supervisor_reviews_and_the_other_one_is_refused():
    c = city()
    mine = c.run("sup-1", "--json", "review", "list").expect().json()
    flag = mine[0]
    for command in (("review", "show", flag["uuid"]),
                    ("review", "decide", flag["uuid"], "--decision", "accept",
                     "--reason", "知道了"),
                    ("child", "show", flag["child_uuid"], "--reason", "看看")):
        c.run("sup-2", *command).expect(PERMISSION)
    for user in ("dir-a", "stat", "admin"):
        c.run(user, "review", "decide", flag["uuid"], "--decision", "close",
              "--reason", "不该成功").expect(PERMISSION)
    c.run("sup-1", "review", "decide", flag["uuid"], "--decision", "accept",
          "--reason", "").expect(USAGE)
    c.run("sup-1", "review", "decide", flag["uuid"], "--decision", "accept",
          "--reason", "一周内家访").expect()
    state = {r["uuid"]: r["state"] for r in
             c.run("sup-1", "--json", "review", "list").expect().json()}
    equal(state[flag["uuid"]], "accepted", "state")
    c.run("sup-1", "review", "decide", flag["uuid"], "--decision", "close",
          "--reason", "已经解决").expect()
    left = c.run("sup-1", "--json", "review", "list").expect().json()
    true(flag["uuid"] not in [r["uuid"] for r in left], "still open")
    c.run("sup-1", "review", "decide", flag["uuid"], "--decision", "close",
          "--reason", "再来一次").expect(CONFLICT)
    closed = c.run("sup-1", "--json", "review", "list", "--all") \
        .expect().json()
    equal({r["uuid"]: r["state"] for r in closed}[flag["uuid"]], "closed",
          "state")


# ---- who may not ----

@test
def test_statistician_and_administrator_open_no_case():
    c = city()
    child = c.run("dir-a", "--json", "child", "list").expect().json()[0]
    for user in ("stat", "admin"):
        for command in (("child", "list"), ("child", "list", "--flagged"),
                        ("child", "show", child["uuid"]),
                        ("child", "show", child["id"]),
                        ("child", "show", child["uuid"], "--reason", "想看"),
                        ("child", "find", "--name", child["name"]),
                        ("due",), ("review", "list"),
                        ("child", "erase", child["uuid"], "--reason", "x")):
            r = c.run(user, *command)
            r.expect(PERMISSION)
            equal(r.out, b"", "%s got something" % user)


@test
def test_only_the_statistician_exports():
    c = city()
    for user in ("admin", "dir-a", "dir-gulou", "sup-1"):
        path = c.dir + "/refused.csv"
        c.run(user, "export", "annex", "--unit", GULOU, "--from", FROM, "--to",
              TO, "--format", "csv", "-o", path).expect(PERMISSION)
        true(not os.path.exists(path), "a file was written")
        c.run(user, "release", "list").expect(PERMISSION)


@test
def test_director_of_another_village_is_refused():
    c = city()
    child = c.run("dir-a", "--json", "child", "list").expect().json()[1]
    c.run("dir-b", "child", "show", child["uuid"]).expect(PERMISSION)
    r = c.run("dir-b", "child", "show", child["id"])
    true(r.rc in (PERMISSION, ABSENT) and r.out == b"", "got something")
    c.run("dir-b", "observe", stdin={
        "child": child["uuid"], "date": "2025-06-03", "channel": "talk",
        "signs": [], "risk": "green"}).expect(PERMISSION)


@test
def test_same_id_in_two_units_is_two_children():
    c = city()
    seen = [c.run(u, "--json", "child", "show", "same-1").expect().json()
            ["child"]["uuid"] for u in ("dir-a", "dir-tj")]
    true(seen[0] != seen[1], "one child")


# ---- the books ----

@test
def test_release_list_shows_the_exports():
    rows = city().run("stat", "--json", "release", "list").expect().json()
    titles = [r["title"] for r in rows if r["kind"] == "annex"]
    for first, last in PERIODS:
        true(not whole_months(first, last) or
             any(first in t and last in t for t in titles),
             "%s..%s is not in the ledger: %r" % (first, last, titles))
    true(all(r["intact"] and r["author"] == "stat" for r in rows), "rows")
    city().run("stat", "release", "verify").expect()


@test
def test_reissue_is_numbered_and_says_what_changed():
    c = city()
    child = next(r["id"] for r in c.office("dir-b").lines
                 if r["type"] == "child")
    extra = {"type": "intervention", "id": "late-1", "child": child, "date":
             TO, "kind": "cash_condolence", "delivered": True, "amount_fen":
             12345600}
    before = json.loads(c.annex(CITY, FROM, TO, "json"))
    c.run("dir-b", "intervene", stdin=extra).expect()
    c.records.append(("dir-b", extra))
    after = json.loads(c.annex(CITY, FROM, TO, "json"))
    table, total = count_annex(c.records, ROWS, FROM, TO)
    equal(after["total"], total.values(), "total")
    true(before["total"][4] != after["total"][4], "nothing changed")
    true(any(before["total"][4] in n and after["total"][4] in n
             for n in after["notes"]), "the notes do not tell the change")


@test
def test_audit_verifies_for_everyone():
    for user in ("admin", "stat", "dir-a", "sup-1"):
        got = city().run(user, "--json", "audit", "verify").expect().json()
        true(got["intact"] is True and got["entries"] > 20, "audit")
    head = city().run("admin", "audit", "head").expect().text.strip()
    city().run("admin", "audit", "verify", "--anchor", head).expect()


if __name__ == "__main__":
    main()
