"""README.md as a script: its marked blocks, whoever types the passphrases in
them, and whether the output that it shows is the real one.

A block stands after <!-- WORD -->.  Lines of an excerpt come one after the other
in the output, a line … leaves out any number of lines, and … within a line any
text.
"""

import os
import re
import stat
import subprocess
import sys

from harness import RUNXIN, environment, once, temp_dir

DOTS = "…"

# Stands as "runxin" on PATH and types what a person would.  A passphrase is made
# of the user's name and how often it was given; custodians type their codes from
# the sheet of whoever made the register.
TYPIST = """#!%(python)s
import json, os, re, sys
BOOK, SHEET = %(book)r, %(sheet)r
args = sys.argv[1:]
book = {}
if os.path.exists(BOOK):
    with open(BOOK) as f:
        book = json.load(f)

def type_in(option, text):
    r, w = os.pipe()
    os.write(w, (text + "\\n").encode())
    os.close(w)
    os.set_inheritable(r, True)
    args.extend([option, str(r)])

def words(user):
    return "柚子 灯塔 石桥 %%s %%d" %% (user, book.setdefault(user, 1))

if "-u" in args and "--passphrase-fd" not in args:
    me = args[args.index("-u") + 1]
    whose = me if "passwd" in args else None
    for i in range(len(args) - 2):
        if args[i:i + 2] in (["user", "add"], ["user", "reset"]):
            whose = args[i + 2]
    custodians = "recover" in args
    type_in("--passphrase-fd", words(me))
    if whose is not None:
        book[whose] = book.get(whose, 0) + 1
        type_in("--new-passphrase-fd", words(whose))
    if custodians:
        with open(SHEET) as f:
            type_in("--codes-fd", "\\n".join(re.findall(
                r"(?m)^[ABC]  (\\S+)$", f.read())[:2]))
    with open(BOOK, "w") as f:
        json.dump(book, f)
os.execv(%(runxin)r, ["runxin"] + args)
"""


def words(user, given):
    """The passphrase of a user that was the nth that he was given."""
    return "柚子 灯塔 石桥 %s %d" % (user, given)


class Desk:
    """A new folder, with a typist on PATH, in which blocks are run."""

    def __init__(self):
        self.top = temp_dir()
        self.work = os.path.join(self.top, "work")
        bin_dir = os.path.join(self.top, "bin")
        for d in (bin_dir, self.work):
            os.mkdir(d)
        typist = os.path.join(bin_dir, "runxin")
        with open(typist, "w", encoding="utf-8") as f:
            f.write(TYPIST % {"python": sys.executable, "runxin": RUNXIN,
                              "book": os.path.join(self.top, "book"),
                              "sheet": os.path.join(self.work, "codes.txt")})
        os.chmod(typist, stat.S_IRWXU)
        self.env = environment(self.top)
        self.env["PATH"] = bin_dir + ":" + self.env["PATH"]

    def path(self, *names):
        return os.path.join(self.work, *names)

    def sh(self, text):
        """Run by sh, which ends at the first error: (exit status, output)."""
        p = subprocess.run(["sh", "-euc", text], cwd=self.work, env=self.env,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=600)
        return p.returncode, p.stdout.decode("utf-8")


@once
def readme():
    with open("README.md", encoding="utf-8") as f:
        return f.read()


def blocks(mark):
    """[(mark, line number, text)] of the fenced blocks that bear a mark."""
    found = []
    for m in re.finditer(r"<!-- (\w+) -->\n+```\w*\n(.*?)^```$", readme(),
                         re.M | re.S):
        if m.group(1) in mark:
            found.append((m.group(1), readme()[:m.start()].count("\n") + 1,
                          m.group(2)))
    return found


def matches(pattern, line):
    parts = [re.escape(part) for part in pattern.split(DOTS)]
    return re.fullmatch(".*?".join(parts), line) is not None


def shows(excerpt, output):
    """None, or the first line of the excerpt that the output has not."""
    lines = [x.lstrip("\ufeff").rstrip() for x in output.splitlines()]
    runs, run = [], []
    for x in excerpt.rstrip("\n").split("\n") + [DOTS]:
        if x.strip() != DOTS:
            run.append(x.rstrip())
        elif run:
            runs.append(run)
            run = []
    at = 0
    for run in runs:
        best = 0
        for start in range(at, len(lines)):
            n = 0
            while (n < len(run) and start + n < len(lines) and
                   matches(run[n], lines[start + n])):
                n += 1
            best = max(best, n)
            if n == len(run):
                at = start + n
                break
        else:
            return run[best]
    return None
