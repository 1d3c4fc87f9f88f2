"""What the end-to-end tests share: running the program, temporary folders, a
small registry of tests, the annex counted independently of the program.

Passphrases reach the program through pipes only: never argv, environment or
files.  The program is $RUNXIN, the tests run from the top folder.
"""

import atexit
import datetime
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

RUNXIN = os.path.abspath(os.environ.get("RUNXIN", "build/plain-gcc/runxin"))
COLUMNS = ["theme_activities", "counselling_sessions", "agencies", "visits",
           "cash_wan", "children_helped", "needs_resolved"]

OK, INTERNAL, USAGE, PERMISSION, ABSENT, CONFLICT, CORRUPT, IO = range(8)


# ---- tests ----

_tests = []


class Skipped(Exception):
    """A test that cannot be made here: reported, and not as passed."""


def test(f):
    """Register a test; tests run in the order in which they stand."""
    _tests.append(f)
    return f


def main():
    """Run all tests, or those whose names have one of the words of the command
    line; print a line each and the closing line, exit."""
    passed = failed = skipped = 0
    words = sys.argv[1:] or [""]
    for f in _tests:
        if not any(w in f.__name__ for w in words):
            continue
        start = time.monotonic()
        try:
            f()
        except Skipped as why:
            skipped += 1
            print("skip %s: %s" % (f.__name__, why))
        except (Exception, SystemExit):	# one failed test stops no other
            failed += 1
            print("FAIL %s" % f.__name__)
            traceback.print_exc(file=sys.stdout)
        else:
            passed += 1
            print("ok   %s (%.1f s)" % (f.__name__, time.monotonic() - start))
        sys.stdout.flush()
    print("%d passed, %d failed%s" % (
        passed, failed, ", %d skipped" % skipped if skipped else ""))
    sys.exit(1 if failed or not passed else 0)


def equal(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %r, want %r" % (what, got, want))


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def once(f):
    """A fixture: made at the first use; if it fails, it fails every user."""
    state = {}

    def get():
        if "error" in state:
            raise RuntimeError("fixture %s failed before" % f.__name__)
        if "value" not in state:
            try:
                state["value"] = f()
            except BaseException:
                state["error"] = True
                raise
        return state["value"]
    return get


def temp_dir(prefix="runxin-e2e-"):
    """A new private folder, removed when the tests end."""
    d = tempfile.mkdtemp(prefix=prefix)
    if not os.environ.get("RUNXIN_KEEP"):
        atexit.register(shutil.rmtree, d, True)
    return d


# ---- running the program ----

class Result:
    def __init__(self, argv, rc, out, err, seconds, peak=None):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err
        self.seconds, self.peak = seconds, peak	# peak: resident, in MiB

    @property
    def text(self):
        return self.out.decode("utf-8")

    @property
    def complaint(self):
        return self.err.decode("utf-8")

    def json(self):
        return json.loads(self.text)

    def expect(self, rc=OK):
        if self.rc != rc:
            raise AssertionError(
                "exit %d, expected %d: runxin %s\nstdout: %s\nstderr: %s" % (
                    self.rc, rc, " ".join(self.argv), self.out[-1500:].decode(
                        "utf-8", "replace"), self.err[-1500:].decode(
                            "utf-8", "replace")))
        if rc != OK:
            lines = self.err.decode("utf-8").splitlines()
            if len(lines) != 1 or not lines[0].startswith("runxin: "):
                raise AssertionError("not one line of error: %r" % lines)
        return self


def _line_pipe(line):
    """A descriptor from which one line can be read."""
    r, w = os.pipe()
    os.write(w, line.encode("utf-8") + b"\n")
    os.close(w)
    return r


def environment(home, lang=None, extra=None):
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": home,
           "LC_ALL": "C.UTF-8"}
    if lang:
        env["RUNXIN_LANG"] = lang
    if extra:
        env.update(extra)
    return env


