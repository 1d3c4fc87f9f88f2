#!/usr/bin/env python3
"""Lines and branches that the tests went through, by folder and in all.

coverage.py FILE [FOLDER...]: FILE is what `gcovr --json` writes; with folders,
also the lines in them that no test reached, and those where a failure was
never seen: an `rc = ...` or `!= RX_OK` that always went the same way.

Ways out: lines that end a function for an error, which are `return (rc)`,
`rx_fail`, `goto errN`, and what follows `!= RX_OK`.
"""

import json
import os
import re
import sys

FAILS = re.compile(r"rc = |!= RX_OK|== NULL|rx_fail|== -1|!= 0\)|!= SQLITE_OK")
OUT = re.compile(r"return \(rc\);|return \(rx_\w*fail|rc = rx_\w*fail|"
                 r"\(void\)rx_\w*fail|goto err\d")
FAILED = re.compile(r"RX_OK\)( \{)?$")


def way_out(text, n):
    """Whether line ${n} of ${text}, counted from 1, is one."""
    before = text[n - 2].strip() if n > 1 else ""
    return bool(OUT.match(text[n - 1].strip()) or
                FAILED.search(before) and "== RX_OK)" not in before)


def folder(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "src" else parts[0]


def ratio(part, whole):
    return "%6d/%6d %5.1f%%" % (part, whole, 100 * part / whole if whole
                                else 100)


def main(report, *shown):
    with open(report, encoding="utf-8") as f:
        files = json.load(f)["files"]
    table, missed = {}, []
    for file in files:
        path = file["file"]
        if not path.endswith(".c") or path.startswith(("build/", "tests/")):
            continue
        with open(path, encoding="utf-8") as f:
            text = f.read().split("\n")
        for name in (folder(path), "~"):
            row = table.setdefault(name, [0] * 6)
            for line in file["lines"]:
                if line["gcovr/noncode"]:
                    continue
                row[0] += line["count"] > 0
                row[1] += 1
                row[2] += sum(b["count"] > 0 for b in line["branches"])
                row[3] += len(line["branches"])
                if way_out(text, line["line_number"]):
                    row[4] += line["count"] > 0
                    row[5] += 1
        for line in file["lines"]:
            n = line["line_number"]
            code = text[n - 1].strip() if n <= len(text) else ""
            if line["gcovr/noncode"] or not any(
                    path.startswith(s) for s in shown):
                continue
            if line["count"] == 0:
                missed.append("%s:%d: not reached: %s" % (path, n, code))
            elif any(b["count"] == 0 for b in line["branches"]) and \
                    FAILS.search(code):
                missed.append("%s:%d: one way only: %s" % (path, n, code))
    print("%-14s %21s %21s %21s %6s" % ("", "lines", "branches",
                                        "ways out on error", "left"))
    for name in sorted(table):
        r = table[name]
        print("%-14s %s %s %s %6d" % ("total" if name == "~" else name,
              ratio(r[0], r[1]), ratio(r[2], r[3]), ratio(r[4], r[5]),
              r[5] - r[4]))
    for m in missed:
        print(m)


if __name__ == "__main__":
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    main(*sys.argv[1:])
