"""Canaries: what is personal or secret is found nowhere that it may not be.

Random words stand for names, numbers, notes, passphrases and codes.  Every
command is run, in every format and both languages, also where it fails, and
everything it leaves is searched for each word in several encodings: the
register, journals, temporary files, backups, exports, the output of whoever
may not see it, and (under strace) every byte that it ever wrote to a file.
Where the reader may see a word the search must find it: so it works.
"""

import base64
import glob
import hashlib
import json
import os
import random
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time

from harness import (RUNXIN, PERMISSION, USAGE, CONFLICT, ABSENT, IO, OK,
                     environment, equal, id_number, main, once, run, spawn,
                     temp_dir, test, true, write_lines)

COUNTY, VILLAGE, OTHER = "350102", "350102001001", "350102001002"
TOWNSHIP, TOWNSHIP2 = "350102001", "350102002"
SHM = "/dev/shm"
SHM_OURS = SHM + "/runxin-??????"	# as the program names its folders there


# ---- words and the search ----

def encodings(word):
    """Every form in which the word is looked for."""
    found = set()
    for raw in (word.encode("utf-8"), word.encode("utf-16-le"),
                word.encode("utf-16-be")):
        found.add(raw)
        found.add(raw.hex().encode())
        found.add(raw.hex().upper().encode())
        for shift in range(3):
            # Only the characters that no neighbouring byte has a part in.
            text = base64.b64encode(b"\0" * shift + raw)
            start = (shift * 8 + 5) // 6
            end = (shift + len(raw)) * 8 // 6
            found.add(text[start:end])
            found.add(text[start:end].replace(b"+", b"-").replace(
                b"/", b"_"))
    escaped = json.dumps(word)[1:-1].encode()	# \uXXXX
    found.add(escaped)
    found.add(escaped.upper().replace(b"\\U", b"\\u"))
    return found


JOURNAL = bytes.fromhex("d9d505f920a163d7")


def journal_pieces(data):
    """A rollback journal: headers, page records, and what is behind them.

    None when it has another form; then it is cut like any file.
    """
    result, at = [], 0
    while data[at:at + 8] == JOURNAL:
        count = int.from_bytes(data[at + 8:at + 12], "big")
        sector = int.from_bytes(data[at + 20:at + 24], "big")
        size = int.from_bytes(data[at + 24:at + 28], "big") + 8
        if sector < 32 or size < 512:
            return None
        result.append(data[at:at + sector])
        at += sector
        if count in (0, 0xffffffff):	# not synced: to the end
            count = (len(data) - at) // size
        for _ in range(count):
            if at + size > len(data):
                break
            # Without the page's number and checksum: a page is known again.
            result.append(data[at + 4:at + size - 4])
            at += size
        at = (at + sector - 1) // sector * sector
    result.append(data[at:])
    return result


class Haystack:
    """Bytes to be searched, each piece once, however often it is seen."""

    STEP, OVERLAP = 4096, 1024

    def __init__(self):
        self.seen, self.parts, self.bytes, self.things = set(), [], 0, 0

    def add(self, data, what):
        self.things += 1
        self.bytes += len(data)
        for piece in self.pieces(data):
            h = hashlib.blake2b(piece, digest_size=16).digest()
            if h not in self.seen:
                self.seen.add(h)
                self.parts.append((piece, what))

    def pieces(self, data):
        """Pages of a database or its journal, else overlapping pieces.

        What lies across two pages is not in one piece in the file either.
        """
        step = 0
        if data.startswith(b"SQLite format 3\0"):
            step = int.from_bytes(data[16:18], "big")
        elif data.startswith(JOURNAL):
            cut = journal_pieces(data)
            if cut is not None:
                return cut
        if step >= 512:
            return [data[k:k + step] for k in range(0, len(data), step)]
        return [data[k:k + self.STEP + self.OVERLAP]
                for k in range(0, max(len(data), 1), self.STEP)]

    def search(self, words):
        """{label: where}: the words that are in it."""
        joined = b"\n".join(p for p, _ in self.parts)
        found = {}
        for label, word in words.items():
            for form in encodings(word):
                if form in joined:
                    found[label] = next((w for p, w in self.parts
                                         if form in p), "between pieces")
        return found


_rng = random.SystemRandom()


def chinese(n):
    return "".join(chr(_rng.randrange(0x4e00, 0x9f00)) for _ in range(n))


def digits(n):
    return "".join(_rng.choice("0123456789") for _ in range(n))


def token(prefix):
    return prefix + secrets.token_hex(8)