def spawn(register, user, passphrase, *command, new=None, codes=None,
          stdin=None, env=None, prefix=(), stderr=subprocess.PIPE, home="/nonexistent"):
    """Start the program; the caller waits.  Returns (process, argv)."""
    fds, argv = [], []
    try:
        if register is not None:
            argv += ["-r", register]
        if user is not None:
            argv += ["-u", user]
        if passphrase is not None:
            fds.append(_line_pipe(passphrase))
            argv += ["--passphrase-fd", str(fds[-1])]
        argv += list(command)
        if new is not None:
            fds.append(_line_pipe(new))
            argv += ["--new-passphrase-fd", str(fds[-1])]
        if codes is not None:		# one a line
            fds.append(_line_pipe("\n".join(codes)))
            argv += ["--codes-fd", str(fds[-1])]
        p = subprocess.Popen(
            list(prefix) + [RUNXIN] + argv, pass_fds=fds,
            stdin=subprocess.PIPE if stdin is not None else
            subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            env=env if env is not None else environment(home))
    finally:
        for fd in fds:
            os.close(fd)
    return p, argv


def run(register, user, passphrase, *command, new=None, codes=None,
        stdin=None, env=None, prefix=(), timeout=900):
    """Run the program to its end.  stdin is bytes, text or a JSON value."""
    if isinstance(stdin, (dict, list)):
        stdin = json.dumps(stdin, ensure_ascii=False)
    if isinstance(stdin, str):
        stdin = stdin.encode("utf-8")
    start = time.monotonic()
    p, argv = spawn(register, user, passphrase, *command, new=new,
                    codes=codes, stdin=stdin, env=env, prefix=prefix)
    try:
        out, err = p.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise
    return Result(argv, p.returncode, out, err, time.monotonic() - start)


class Peak(threading.Thread):
    """The peak of a process's resident memory, looked at until it ends.

    Not ru_maxrss: that one begins with what this program had when it forked.
    """

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.kib = "/proc/%d/status" % pid, 0
        self.start()

    def run(self):
        while True:
            try:
                with open(self.path) as f:
                    text = f.read()
            except OSError:
                return
            m = re.search(r"(?m)^VmHWM:\s+(\d+) kB", text)
            if m is None:		# it has ended
                return
            if "Name:\trunxin" in text:
                self.kib = max(self.kib, int(m.group(1)))
            time.sleep(0.01)

    def mib(self):
        self.join()
        return self.kib / 1024


def run_measured(register, user, passphrase, *command, terminal=False,
                 timeout=1800):
    """Run with the peak of memory; stderr on a pseudo terminal if asked."""
    start = time.monotonic()
    master = slave = None
    if terminal:
        master, slave = pty.openpty()
    p, argv = spawn(register, user, passphrase, *command,
                    stderr=slave if terminal else subprocess.PIPE)
    peak = Peak(p.pid)
    if terminal:
        os.close(slave)
    said = master if terminal else p.stderr.fileno()
    got = {said: b"", p.stdout.fileno(): b""}
    open_ = set(got)
    try:
        while open_:
            ready, _, _ = select.select(list(open_), [], [], 5)
            if time.monotonic() - start > timeout:
                p.kill()
                raise AssertionError("timeout: " + " ".join(argv))
            for fd in ready:
                try:
                    data = os.read(fd, 65536)
                except OSError:		# EIO: the terminal's last user left
                    data = b""
                got[fd] += data
                if not data:
                    open_.discard(fd)
        p.wait()
        out = got[p.stdout.fileno()]
    finally:
        if terminal:
            os.close(master)
        else:
            p.stderr.close()
        p.stdout.close()
    return Result(argv, p.returncode, out, got[said],
                  time.monotonic() - start, peak.mib())


# ---- data of the project ----

@once
def units():
    """code -> (name, level, parent), of schema/units.tsv."""
    result = {}
    with open("schema/units.tsv", encoding="utf-8") as f:
        next(f)
        for line in f:
            code, name, level, parent = line.rstrip("\n").split("\t")[:4]
            result[code] = (name, level, parent)
    return result


def rows_of(owner):
    """[(short code, name)] of the rows of a form, in its order."""
    result = []
    with open("schema/reporting-units.tsv", encoding="utf-8") as f:
        next(f)
        for line in f:
            form, seq, code, name = line.rstrip("\n").split("\t")[:4]
            if form == owner:
                result.append((int(seq), code, name))
    return [(code, name) for _, code, name in sorted(result)]


