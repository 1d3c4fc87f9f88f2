"""Five people at once on the real page: every answer is what it should be.
A short form of `make bench BENCH_ARGS=web`, which also measures; nothing here
passes or fails by its speed."""

import os
import re
import subprocess

from harness import RUNXIN, equal, main, test, true

BENCH = os.path.join(os.path.dirname(RUNXIN), "tests/bench/bench")
PEOPLE, SECONDS, CHILDREN, RECORDS = 5, 3, 100, 1500


def bench(*args):
    return subprocess.run([BENCH, "web", *map(str, args)], timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@test
def test_five_people_at_once_are_all_answered():
    r = bench(PEOPLE, SECONDS, CHILDREN, RECORDS)
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
    r = bench(PEOPLE, 1, 20, 100, "astray")
    text = r.stdout.decode("utf-8", "replace")
    equal(r.returncode, 1, text[-2000:])
    found = re.search(r"^(\d+) requests, (\d+) errors$", text, re.M)
    true(found and int(found.group(2)) > 0, text[-2000:])


if __name__ == "__main__":
    main()