class Child:
    """One child, all of whose words are canaries."""

    def __init__(self, unit, tag):
        self.unit = unit
        self.identity = {
            "name": "欧" + chinese(6), "id_number": id_number(_rng, "2014-05"),
            "phone": "1" + digits(10), "address": chinese(8) + digits(6) + "号",
            "school": chinese(7) + "小学", "guardian_name": chinese(6),
            "guardian_phone": "1" + digits(10)}
        self.narrative = {
            "note": chinese(12), "note2": token("note-"), "need": chinese(9),
            "flag_reason": chinese(10), "authority": chinese(8),
            "reference": token("ref-")}
        self.coded = {k: token(tag + k + "-") for k in (
            "child", "observation", "urgent", "intervention", "flag",
            "report", "activity", "venue")}
        self.tag = tag

    def words(self, *kinds):
        return {"%s %s.%s" % (self.tag, kind, k): v for kind in kinds
                for k, v in getattr(self, kind).items()}

    def all(self):
        return self.words("identity", "narrative", "coded")

    def child_line(self):
        return dict(self.identity, type="child", id=self.coded["child"],
                    unit=self.unit, sex="f", birth="2014-05",
                    categories=["left_behind"], legal_basis="consent",
                    consent_by="guardian", consent_on="2025-03-01")

    def records(self, flagged):
        c, n = self.coded, self.narrative
        lines = [
            {"type": "observation", "id": c["observation"],
             "child": c["child"], "date": "2025-06-03",
             "channel": "home_visit", "signs": ["mood_low"], "risk": "yellow",
             "note": "前" * 300 + n["note"] + "后" * 500},
            {"type": "intervention", "id": c["intervention"],
             "child": c["child"], "date": "2025-06-10",
             "kind": "visit_condolence", "delivered": True,
             "face_to_face": True, "need": n["need"],
             "need_resolved_on": "2025-06-11", "note": n["note2"]},
            {"type": "report", "id": c["report"], "child": c["child"],
             "date": "2025-06-03", "situations": ["mr4_injury_violence"],
             "authority": n["authority"], "reference": n["reference"]},
            {"type": "activity", "id": c["activity"], "unit": self.unit,
             "date": "2025-06-01", "kind": "theme_activity",
             "venue": c["venue"], "held": True, "children": [c["child"]]}]
        if flagged:
            lines.append({"type": "flag", "id": c["flag"],
                          "child": c["child"], "date": "2025-06-04",
                          "reason": n["flag_reason"]})
        return lines


# ---- the scene ----

class Watch(threading.Thread):
    """Copies of whatever appears in the watched folders while tests run."""

    def __init__(self, folders):
        super().__init__(daemon=True)
        self.folders, self.stop = folders, False
        self.hay, self.names, self.known = Haystack(), set(), {}
        self.before_shm = set(glob.glob(SHM_OURS))
        self.lock = threading.Lock()

    def look(self):
        with self.lock:
            paths = []
            for folder in self.folders:
                for top, _, files in os.walk(folder):
                    paths += [os.path.join(top, f) for f in files]
            for folder in set(glob.glob(SHM_OURS)) - self.before_shm:
                paths += glob.glob(folder + "/*")
            for p in paths:
                try:
                    s = os.stat(p)
                    mark = (s.st_ino, s.st_size, s.st_mtime_ns)
                    if self.known.get(p) == mark:
                        continue
                    with open(p, "rb") as f:
                        data = f.read()
                except OSError:		# gone again
                    continue
                self.known[p] = mark
                self.names.add(os.path.basename(p))
                self.hay.add(data, p)

    def run(self):
        while not self.stop:
            self.look()
            time.sleep(0.003)


class Scene:
    pass


class Step:
    """A command that was run, and who read its output."""

    def __init__(self, reader, result):
        self.reader, self.result = reader, result


def strace_version():
    return shutil.which("strace") is not None and subprocess.run(
        ["strace", "-o", "/dev/null", "true"],
        stderr=subprocess.DEVNULL).returncode == 0


WRITE = re.compile(
    rb"^(?:\d+ +)?(?:write|pwrite64|writev|pwritev2?)\((\d+)<([^>]*)>, (.*)$")
OPEN = re.compile(
    rb'^(?:\d+ +)?(?:openat|open|creat)\((?:[^,"]*, )?"((?:\\x[0-9a-f]{2})*)"'
    rb'(.*)$')
RENAME = re.compile(
    rb'^(?:\d+ +)?(?:rename|renameat|renameat2|link|linkat)\((.*)\) = 0')
STRING = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
TRACED = ("trace=openat,open,creat,rename,renameat,renameat2,link,linkat,"
          "write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,"
          "mmap")


def unescape(b):
    return bytes.fromhex(b.replace(b"\\x", b"").decode())


class Trace:
    """What strace saw: names opened for writing, every byte written."""

    def __init__(self, folder):
        self.folder, self.n = folder, 0
        self.opened, self.hay, self.secret_hay = set(), Haystack(), Haystack()
        self.shared_maps = []

    def prefix(self):
        self.n += 1
        self.path = "%s/trace-%d" % (self.folder, self.n)
        return ["strace", "-f", "-y", "-xx", "-s", "4194304", "-e", TRACED,
                "-e", "signal=none", "-o", self.path]

    def read(self, recovery):
        with open(self.path, "rb") as f:
            for line in f:
                self.line(line, recovery)
        os.unlink(self.path)

    def line(self, line, recovery):
        m = WRITE.match(line)
        if m:
            fd, name = int(m.group(1)), self.name(m.group(2))
            data = b"".join(unescape(s) for s in STRING.findall(m.group(3)))
            true(b'"...' not in line, "strace cut a write short")
            if fd in (1, 2):
                return		# seen by the reader, judged there
            self.hay.add(data, "write to %s" % name)
            if os.path.dirname(name) != recovery:
                self.secret_hay.add(data, "write to %s" % name)
            return
        m = OPEN.match(line)
        if m and re.search(rb"O_WRONLY|O_RDWR|O_CREAT", m.group(2)) and \
                b"= -1" not in m.group(2):
            self.opened.add(unescape(m.group(1)).decode())
            return
        m = RENAME.match(line)
        if m:
            self.opened.add(unescape(STRING.findall(m.group(1))[-1]).decode())
        elif b"mmap(" in line and b"MAP_SHARED" in line and \
                b"PROT_WRITE" in line and b"MAP_ANONYMOUS" not in line:
            self.shared_maps.append(line)
        elif re.search(rb"sendfile\(|copy_file_range\(", line):
            self.shared_maps.append(line)

    @staticmethod
    def name(raw):
        if raw.startswith(b"\\x"):
            raw = unescape(raw)
        return raw.decode("utf-8", "replace")