@once
def codes():
    """list -> {key: attributes}, of schema/codes.tsv."""
    result = {}
    with open("schema/codes.tsv", encoding="utf-8") as f:
        next(f)
        for line in f:
            fields = line.rstrip("\n").split("\t") + [""]
            result.setdefault(fields[0], {})[fields[2]] = fields[5]
    return result


def raises_flag(record):
    """Whether this record raises a flag: by a person, or by rule."""
    if record["type"] == "flag":
        return True
    return record["type"] == "observation" and any(
        w in ("urgent", "flag") for s in record["signs"]
        for w in codes()["sign"][s].split())


def id_number(rng, birth):
    """A citizen's number with a valid check character (GB 11643)."""
    body = "3501%02d" % rng.randrange(2, 90) + birth.replace("-", "") + \
        "%02d%03d" % (rng.randrange(1, 29), rng.randrange(1000))
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    s = sum(w * int(d) for w, d in zip(weights, body))
    return body + "10X98765432"[s % 11]


# ---- the annex, counted again ----

def row_of(unit):
    """The row of the form that a unit belongs to."""
    if unit.endswith("-SELF"):
        return unit
    if unit[4:6] == "00":
        return unit[:6] + "-SELF"
    return unit[:6]


class Count:
    """The seven figures of one row, or of all rows together."""

    def __init__(self):
        self.theme = self.sessions = self.fen = self.resolved = 0
        self.agencies, self.visits, self.helped = set(), set(), set()

    def values(self):
        yuan = (self.fen + 50) // 100
        return [self.theme, self.sessions, len(self.agencies),
                len(self.visits), "%d.%04d" % divmod(yuan, 10000),
                len(self.helped), self.resolved]


def count_annex(records, rows, first, last):
    """Count by DESIGN section 4: {row: Count} and the total.

    records are pairs (owner, record): callers' ids are unique for an owner.
    """
    table = {code: Count() for code, _ in rows}
    total = Count()
    home = {(o, r["id"]): r["unit"] for o, r in records
            if r["type"] == "child"}

    def dated(day):
        return day is not None and first <= day <= last

    for owner, r in records:
        if r["type"] == "activity":
            unit = r.get("lead_unit") or r["unit"]
        elif r["type"] == "intervention":
            unit = home[owner, r["child"]]
        else:
            continue
        if row_of(unit) not in table:
            continue
        here = (table[row_of(unit)], total)
        agency = r.get("agency")
        if (r.get("agency_type") or "social_work") != "social_work":
            agency = None
        if r["type"] == "activity":
            if not r["held"] or not dated(r["date"]):
                continue
            for c in here:
                c.theme += r["kind"] == "theme_activity"
                if r["kind"] in ("group_counselling", "parent_child_group"):
                    c.sessions += r.get("sessions") or 1
                if agency:
                    c.agencies.add(agency)
            continue
        if not r["delivered"]:
            continue
        child = (owner, r["child"])
        for c in here:
            c.resolved += dated(r.get("need_resolved_on"))
            if not dated(r["date"]):
                continue
            c.helped.add(child)
            c.sessions += r["kind"] == "individual_counselling" and \
                bool(r.get("professional"))
            if r["kind"] == "visit_condolence" and r.get("face_to_face"):
                c.visits.add((child, r["date"], unit))
            if r["kind"] == "cash_condolence":
                c.fen += r.get("amount_fen") or 0
            if agency:
                c.agencies.add(agency)
    return table, total


def write_lines(path, records):
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        for r in records:
            f.write(json.dumps(r, ensure_ascii=False) + "\n")


def day(start, n):
    return (datetime.date.fromisoformat(start) +
            datetime.timedelta(days=n)).isoformat()


def add_user(register, admin, user, role, unit, passphrase=None):
    """admin is (name, passphrase)."""
    return run(register, admin[0], admin[1], "user", "add", user, "--role",
               role, "--unit", unit, new=passphrase).expect()

