"""Five people at once on the real page, and eight over TLS who sign in and out,
write and export: every answer is what it should be.  Short forms of `make bench
BENCH_ARGS=web` and `make load`, which also measure; nothing here passes or fails
by its speed."""

# Alone: it loads the machine, and measures time.

import os
import re
import subprocess

from harness import RUNXIN, equal, main, test, true

BENCH = os.path.join(os.path.dirname(RUNXIN), "tests/bench/bench")
PEOPLE, SECONDS, CHILDREN, RECORDS = 5, 3, 100, 1500


def bench(what, *args):
    return subprocess.run([BENCH, what, *map(str, args)], timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@test
def test_five_people_at_once_are_all_answered():
    r = bench("web", PEOPLE, SECONDS, CHILDREN, RECORDS)
    text = r.stdout.decode("utf-8", "replace")
    equal(r.returncode, 0, text[-2000:])
    found = re.search(r"^(\d+) requests, (\d+) errors$", text, re.M)
    true(found, text[-2000:])
    equal(int(found.group(2)), 0, "errors")
    # Each role's pages were asked for, and while others signed in.
    for page in ("sign in", "today", "a child", "save an observation",
                 "review queue", "coverage", "annex preview", "people"):
        line = re.search("^" + page + r" +\|(.*)$", text, re.M)
        true(line and re.search(r"\d", line.group(1)),
             "%s was not measured:\n%s" % (page, text))
    print("     %s" % found.group(0))


@test
def test_a_page_that_is_refused_counts_as_an_error():
    # A statistician's page, put in a director's day.
    r = bench("web", PEOPLE, 1, 20, 100, "astray")
    text = r.stdout.decode("utf-8", "replace")
    equal(r.returncode, 1, text[-2000:])
    found = re.search(r"^(\d+) requests, (\d+) errors$", text, re.M)
    true(found and int(found.group(2)) > 0, text[-2000:])


@test
def test_eight_over_tls_lose_nothing_that_was_acknowledged():
    r = bench("load", 8, 15, 1, 60, 400)
    text = r.stdout.decode("utf-8", "replace")
    equal(r.returncode, 0, text[-3000:])
    found = re.search(r"^(\d+) requests in .*, (\d+) errors, (\d+) told",
                      text, re.M)
    true(found and int(found.group(1)) > 50, text[-3000:])
    equal(int(found.group(2)), 0, "errors")
    found = re.search(r"^(\d+) observations acknowledged, (\d+) there; the "
                      "audit verifies", text, re.M)
    true(found, text[-3000:])
    equal(found.group(1), found.group(2), "observations")
    true(int(found.group(1)) > 0, "nobody wrote: " + text[-3000:])
    print("     %s" % found.group(0))


@test
def test_under_load_a_page_that_is_refused_counts_as_an_error():
    r = bench("load", 6, 4, 1, 20, 100, "astray")
    text = r.stdout.decode("utf-8", "replace")
    equal(r.returncode, 1, text[-3000:])
    true(re.search(r"^error: annex preview: \d+ times 403$", text, re.M),
         text[-3000:])


if __name__ == "__main__":
    main()