@once
def scene():
    s = Scene()
    s.dir = temp_dir("runxin-canary-")
    for name in ("tmp", "run", "home", "out", "rec", "in", "trace"):
        os.mkdir(os.path.join(s.dir, name), 0o700)
    s.reg = s.dir + "/register"
    s.env = {"TMPDIR": s.dir + "/tmp", "XDG_RUNTIME_DIR": s.dir + "/run",
             "TMP": s.dir + "/tmp", "TEMP": s.dir + "/tmp",
             "SQLITE_TMPDIR": s.dir + "/tmp",
             "XDG_DATA_HOME": s.dir + "/home/data",
             "XDG_CACHE_HOME": s.dir + "/home/cache",
             "XDG_STATE_HOME": s.dir + "/home/state",
             "XDG_CONFIG_HOME": s.dir + "/home/config"}
    s.users = ("admin", "d1", "d2", "wide", "s1", "s2", "stat", "gone")
    s.pass_ = {u: token("pass-%s-" % u) + chinese(4) for u in s.users}
    s.more_pass = {"new d2": token("newpass-"), "wrong": token("wrong-")}
    s.c1, s.c2 = Child(VILLAGE, "c1"), Child(VILLAGE, "c2")
    s.c3 = Child(OTHER, "c3")		# another director's
    s.c4 = Child(VILLAGE, "c4")		# added one by one, then erased
    s.bad = Child(VILLAGE, "bad")	# never stored: lines that fail
    s.reasons = {k: token("why-%s-" % k) + chinese(4) for k in (
        "reveal", "accept", "close", "return", "erase", "stdin_flag")}
    s.steps, s.turn = [], 0
    s.strace = strace_version()
    s.trace = Trace(s.dir + "/trace")
    s.watch = Watch([s.reg, s.dir + "/tmp", s.dir + "/run", s.dir + "/home",
                     s.dir + "/out"])
    s.watch.start()
    play(s)
    s.watch.look()
    s.watch.stop = True
    s.watch.join()
    return s


def step(s, user, *command, rc=None, reader=None, passphrase=None, lang="zh",
         **more):
    """Run one command traced; its output is read by ${user}."""
    secret = passphrase or s.pass_.get(user)
    prefix = s.trace.prefix() if s.strace else ()
    r = run(s.reg, user, secret, *command, prefix=prefix,
            env=environment(s.dir + "/home", lang, s.env), **more)
    if s.strace:
        s.trace.read(s.dir + "/rec")
    s.steps.append(Step(reader or user or "nobody", r))
    if rc is not None:
        r.expect(rc)
    return r


def three(s, user, *command, rc=None, **more):
    """In Chinese, in English, as JSON."""
    step(s, user, *command, rc=rc, lang="zh", **more)
    step(s, user, "--lang", "en", *command, rc=rc, lang="en", **more)
    return step(s, user, "--json", *command, rc=rc, **more)


def turns(s, user, *command, rc=None, **more):
    """In one of the three ways, in turn."""
    s.turn = (s.turn + 1) % 3
    return step(s, user, *(((), ("--lang", "en"), ("--json",))[s.turn] +
                           command), rc=rc, lang=("zh", "en")[s.turn == 1],
                **more)


def play(s):
    """Every command of the interface, by everyone, also failing."""
    found(s)
    people(s)
    records(s)
    failures(s)
    reading(s)
    refusals(s)
    reviewing(s)
    exporting(s)
    books(s)
    at_last(s)


def found(s):
    step(s, "admin", "init", "--unit", COUNTY, "--name", "鼓楼区民政局",
         "--recovery-out", s.dir + "/rec/codes.txt", rc=OK)
    step(s, "admin", "init", "--unit", COUNTY, "--name", "x",
         "--recovery-out", s.dir + "/rec/codes.txt")
    with open(s.dir + "/rec/codes.txt", encoding="utf-8") as f:
        s.recovery_text = f.read()
    s.codes = {"code " + m[0]: m[1] for m in re.findall(
        r"(?m)^([ABC])\s+(\S+)\s*$", s.recovery_text)}
    equal(len(s.codes), 3, "custodian codes in the file")
    for label, code in list(s.codes.items()):
        s.codes[label + " bare"] = code.replace("-", "")
        s.codes[label + " small"] = code.lower()


def people(s):
    for user, role, unit in (
            ("d1", "director", VILLAGE), ("d2", "director", OTHER),
            ("wide", "director", COUNTY), ("s1", "supervisor", TOWNSHIP),
            ("s2", "supervisor", TOWNSHIP2), ("stat", "statistician", COUNTY),
            ("gone", "director", VILLAGE)):
        step(s, "admin", "user", "add", user, "--role", role, "--unit", unit,
             new=s.pass_[user], rc=OK)
    three(s, "admin", "user", "add", "d2", "--role", "director", "--unit",
          "350102001004")
    step(s, "admin", "user", "add", "d1", "--role", "king", "--unit", VILLAGE,
         rc=USAGE)
    three(s, "admin", "user", "list", rc=OK)
    three(s, "admin", "user", "disable", "gone")
    three(s, "gone", "child", "list")
    with open(s.dir + "/in/units.tsv", "w", encoding="utf-8") as f:
        f.write("code\tname\tlevel\tparent\n"
                "350102099000\t新街道\ttownship\t350102000000\n")
    three(s, "admin", "unit", "import", s.dir + "/in/units.tsv")
    three(s, "admin", "unit", "add", "350102099001", "新社区", "--level",
          "village", "--parent", "350102099000")
    three(s, "admin", "unit", "list", rc=OK)
    step(s, "d2", "passwd", new=s.more_pass["new d2"], rc=OK)
    step(s, "d2", "child", "list", rc=PERMISSION)	# the old one
    s.pass_old_d2, s.pass_["d2"] = s.pass_["d2"], s.more_pass["new d2"]
    three(s, "d2", "passwd", new="")			# empty


