"""Private tables from outside: what is written, what is said, what is refused.

The figures are random; that their distribution is right is shown by
tests/unit/test_private.c and tests/attack/test_private.c.
"""

import csv
import datetime
import io
import json
import os
import re

from harness import (CONFLICT, PERMISSION, USAGE, equal, main, once, run,
                     temp_dir, test, true, units)

COUNTY = "350102"
YEAR = datetime.date.today().year
FROM, TO = "%d-01-01" % (YEAR - 1), "%d-12-31" % (YEAR - 1)


@once
def register():
    """A demonstration register; where files are written."""
    home = temp_dir()
    path = os.path.join(home, "register")
    run(None, None, None, "demo", path, "--children", "90", "--observations",
        "200").expect()
    return path, home


def export(name, options, user="stat", rc=0, **more):
    """Write a table; its bytes, and what was said."""
    path, home = register()
    out = os.path.join(home, name)
    given = {"--unit": COUNTY, "--count": "children", "--by": "sex",
             "--from": FROM, "--to": TO, "--format": name.split(".")[-1],
             "-o": out}
    given.update(options)
    words = [w for kv in given.items() if kv[1] is not None for w in kv]
    r = run(path, user, "demo-%s-runxin" % user, "export", "table", *words,
            **more).expect(rc)
    if rc != 0:
        true(not os.path.exists(out), "a refused table was written")
        return None, r
    with open(out, "rb") as f:
        return f.read(), r


@test
def test_keys_are_all_units_whether_they_have_children_or_not():
    raw, r = export("a.json", {"--by": "township,sex", "--private": "0.2"})
    true("ε = 2.8" in r.complaint, "what is left was not said")
    doc = json.loads(raw)
    towns = {c for c, (_, level, _) in units().items()
             if c.startswith(COUNTY) and level == "township"}
    equal({c["key"][0] for c in doc["cells"]}, towns | {COUNTY, "*"})
    equal({c["key"][1] for c in doc["cells"]}, {"m", "f", "*"})
    equal(len(doc["cells"]), (len(towns) + 2) * 3)
    for c in doc["cells"]:
        equal(c["status"], "ok")
        true(c["value"] >= 0 and c["error95"] > 0, c)
    equal(doc["private"]["epsilon"], "0.2")
    equal(doc["private"]["mechanism"], "discrete-laplace")
    true(doc["private"]["error95"]["cell"] >= 15, doc["private"])
    value = {tuple(c["key"]): c["value"] for c in doc["cells"]}
    for sex in "mf*":
        equal(value[("*", sex)], sum(value[(t, sex)]
                                     for t in towns | {COUNTY}))
    equal(doc["totals"]["value"], value[("*", "*")])


@test
def test_csv_has_the_error_beside_each_figure_and_both_languages():
    raw, _ = export("b.csv", {"--private": "0.3"})
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    head = next(i for i, row in enumerate(rows) if row[0] == "性别代码")
    equal(rows[head][-2:], ["数量", "误差（95%）"])
    for row in rows[head + 1:head + 4]:
        true(re.fullmatch(r"\d+", row[-2]) and int(row[-1]) >= 10, row)
    text = raw.decode("utf-8-sig")
    true("差分隐私" in text and "Differentially private" in text, text)


@test
def test_same_question_gives_the_same_bytes_and_spends_nothing():
    first, r = export("c.csv", {"--private": "0.3"})
    for k in range(3):
        again, s = export("c%d.csv" % k, {"--private": "0.300"})
        equal(again, first)
        equal(s.complaint, r.complaint)
    x, _ = export("c.xlsx", {"--private": "0.3"})
    y, _ = export("cc.xlsx", {"--private": "0.3"})
    equal(x, y)


@test
def test_private_and_exact_tables_are_not_compared():
    export("d.csv", {})
    export("e.csv", {"--to": "%d-11-30" % (YEAR - 1), "--private": "0.1"})


@test
def test_budget_that_is_spent_is_refused_and_says_when_it_renews():
    _, r = export("g.json", {"--by": "category", "--private": "2"})
    true("ε = 0.4" in r.complaint, r.complaint)
    _, r = export("h.json", {"--by": "age_band", "--private": "0.5"},
                  rc=CONFLICT)
    true("ε = 0.4" in r.complaint and "%d-01-01" % (YEAR + 1) in r.complaint,
         r.complaint)
    # A village's children have spent the county's share too.
    _, r = export("i.json", {"--unit": "350102001001", "--private": "0.401"},
                  rc=CONFLICT)
    export("j.json", {"--unit": "350102001001", "--private": "0.4"})
    path, _ = register()
    ledger = run(path, "stat", "demo-stat-runxin", "--json", "release",
                 "list").expect().json()
    equal(sum(x["kind"] == "private" for x in ledger), 5)
    run(path, "stat", "demo-stat-runxin", "release", "verify").expect()


@test
def test_wrong_epsilon_is_2_and_a_missing_right_3():
    for e in ("0", "0.001", "11", "x", "", "0.5e0", "-1", "0.1234"):
        export("k.csv", {"--private": e}, rc=USAGE)
    export("l.csv", {"--private": "0.1", "--threshold": "5"}, rc=USAGE)
    export("m.csv", {"--private": "0.1", "--by": "category,sign"}, rc=USAGE)
    export("n.csv", {"--private": "0.1"}, user="dir1", rc=PERMISSION)
    export("o.csv", {"--private": "0.1", "--unit": "350103"}, rc=PERMISSION)


if __name__ == "__main__":
    main()