def records(s):
    path = s.dir + "/in/first.ndjson"
    write_lines(path, [s.c1.child_line(), s.c2.child_line()] +
                s.c1.records(True) + s.c2.records(False))
    step(s, "d1", "--json", "import", path, rc=OK)
    three(s, "d1", "import", path, rc=OK)		# all present
    other = s.dir + "/in/other.ndjson"
    write_lines(other, [s.c3.child_line()] + s.c3.records(True))
    step(s, "d2", "import", other, rc=OK)
    step(s, "d1", "child", "add", stdin=s.c4.child_line(), rc=OK)
    for record, command in zip(s.c4.records(True), (
            ("observe",), ("intervene",), ("report", "add"),
            ("activity", "add"), ("flag", "add"))):
        # The one record that the interface takes only by import or here.
        step(s, "d1", *command, stdin=record, lang="en", rc=OK)
        step(s, "d1", "--json", *command, stdin=record, rc=OK)
    step(s, "d1", "observe", stdin={
        "id": s.c1.coded["urgent"], "child": s.c1.coded["child"],
        "date": "2025-06-05", "channel": "talk", "signs": ["self_harm"],
        "risk": "red", "note": "x"}, rc=OK)


def failures(s):
    """Lines that fail, each full of canaries."""
    good = s.bad.child_line()
    wrong = [
        dict(good, id_number=s.bad.identity["id_number"][:-1] + (
            "0" if s.bad.identity["id_number"][-1] != "0" else "1")),
        dict(good, unit="350102002002"), dict(good, sex=s.bad.identity["name"]),
        dict(good, birth=s.bad.identity["phone"]),
        dict(good, categories=[s.bad.identity["school"]]),
        dict(good, **{s.bad.narrative["note2"]: 1}),
        dict(good, name=""), dict(good, name=s.bad.identity["name"] * 99),
        dict(good, consent_on=s.bad.identity["guardian_phone"]),
        dict(s.bad.records(False)[0], date=s.bad.narrative["reference"]),
        dict(s.bad.records(False)[0], child=s.bad.coded["flag"]),
        dict(s.bad.records(False)[3], children=[s.bad.coded["report"]]),
        dict(s.bad.records(False)[1], agency=s.bad.identity["address"]),
        dict(s.bad.records(False)[1], agency_type=s.bad.narrative["need"]),
        # A conflict: an id that is stored, with another content.
        dict(s.bad.child_line(), id=s.c1.coded["child"]),
        dict(s.c1.records(True)[0], note=s.bad.narrative["note"])]
    path = s.dir + "/in/bad.ndjson"
    for k, record in enumerate(wrong):
        write_lines(path, [record])
        r = step(s, "d1", "import", path, reader="complaint",
                 lang=("zh", "en")[k % 2])
        true(r.rc in (USAGE, PERMISSION, CONFLICT), "line %d was taken: %d" %
             (k, r.rc))
        command = {"child": ("child", "add"), "observation": ("observe",),
                   "intervention": ("intervene",),
                   "activity": ("activity", "add")}[record["type"]]
        r = step(s, "d1", *command, stdin=record, reader="complaint",
                 lang=("en", "zh")[k % 2])
        true(r.rc in (USAGE, PERMISSION, CONFLICT, ABSENT),
             "record %d was taken: %d" % (k, r.rc))
    with open(path, "w", encoding="utf-8") as f:
        f.write(json.dumps(good, ensure_ascii=False)[:-1] + "\n")
    step(s, "d1", "import", path, reader="complaint", rc=USAGE)
    with open(path, "wb") as f:
        f.write(json.dumps(good, ensure_ascii=False).encode("gb18030") + b"\n")
    step(s, "d1", "import", path, reader="complaint", rc=USAGE)
    with open(path, "w", encoding="utf-8") as f:
        f.write('"%s"\n' % s.bad.identity["name"])
    step(s, "d1", "import", path, reader="complaint", rc=USAGE)
    step(s, "d1", "import", s.dir + "/in/none.ndjson", rc=IO)
    three(s, "d1", "child", "list", passphrase=s.more_pass["wrong"],
          rc=PERMISSION)
    three(s, "nobody-here", "child", "list", passphrase=s.more_pass["wrong"],
          rc=PERMISSION)
    three(s, "d1", "nonsense", rc=USAGE)
    three(s, "d1", rc=USAGE)


def reading(s):
    c1, c2 = s.c1, s.c2
    three(s, "d1", "child", "list", rc=OK)
    three(s, "d1", "child", "list", "--flagged", "--due", rc=OK)
    s.d1_show = three(s, "d1", "child", "show", c1.coded["child"], rc=OK)
    s.d1_show_plain = step(s, "d1", "child", "show", c1.coded["child"])
    three(s, "d1", "child", "find", "--name", c1.identity["name"], rc=OK)
    three(s, "d1", "child", "find", "--id-number", c2.identity["id_number"],
          rc=OK)
    s.d1_find = step(s, "d1", "--json", "child", "find", "--id-number", "-",
                     stdin=c2.identity["id_number"] + "\n", rc=OK)
    three(s, "d1", "due", "--on", "2026-01-01", rc=OK)
    three(s, "d1", "review", "list", rc=OK)
    s.d1_flags = step(s, "d1", "--json", "review", "list", rc=OK)
    s.uuid1 = s.d1_show.json()["child"]["uuid"]
    three(s, "s1", "child", "list", rc=OK)
    three(s, "s1", "due", "--on", "2026-01-01", rc=OK)
    three(s, "s1", "review", "list", rc=OK)
    s.s1_show = three(s, "s1", "review", "show", c1.coded["flag"], rc=OK)
    s.s1_child = three(s, "s1", "child", "show", c1.coded["child"], rc=OK)


def refusals(s):
    """The same by those who may not; nothing personal in what they get."""
    c1 = s.c1
    for user, say in (("stat", three), ("admin", turns), ("s2", turns),
                      ("d2", turns)):
        say(s, user, "child", "show", s.uuid1)
        say(s, user, "child", "show", c1.coded["child"], "--reason", "看看")
        say(s, user, "child", "list")
        say(s, user, "child", "find", "--name", "欧")
        say(s, user, "due")
        say(s, user, "review", "list", "--all")
        say(s, user, "review", "show", c1.coded["flag"])
        say(s, user, "consent", "withdraw", s.uuid1)
        say(s, user, "child", "erase", s.uuid1, "--reason", "x")
        step(s, user, "observe", stdin={
            "child": s.uuid1, "date": "2025-06-05", "channel": "talk",
            "signs": [], "risk": "red", "note": "x"})
    c2 = three(s, "s1", "child", "show", s.c2.coded["child"], "--reason",
               "没有上报", reader="s2")
    equal(c2.rc, PERMISSION, "an unflagged case for the supervisor")


def reviewing(s):
    c1, why = s.c1, s.reasons
    s.s1_reveal = three(s, "s1", "review", "show", c1.coded["flag"],
                        "--reason", why["reveal"], rc=OK, reader="s1 reason")
    three(s, "s1", "child", "show", c1.coded["child"], "--reason",
          why["reveal"], rc=OK, reader="s1 reason")
    step(s, "s1", "review", "decide", c1.coded["flag"], "--decision",
         "accept", "--reason", why["accept"], rc=OK)
    step(s, "s1", "--json", "review", "decide", c1.coded["flag"],
         "--decision", "close", "--reason", why["close"], rc=OK)
    three(s, "s1", "review", "decide", c1.coded["flag"], "--decision",
          "close", "--reason", why["close"], rc=CONFLICT, reader="complaint")
    step(s, "s1", "--lang", "en", "review", "decide", c1.coded["urgent"],
         "--decision", "return", "--reason", why["return"], rc=OK)
    three(s, "s1", "review", "list", "--all", rc=OK)
    s.d1_after = step(s, "d1", "--json", "child", "show", c1.coded["child"],
                      rc=OK)
    three(s, "s1", "child", "show", c1.coded["child"], "--reason", "again",
          rc=PERMISSION, reader="s2")		# closed again


def exporting(s):
    s.exports = []
    for fmt in ("csv", "xlsx", "json"):
        for lang in ("zh", "en"):
            out = "%s/out/annex.%s.%s" % (s.dir, lang, fmt)
            step(s, "stat", "--lang", lang, "export", "annex", "--unit",
                 COUNTY, "--from", "2025-01-01", "--to", "2025-12-31",
                 "--format", fmt, "-o", out, rc=OK)
            s.exports.append(out)
            for count, by in (("children", "sex,age_band,category"),
                              ("observations", "township,sign"),
                              ("interventions", "village,month,kind")):
                out = "%s/out/%s.%s.%s" % (s.dir, count, lang, fmt)
                step(s, "stat", "--lang", lang, "export", "table", "--unit",
                     COUNTY, "--count", count, "--by", by, "--from",
                     "2025-01-01", "--to", "2025-12-31", "--format", fmt,
                     "-o", out)
                if os.path.exists(out):
                    s.exports.append(out)
    for user in ("admin", "d1", "s1"):
        three(s, user, "export", "annex", "--unit", COUNTY, "--from",
              "2025-01-01", "--to", "2025-12-31", "--format", "csv", "-o",
              s.dir + "/out/refused.csv")
    three(s, "stat", "release", "list", rc=OK)
    three(s, "stat", "release", "verify", rc=OK)
    three(s, "d1", "release", "list", rc=PERMISSION)
    step(s, "stat", "export", "annex", "--unit", VILLAGE, "--from",
         "2025-01-01", "--to", "2025-12-31", "--format", "csv", "-o",
         s.dir + "/out/fine.csv")


def books(s):
    three(s, "admin", "audit", "verify", rc=OK)
    three(s, "stat", "audit", "head", rc=OK)
    three(s, "admin", "audit", "verify", "--anchor", "1-00")
    backup = s.dir + "/out/backup.rx"
    step(s, "stat", "backup", "create", backup, rc=OK)
    three(s, "d1", "backup", "create", backup)	# it exists
    three(s, "stat", "backup", "verify", backup, rc=OK)
    three(s, "stat", "backup", "verify", s.dir + "/out/none")
    step(s, "d1", "backup", "restore", backup, s.dir + "/out/restored", rc=OK)
    three(s, "d1", "backup", "restore", backup, s.dir + "/out/restored")
    step(s, "d1", "backup", "verify", backup, passphrase=s.more_pass["wrong"],
         rc=PERMISSION)
    bundle = s.dir + "/out/bundle.rxb"
    step(s, "d1", "backup", "restore", backup, s.dir + "/out/copy", "--copy",
         "村", rc=OK)
    step(s, "d1", "bundle", "make", "--to", VILLAGE, bundle, rc=OK)
    three(s, "d1", "bundle", "make", "--to", VILLAGE, bundle, rc=CONFLICT)
    three(s, "d1", "bundle", "show", bundle, rc=OK)
    three(s, "d1", "bundle", "open", bundle, rc=OK)
    three(s, "s1", "bundle", "open", bundle, rc=PERMISSION)
    three(s, "d1", "bundle", "list", rc=OK)
    three(s, "d1", "user", "fingerprint", rc=OK)
    step(s, None, "demo", s.dir + "/out/demo", "--children", "6",
         "--observations", "20", "--seed", "7", passphrase=None)
    three(s, "d1", "serve", "--listen", "999.1.1.1:1")


def at_last(s):
    """Withdrawal and erasure end the story of a case."""
    step(s, "d1", "consent", "withdraw", s.c2.coded["child"], "--by",
         "guardian", rc=OK)
    three(s, "d1", "consent", "withdraw", s.c2.coded["venue"])
    three(s, "d1", "child", "erase", s.c4.coded["venue"], "--reason", "x",
          reader="complaint")
    step(s, "d1", "--json", "child", "erase", s.c4.coded["child"], "--reason",
         s.reasons["erase"], rc=OK)
    three(s, "d1", "child", "show", s.c4.coded["child"], rc=ABSENT,
          reader="complaint")
    three(s, "d1", "audit", "verify", rc=OK)


def personal(s):
    words = {"reason " + k: v for k, v in s.reasons.items()}
    for c in (s.c1, s.c2, s.c3, s.c4, s.bad):
        words.update(c.all())
    return words


def secret(s):
    words = {"passphrase of " + u: p for u, p in s.pass_.items()}
    words.update(("passphrase " + k, v) for k, v in s.more_pass.items())
    words["old passphrase of d2"] = s.pass_old_d2
    words.update(s.codes)
    return words


def nothing(hay, words, what):
    true(hay.things > 0 and hay.bytes > 0, "%s: nothing was searched" % what)
    found = hay.search(words)
    true(not found, "%s: found %r" % (what, found))
    print("     %s: %d things, %d bytes (%d different), %d words: clean" % (
        what, hay.things, hay.bytes, sum(len(p) for p, _ in hay.parts),
        len(words)))


# ---- controls: the search finds what is there ----

@test
def test_control_search_finds_a_word_in_every_encoding():
    folder = temp_dir()
    for word in ("欧" + chinese(6), token("note-"), "1" + digits(10)):
        u8 = word.encode()
        planted = [("utf-8", u8), ("utf-16le", word.encode("utf-16-le")),
                   ("utf-16be", word.encode("utf-16-be")),
                   ("hex", u8.hex().encode()),
                   ("HEX", u8.hex().upper().encode()),
                   ("json", json.dumps(word).encode())]
        for shift in range(3):
            noise = secrets.token_bytes(3 + shift)
            planted.append(("base64+%d" % shift, base64.b64encode(
                noise + u8 + secrets.token_bytes(5))))
            planted.append(("base64url+%d" % shift, base64.urlsafe_b64encode(
                noise + u8 + secrets.token_bytes(5))))
        for name, data in planted:
            for place in (0, 4090, 4096, 70001):
                path = folder + "/planted"
                with open(path, "wb") as f:
                    f.write(secrets.token_bytes(place) + data +
                            secrets.token_bytes(777))
                watch = Watch([folder])
                watch.look()
                equal(list(watch.hay.search({"w": word})), ["w"],
                      "%s at %d" % (name, place))
                equal(watch.hay.search({"w": token("other-")}), {},
                      "found what is not there")


@test
def test_control_readers_who_may_see_do_see():
    s = scene()
    show = Haystack()
    show.add(s.d1_show.out, "d1")
    c1 = dict(s.c1.words("identity", "narrative", "coded"))
    c1.pop("c1 coded.venue"), c1.pop("c1 coded.activity")	# no case's
    equal(set(show.search(c1)), set(c1), "the director's own case as JSON")
    show = Haystack()
    show.add(s.d1_show_plain.out, "d1")
    want = s.c1.words("identity", "narrative")
    equal(set(show.search(want)), set(want), "the director's own case")
    find = Haystack()
    find.add(s.d1_find.out, "d1")
    true("c2 identity.name" in find.search(s.c2.words("identity")), "find")
    after = Haystack()
    after.add(s.d1_after.out, "d1")
    got = after.search({k: s.reasons[k] for k in ("accept", "close")})
    equal(set(got), {"accept", "close"}, "what the reviewer wrote")


@test
def test_control_supervisor_sees_the_story_and_the_name_with_a_reason():
    s = scene()
    story = {k: v for k, v in s.c1.words("narrative").items()}
    for result in (s.s1_show, s.s1_child):
        hay = Haystack()
        hay.add(result.out, "s1")
        equal(set(hay.search(story)), set(story), "the story")
        equal(hay.search(s.c1.words("identity")), {}, "identity, no reason")
    hay = Haystack()
    hay.add(s.s1_reveal.out, "s1")
    want = s.c1.words("identity")
    equal(set(hay.search(want)), set(want), "identity, with a reason")


@test
def test_control_codes_are_in_the_recovery_file():
    s = scene()
    hay = Haystack()
    hay.add(s.recovery_text.encode(), "codes")
    equal(set(hay.search(s.codes)) & {"code A", "code B", "code C"},
          {"code A", "code B", "code C"}, "codes")


# ---- nothing in files ----

@test
def test_no_word_in_any_file_that_is_left():
    s = scene()
    hay = Haystack()
    count = 0
    for top, _, files in os.walk(s.dir):
        if top.startswith((s.dir + "/in", s.dir + "/rec")):
            continue
        for name in files:
            with open(os.path.join(top, name), "rb") as f:
                hay.add(f.read(), os.path.join(top, name))
            count += 1
    for want in ("register/content.db", "register/keys.db", "out/backup.rx",
                 "out/backup.rx.keys", "out/restored/content.db",
                 "out/annex.zh.xlsx", "out/annex.zh.csv", "out/bundle.rxb",
                 "out/copy/content.db"):
        true(os.path.exists(os.path.join(s.dir, want)), want + " is missing")
    nothing(hay, dict(personal(s), **secret(s)), "%d files left" % count)


@test
def test_no_word_in_the_parts_of_a_workbook():
    import zipfile
    s = scene()
    hay = Haystack()
    for path in glob.glob(s.dir + "/out/*.xlsx"):
        with zipfile.ZipFile(path) as z:
            for name in z.namelist():
                hay.add(z.read(name), path + ":" + name)
    nothing(hay, dict(personal(s), **secret(s)), "workbook parts")


@test
def test_no_word_in_journals_and_files_that_came_and_went():
    s = scene()
    true(any(n.endswith("-journal") for n in s.watch.names),
         "no journal was ever seen: %r" % sorted(s.watch.names))
    nothing(s.watch.hay, dict(personal(s), **secret(s)),
            "%d names seen while commands ran" % len(s.watch.names))


@test
def test_nothing_is_left_in_temporary_folders():
    s = scene()
    for folder in ("tmp", "run", "home"):
        left = [os.path.join(t, f) for t, _, fs in os.walk(
            os.path.join(s.dir, folder)) for f in fs]
        equal(left, [], folder)
    # Another runxin may be at work on this machine: strace knows ours.
    made = {os.path.dirname(p) for p in s.trace.opened if p.startswith(SHM)} \
        if s.strace else set(glob.glob(SHM_OURS)) - s.watch.before_shm
    true(made or not s.strace, "no workbook was made in " + SHM)
    equal([p for p in made if os.path.exists(p)], [], SHM)


@test
def test_no_word_in_any_byte_ever_written_to_a_file():
    s = scene()
    if not s.strace:
        print("     SKIPPED: no strace here; what was written to files that "
              "came and went between two looks was not seen")
        return
    true(s.trace.shared_maps == [], "written otherwise than by write: %r" %
         s.trace.shared_maps[:3])
    nothing(s.trace.hay, personal(s), "writes seen by strace")
    nothing(s.trace.secret_hay, secret(s), "writes outside the recovery file")
    found = s.trace.hay.search(s.codes)
    true({"code A", "code B", "code C"} <= set(found),
         "control: the recovery file's own write was not seen: %r" % found)


@test
def test_every_file_opened_for_writing_is_where_it_should_be():
    s = scene()
    if not s.strace:
        print("     SKIPPED: no strace here")
        return
    fine = (s.reg, s.dir + "/out", s.dir + "/rec", s.dir + "/tmp",
            s.dir + "/run", s.dir + "/home", SHM + "/runxin-")
    odd = {p for p in s.trace.opened if not os.path.normpath(os.path.join(
        os.getcwd(), p)).startswith(fine) and p not in (
            "/dev/null", "/dev/tty")}
    equal(odd, set(), "opened for writing")
    true(any(p.endswith("-journal") for p in s.trace.opened),
         "no journal was opened: strace saw nothing?")


# ---- nothing on the screen of whoever may not see it ----

def may_see(s, reader):
    """The words that this reader may see; the rest must not appear."""
    own = {}
    if reader == "d1":
        for c in (s.c1, s.c2, s.c4):
            own.update(c.all())
        own.update({"reason " + k: v for k, v in s.reasons.items()})
    elif reader == "d2":
        own.update(s.c3.all())
    elif reader in ("s1", "s1 reason"):
        # Coded data of all his villages, the story of the flagged case.
        for c in (s.c1, s.c2, s.c3, s.c4):
            own.update(c.words("coded"))
        own.update(s.c1.words("narrative"))
        if reader == "s1 reason":
            own.update(s.c1.words("identity"))
    return own


@test
def test_no_word_on_the_screen_of_whoever_may_not_see_it():
    s = scene()
    readers = {}
    for st in s.steps:
        hay = readers.setdefault(st.reader, Haystack())
        what = "%s: %s" % (st.reader, " ".join(st.result.argv))
        hay.add(st.result.out, what)
        hay.add(st.result.err, what)
    for who in ("admin", "stat", "d1", "d2", "s1", "s2", "complaint",
                "s1 reason"):
        true(who in readers, "nobody played " + who)
    for who, hay in sorted(readers.items()):
        allowed = set(may_see(s, who))
        words = {k: v for k, v in personal(s).items() if k not in allowed}
        words.update(secret(s))
        nothing(hay, words, "screen of " + who)


@test
def test_no_word_in_any_error():
    s = scene()
    hay, errors = Haystack(), 0
    for st in s.steps:
        hay.add(st.result.err, " ".join(st.result.argv))
        errors += st.result.rc != 0
        if st.result.rc != 0:
            equal(st.result.out, b"", "output of a failed command: " +
                  " ".join(st.result.argv))
    true(errors > 60, "only %d commands failed" % errors)
    nothing(hay, dict(personal(s), **secret(s)), "%d errors" % errors)


# ---- a crash in the middle ----

@once
def crashed():
    """A register in which an import was killed, over and over."""
    c = Scene()
    c.dir = temp_dir("runxin-crash-")
    os.mkdir(c.dir + "/in")
    c.reg = c.dir + "/register"
    c.secret = {u: token(u + "-") for u in ("admin", "d1")}
    run(c.reg, "admin", c.secret["admin"], "init", "--unit", COUNTY, "--name",
        "x", "--recovery-out", c.dir + "/in/codes").expect()
    run(c.reg, "admin", c.secret["admin"], "user", "add", "d1", "--role",
        "director", "--unit", VILLAGE, new=c.secret["d1"]).expect()
    c.first = Child(VILLAGE, "first")
    write_lines(c.dir + "/in/first", [c.first.child_line()] +
                c.first.records(True))
    run(c.reg, "d1", c.secret["d1"], "import", c.dir + "/in/first").expect()
    c.many = [Child(VILLAGE, "m%d" % k) for k in range(80)]
    lines = []
    for m in c.many:
        lines.append(m.child_line())
        lines += m.records(True)
        lines += [{"type": "observation", "id": token("o-"),
                   "child": m.coded["child"], "date": "2025-06-03",
                   "channel": "talk", "signs": [], "risk": "green",
                   "note": m.narrative["note"] * 20} for _ in range(10)]
    write_lines(c.dir + "/in/many", lines)
    c.words = c.first.all()
    for m in (c.many[0], c.many[40], c.many[-1]):
        c.words.update(m.all())
    c.words.update(("passphrase of " + k, v) for k, v in c.secret.items())
    c.hay = Haystack()
    c.hot = 0
    return c


def after_crash(c):
    """Search what the killed program left; then the register must open."""
    names = os.listdir(c.reg)
    journal = [n for n in names if "journal" in n and os.path.getsize(
        os.path.join(c.reg, n)) > 512]
    c.hot += bool(journal)
    for n in names:
        with open(os.path.join(c.reg, n), "rb") as f:
            c.hay.add(f.read(), n)
    got = run(c.reg, "d1", c.secret["d1"], "--json", "child", "list") \
        .expect().json()
    run(c.reg, "d1", c.secret["d1"], "audit", "verify").expect()
    return len(got)


@test
def test_import_killed_while_its_journal_stands_leaves_nothing():
    c = crashed()
    path, killed = c.reg + "/content.db-journal", 0
    for attempt in range(12):
        p, _ = spawn(c.reg, "d1", c.secret["d1"], "import", c.dir + "/in/many")
        try:
            while p.poll() is None:
                try:
                    if os.stat(path).st_size > 4096:
                        time.sleep(0.002 * attempt)
                        break
                except OSError:
                    pass
            p.send_signal(signal.SIGKILL)
            p.communicate()
        finally:
            if p.poll() is None:
                p.kill()
        killed += p.returncode == -signal.SIGKILL
        if after_crash(c) != 1:
            break			# it was too late: all is stored
    true(killed > 0, "the import was never caught in the middle")
    nothing(c.hay, c.words, "%d kills, %d hot journals" % (killed, c.hot))


@test
def test_import_killed_at_each_sync_leaves_nothing_and_recovers():
    c = crashed()
    if not strace_version():
        print("     SKIPPED: no strace here")
        return
    # Undo what the test above may have stored: a register of its own.
    before = None
    killed = 0
    for call in ("fsync", "fdatasync", "unlink"):
        for when in range(1, 9):
            copy = c.reg + "-copy"
            shutil.rmtree(copy, True)
            if before is None:
                before = c.dir + "/fresh"
                fresh(c, before)
            shutil.copytree(before, copy)
            r = run(copy, "d1", c.secret["d1"], "import", c.dir + "/in/many",
                    prefix=["strace", "-f", "-o", "/dev/null", "-e",
                            "trace=" + call, "-e", "inject=%s:signal=SIGKILL:"
                            "when=%d" % (call, when)])
            if r.rc == 0:
                break
            killed += 1
            saved, c.reg = c.reg, copy
            try:
                n = after_crash(c)
            finally:
                c.reg = saved
            true(n in (1, 1 + len(c.many)), "%s %d: half an import: %d" % (
                call, when, n))
    true(killed >= 3, "killed only %d times" % killed)
    true(c.hot > 0, "no hot journal was ever left")
    nothing(c.hay, c.words, "%d kills, %d hot journals" % (killed, c.hot))


def fresh(c, folder):
    """A register with the first case only, made like crashed()."""
    run(folder, "admin", c.secret["admin"], "init", "--unit", COUNTY,
        "--name", "x", "--recovery-out", c.dir + "/in/codes2").expect()
    run(folder, "admin", c.secret["admin"], "user", "add", "d1", "--role",
        "director", "--unit", VILLAGE, new=c.secret["d1"]).expect()
    run(folder, "d1", c.secret["d1"], "import", c.dir + "/in/first").expect()


if __name__ == "__main__":
    main()
