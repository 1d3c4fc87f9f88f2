"""The command line, held to the contract: commands, options, exit codes, the
one line of an error, and every kind of input that must be refused."""

import concurrent.futures
import datetime
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import termios
import time
import unicodedata

from harness import (ABSENT, COLUMNS, CONFLICT, CORRUPT, INTERNAL, IO, OK,
                     PERMISSION, RUNXIN, USAGE, environment, equal, main,
                     once, run, spawn, temp_dir, test, true)

COUNTY = "350102"
TOWN = "350102001"
VILLAGE, OTHER = "350102001001", "350102001002"
TODAY = datetime.date.today()
TOMORROW = (TODAY + datetime.timedelta(days=1)).isoformat()
TODAY = TODAY.isoformat()
LANGS = ("zh", "en")
WHO = {u: "a passphrase of " + u for u in
       ("admin", "dir", "dir2", "sup", "sup2", "stat", "wide")}

COMMANDS = [
    "init", "unit import", "unit add", "unit list", "user add", "user list",
    "user disable", "passwd", "import", "child add", "child list",
    "child show", "child find", "child erase", "child transfer",
    "transfer list", "transfer accept", "transfer reject", "transfer withdraw",
    "observe", "intervene",
    "activity add", "flag add", "report add", "consent withdraw",
    "consent give", "due", "review list", "review show", "review decide",
    "export annex", "export table", "release list", "release verify",
    "audit verify", "audit head", "audit countersign", "audit anchors",
    "audit list", "backup create", "backup verify",
    "backup restore", "serve", "demo"]

CHILD = {"type": "child", "id": "n1", "unit": VILLAGE, "name": "例新",
         "sex": "f", "birth": "2014-05", "categories": ["left_behind"],
         "legal_basis": "consent"}
RECORDS = {
    "child": CHILD,
    "observation": {"type": "observation", "id": "no1", "child": "k1",
                    "date": "2025-06-03", "channel": "home_visit",
                    "signs": ["mood_low"], "risk": "yellow", "note": "演示"},
    "intervention": {"type": "intervention", "id": "ni1", "child": "k1",
                     "date": "2025-06-10", "kind": "visit_condolence",
                     "delivered": True, "face_to_face": True,
                     "amount_fen": 0, "agency": None, "need": None,
                     "need_resolved_on": None, "professional": False,
                     "note": "演示"},
    "activity": {"type": "activity", "id": "na1", "unit": VILLAGE,
                 "date": "2025-06-01", "kind": "theme_activity",
                 "venue": "儿童之家", "agency": None, "held": True,
                 "children": ["k1"]},
    "flag": {"type": "flag", "id": "nf1", "child": "k1",
             "date": "2025-06-03", "reason": "演示"},
    "report": {"type": "report", "id": "nm1", "child": "k1",
               "date": "2025-06-03", "situations": ["mr4_injury_violence"],
               "authority": "police", "reference": "演示"},
    "consent": {"type": "consent", "id": "nw1", "child": "k1",
                "date": "2025-07-01", "state": "withdrawn",
                "by": "guardian"},
}
REQUIRED = {
    "child": ["unit", "name", "sex", "birth", "categories", "legal_basis"],
    "observation": ["child", "date", "channel", "signs", "risk"],
    "intervention": ["child", "date", "kind", "delivered"],
    "activity": ["unit", "date", "kind", "held"],
    "flag": ["child", "date", "reason"],
    "report": ["child", "date", "situations", "authority"],
    "consent": ["child", "date", "state"],
}


def dump(value):
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def having(of, /, **changes):
    """The good record of a type, changed."""
    return dict(RECORDS[of], **changes)


def lacking(of, key):
    r = dict(RECORDS[of])
    del r[key]
    return r


def as_user(register, user, *command, **more):
    return run(register, user, WHO[user], *command, **more)


def refused(result, code, *words):
    """One line of error in good order, nothing on stdout."""
    result.expect(code)
    equal(result.out, b"", "stdout of a failure")
    line = result.complaint
    true(line.endswith("\n") and line.count("\n") == 1, "one line: %r" % line)
    true(len(line.strip()) > len("runxin: "), "an empty error")
    true(not re.search(r"\{[a-z_]+\}", line), "a placeholder: %r" % line)
    for w in words:
        true(w in line, "%r is not in %r" % (w, line))
    return line


def done(result):
    result.expect(OK)
    equal(result.err, b"", "stderr of a success")
    return result


def hashes(register):
    out = {}
    for name in sorted(os.listdir(register)):
        with open(os.path.join(register, name), "rb") as f:
            out[name] = hashlib.sha256(f.read()).hexdigest()
    return out


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def copy_of(register):
    to = os.path.join(temp_dir(), "register")
    shutil.copytree(register, to)
    return to


@once
def scratch():
    return temp_dir()


def new_register(unit=COUNTY):
    d = temp_dir()
    register = os.path.join(d, "register")
    done(run(register, "admin", WHO["admin"], "init", "--unit", unit,
             "--name", "演示管理员", "--recovery-out",
             os.path.join(d, "codes.txt")))
    return register


@once
def base():
    """A register with people and one child, k1."""
    register = new_register()
    for user, role, unit in (
            ("dir", "director", VILLAGE), ("dir2", "director", OTHER),
            ("sup", "supervisor", TOWN), ("stat", "statistician", COUNTY)):
        done(as_user(register, "admin", "user", "add", user, "--role", role,
                     "--unit", unit, new=WHO[user]))
    # Everybody signs in once, so that no key is pending afterwards.
    for user in ("dir", "dir2", "sup", "stat", "dir", "admin"):
        done(as_user(register, user, "audit", "head"))
    done(as_user(register, "dir", "child", "add",
                 stdin=having("child", id="k1", name="例一")))
    return register


@once
def busy():
    """A copy of it in which something has happened."""
    register = copy_of(base())
    lines = [having("observation", id="o1", risk="red", date="2025-06-03"),
             having("flag", id="f1"),
             having("intervention", id="i1"), having("activity", id="a1")]
    path = put(os.path.join(scratch(), "busy.ndjson"),
               b"\n".join(dump(x) for x in lines) + b"\n")
    done(as_user(register, "dir", "import", path))
    return register


# ---- help, manual, messages ----

@test
def test_help_needs_nothing_and_works_in_both_languages():
    top = {}
    for lang in LANGS:
        for argv in (("--help",), ("-h",), ("--lang", lang, "--help")):
            top[lang] = done(run(None, None, None, *argv,
                                 env=environment("/nonexistent", lang))).text
        for c in COMMANDS:
            true(re.search(r"^  %s  " % re.escape(c.ljust(16)), top[lang],
                           re.M), "%s is not in the help" % c)
            text = done(run(None, None, None, *c.split(), "--help",
                            "--lang", lang)).text
            true(("runxin " + c) in text, c)
            true("--passphrase-fd" in text, c)
            true((lang == "zh") == bool(re.search("[\u4e00-\u9fff]{4}",
                                                  text)), (lang, c))
    true(top["zh"] != top["en"], "two languages")
    for family in sorted({c.split()[0] for c in COMMANDS if " " in c}):
        text = done(run(None, None, None, family, "--help")).text
        true(family in text, family)


@test
def test_help_of_import_lists_every_key_of_every_type():
    for lang in LANGS:
        text = done(run(None, None, None, "import", "--help", "--lang",
                        lang)).text
        parts = dict(re.findall(r'^"type":"(\w+)" .*\n((?:  .*\n)+)', text,
                                re.M))
        equal(set(parts), set(RECORDS), "types")
        for t, record in RECORDS.items():
            keys = set(re.findall(r"^  [ *] (\w+)", parts[t], re.M))
            true(set(record) - {"type"} <= keys, (t, keys))
        true("suicide_attempt" in parts["observation"], "its codes")
    example = json.loads(re.search(r"^  (\{.*\})$", text, re.M).group(1))
    r, file = copy_of(base()), os.path.join(temp_dir(), "example.ndjson")
    put(file, dump(dict(example, child="k1")) + b"\n")
    equal(done(as_user(r, "dir", "--json", "import", file)).json()
          ["observation"], 1, "the example of the help")


def options_of(command):
    text = done(run(None, None, None, *command.split(), "--help",
                    "--lang", "en")).text
    usage = text.split("\n", 1)[0]
    return set(re.findall(r"--[a-z-]+|-o\b", usage))


@test
def test_options_of_the_contract_exist():
    want = {
        "init": "--unit --name --recovery-out",
        "unit add": "--level --parent",
        "user add": "--role --unit --new-passphrase-fd",
        "passwd": "--new-passphrase-fd",
        "child list": "--flagged --due", "child find": "--id-number --name",
        "child erase": "--reason", "due": "--on",
        "review decide": "--decision --reason",
        "export annex": "--unit --from --to --format -o",
        "export table": "--unit --count --by --from --to --format -o",
        "serve": "--listen", "demo": "--children --observations --seed"}
    for command, options in want.items():
        missing = set(options.split()) - options_of(command)
        true(not missing, "%s lacks %s" % (command, missing))


@test
def test_manual_has_every_command_and_option():
    page = subprocess.run(
        ["mandoc", "-Tascii", "src/cli/runxin.1"], stdout=subprocess.PIPE,
        check=True).stdout.decode()
    page = re.sub(".\b", "", page)
    flat = re.sub(r"\s+", " ", page)
    for c in COMMANDS:
        true(re.search(r"^     %s( |$)" % c, page, re.M),
             "%s is not in the manual" % c)
        for o in options_of(c):
            true(o in flat, "%s of %s is not in the manual" % (o, c))
    for o in ("-r ", "-u ", "--register", "--user", "--passphrase-fd",
              "--lang", "--json", "--help", "--version", "RUNXIN_REGISTER",
              "RUNXIN_LANG"):
        true(o in flat, "%s is not in the manual" % o)
    for n in range(8):
        true(re.search(r"^ +%d +[A-Z]" % n, page, re.M), "exit %d" % n)


@test
def test_manual_passes_lint():
    p = subprocess.run(["mandoc", "-Tlint", "-Wwarning", "src/cli/runxin.1"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(p.stdout, b"", "mandoc")


@test
def test_messages_have_the_same_placeholders_in_both_languages():
    with open("src/base/messages.def", encoding="utf-8") as f:
        text = f.read()
    found = re.findall(
        r'^MSG\((\w+), ((?:"(?:[^"\\]|\\.)*"\s*)+), '
        r'((?:"(?:[^"\\]|\\.)*"\s*)+)\)', text, re.M)
    equal(len(found), len(re.findall(r"^MSG\(", text, re.M)), "messages read")
    for name, zh, en in found:
        equal(sorted(set(re.findall(r"\{\w+\}", zh))),
              sorted(set(re.findall(r"\{\w+\}", en))), name)


@test
def test_version():
    true(re.fullmatch(r"runxin \d+\.\d+\.\d+\n", done(
        run(None, None, None, "--version")).text), "version")


# ---- usage ----

def usage_errors():
    yield "no command", ()
    yield "unknown command", ("fly",)
    yield "half a command", ("child",)
    yield "wrong half", ("child", "fly")
    yield "unknown option", ("child", "list", "--fly")
    yield "unknown letter", ("child", "list", "-x")
    yield "unknown global", ("--fly", "child", "list")
    yield "missing value", ("-r",)
    yield "missing value after", ("child", "list", "-u")
    yield "empty register", ("-r", "", "child", "list")
    yield "empty user", ("-u", "", "child", "list")
    yield "value for a switch", ("child", "list", "--due=yes")
    yield "option twice", ("due", "--on", TODAY, "--on", TODAY)
    yield "too many operands", ("child", "list", "x")
    yield "missing operand", ("child", "show")
    yield "missing operand of two", ("backup", "restore", "x")
    yield "unknown language", ("--lang", "fr", "child", "list")
    yield "no user", ("child", "list")
    yield "descriptor is text", ("-u", "dir", "--passphrase-fd", "x",
                                 "child", "list")
    yield "descriptor is negative", ("-u", "dir", "--passphrase-fd", "-1",
                                     "child", "list")
    yield "descriptor is closed", ("-u", "dir", "--passphrase-fd", "99",
                                   "child", "list")
    yield "huge descriptor", ("-u", "dir", "--passphrase-fd", "9" * 30,
                              "child", "list")
    yield "no terminal", ("-u", "dir", "child", "list")
    yield "a line feed", ("fl\ny",)
    yield "an escape", ("\033[31mfly",)
    yield "not UTF-8", (b"\xff\xfe",)
    yield "a long word", ("x" * 100000,)
    for o in ("--unit", "--name", "--recovery-out"):
        full = {"--unit": COUNTY, "--name": "x",
                "--recovery-out": "/nonexistent/x"}
        del full[o]
        yield "init without " + o, ("-u", "a", "init") + tuple(
            w for kv in full.items() for w in kv)
    for unit in ("", "1", "35010", "3501020", "35010200100", "3501020010010",
                 "abcdef", "350102-SELF", "000000", "350102000001", "350100-"):
        yield "init of unit %r" % unit, (
            "-u", "a", "init", "--unit", unit, "--name", "x",
            "--recovery-out", "x")
    yield "role", ("-u", "admin", "user", "add", "x", "--role", "king",
                   "--unit", COUNTY)
    yield "administrator role", ("-u", "admin", "user", "add", "x", "--role",
                                 "administrator", "--unit", COUNTY)
    yield "user add without role", ("-u", "admin", "user", "add", "x",
                                    "--unit", COUNTY)
    yield "user add of no unit", ("-u", "admin", "user", "add", "x",
                                  "--role", "director", "--unit", "x")
    yield "user add closed", ("-u", "admin", "user", "add", "x", "--role",
                              "director", "--unit", COUNTY,
                              "--new-passphrase-fd", "77")
    yield "passwd closed", ("-u", "x", "passwd", "--new-passphrase-fd", "77")
    for d in ("2025-02-30", "2025-13-01", "x", "", "2025-6-3", "20250603"):
        yield "due on %r" % d, ("-u", "dir", "due", "--on", d)
        yield "withdraw on %r" % d, ("-u", "dir", "consent", "withdraw",
                                     "k1", "--on", d)
    yield "find nothing", ("-u", "dir", "child", "find")
    yield "find both", ("-u", "dir", "child", "find", "--name", "x",
                        "--id-number", "y")
    yield "erase without reason", ("-u", "dir", "child", "erase", "k1")
    yield "erase, empty reason", ("-u", "dir", "child", "erase", "k1",
                                  "--reason", "")
    yield "erase, blank reason", ("-u", "dir", "child", "erase", "k1",
                                  "--reason", " ")
    yield "decide without reason", ("-u", "sup", "review", "decide", "f1",
                                    "--decision", "accept")
    yield "decide, blank reason", ("-u", "sup", "review", "decide", "f1",
                                   "--decision", "accept", "--reason", " ")
    yield "decide what", ("-u", "sup", "review", "decide", "f1",
                          "--decision", "burn", "--reason", "x")
    good = {"--unit": COUNTY, "--from": "2025-01-01", "--to": "2025-06-30",
            "--format": "csv", "-o": os.path.join(scratch(), "unused")}
    table = dict(good, **{"--count": "children", "--by": "sex"})

    def export(what, options):
        return ("-u", "stat", "export", what) + tuple(
            w for kv in options.items() for w in kv)
    for what, full in (("annex", good), ("table", table)):
        for o in full:
            yield "%s without %s" % (what, o), export(
                what, {k: v for k, v in full.items() if k != o})
        for o, v in (("--unit", "x"), ("--from", "2025-02-30"),
                     ("--to", "x"), ("--format", "pdf"), ("--format", ""),
                     ("--from", "2025-07-01")):
            yield "%s %s %r" % (what, o, v), export(what, dict(full,
                                                               **{o: v}))
    for o, v in (("--count", "activities"), ("--by", "name"), ("--by", ""),
                 ("--by", "sex,sex"), ("--by", "sex,"), ("--by", ",sex"),
                 ("--threshold", "2"), ("--threshold", "x"),
                 ("--threshold", "-5")):
        yield "table %s %r" % (o, v), export("table", dict(table, **{o: v}))
    for o in ("--children", "--observations", "--seed"):
        for v in ("-1", "x", "1.5", "", " 1", "1e3", "9" * 25):
            yield "demo %s %r" % (o, v), (
                "demo", os.path.join(scratch(), "no-demo"), o, v)
    yield "demo of nobody", ("demo", os.path.join(scratch(), "no-demo"),
                             "--children", "0")
    yield "demo of too many", ("demo", os.path.join(scratch(), "no-demo"),
                               "--children", "10001")
    yield "serve nowhere", ("serve", "--listen")
    for where in ("", "x", "127.0.0.1", ":8080", "127.0.0.1:", "127.0.0.1:x",
                  "127.0.0.1:65536", "127.0.0.1:-1", "0.0.0.0:8080"):
        yield "serve at %r" % where, ("serve", "--listen", where)
    yield "serve, half of TLS", ("serve", "--tls-cert", "x")
    yield "serve, no idle time", ("serve", "--idle", "0")


@test
def test_usage_errors_are_2_and_one_line_in_both_languages():
    bad = []
    for name, argv in usage_errors():
        for lang in LANGS:
            # No terminal: a prompt must not wait.
            p = subprocess.run(
                [RUNXIN, *argv], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                env=environment(scratch(), lang), start_new_session=True)
            lines = p.stderr.decode("utf-8").splitlines()
            if p.returncode != USAGE or p.stdout or len(lines) != 1 or \
                    not lines[0].startswith("runxin: ") or \
                    not p.stderr.endswith(b"\n") or \
                    (lang == "zh") != bool(re.search("[\u4e00-\u9fff]",
                                                     lines[0])) or \
                    re.search(r"\{[a-z_]+\}", lines[0]) or \
                    re.search("[\x00-\x1f\x7f]", lines[0]):
                bad.append((name, lang, p.returncode, p.stdout, lines))
    equal(bad, [], "usage")
    true(not os.path.exists(os.path.join(scratch(), "no-demo")), "no demo")


@test
def test_global_options_stand_before_or_after_the_command():
    r = base()
    want = done(as_user(r, "dir", "--json", "child", "list")).json()
    for argv in (["child", "list", "-r", r, "-u", "dir", "--json",
                  "--passphrase-fd", "%d"],
                 ["--json", "child", "list", "--register", r, "--user=dir",
                  "--passphrase-fd=%d"],
                 ["-r" + r, "child", "list", "-udir", "--json",
                  "--passphrase-fd", "%d"],
                 ["-r", "/nonexistent", "child", "list", "-r", r, "-udir",
                  "--json", "--passphrase-fd", "%d"]):
        equal(with_pipe(argv, WHO["dir"].encode() + b"\n").json(), want, argv)


class Answer:
    def __init__(self, p, out, err):
        self.argv, self.rc, self.out, self.err = p.args, p.returncode, out, err
        self.text, self.complaint = out.decode(), err.decode()

    def json(self):
        true(self.rc == OK and not self.err, (self.rc, self.err))
        return json.loads(self.text)

    def expect(self, rc=OK):
        equal(self.rc, rc, (self.argv, self.err))
        return self


def with_pipe(argv, data, env=None, stdin=b""):
    """Run with data on a pipe whose descriptor replaces %d in argv."""
    r, w = os.pipe()
    os.write(w, data)
    os.close(w)
    argv = [a.replace("%d", str(r)) for a in argv]
    p = subprocess.Popen([RUNXIN, *argv], pass_fds=[r], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=env or environment("/nonexistent"),
                         start_new_session=True)
    os.close(r)
    out, err = p.communicate(stdin, timeout=60)
    return Answer(p, out, err)


@test
def test_register_from_the_environment():
    r = base()
    env = environment("/nonexistent", extra={"RUNXIN_REGISTER": r})
    want = done(as_user(r, "dir", "--json", "child", "list")).json()
    equal(run(None, "dir", WHO["dir"], "--json", "child", "list",
              env=env).json(), want, "RUNXIN_REGISTER")
    env["RUNXIN_REGISTER"] = "/nonexistent"
    refused(run(None, "dir", WHO["dir"], "child", "list", env=env), IO)
    equal(run(r, "dir", WHO["dir"], "--json", "child", "list",
              env=env).json(), want, "-r wins")


@test
def test_register_in_the_default_folder():
    home = temp_dir()
    env = environment(home)
    done(run(None, "admin", WHO["admin"], "init", "--unit", COUNTY, "--name",
             "演示", "--recovery-out", os.path.join(home, "codes"), env=env))
    done(run(None, "admin", WHO["admin"], "unit", "list", env=env))
    equal(sorted(os.listdir(os.path.join(home, ".local/share/runxin"))),
          ["content.db", "keys.db"], "register")


# ---- passphrases ----

@test
def test_passphrase_line_ends_are_dropped():
    r = base()
    argv = ["-r", r, "-u", "dir", "--passphrase-fd", "%d", "child", "list"]
    word = WHO["dir"].encode()
    for data in (word + b"\n", word + b"\r\n", word, word + b"\nmore"):
        with_pipe(argv, data).expect(OK)
    for data, code in ((b"", USAGE), (b"\n", USAGE), (b"\r\n", USAGE),
                       (word + b" \n", PERMISSION), (b" " + word, PERMISSION),
                       (word + b"\0\n", USAGE), (b"x" * 1025, USAGE),
                       (b"x" * 1024 + b"\n", PERMISSION),
                       (b"\xff\xfe\n", PERMISSION)):
        refused(with_pipe(argv, data), code)


@test
def test_passphrase_and_record_from_one_descriptor():
    r = copy_of(base())
    a = with_pipe(["-r", r, "-u", "dir", "--passphrase-fd", "0", "--json",
                   "observe"], b"", stdin=WHO["dir"].encode() + b"\n" +
                  dump(having("observation")))
    equal(a.json()["saved"], "new", "saved")


@test
def test_wrong_passphrase_and_unknown_user_look_the_same():
    r = base()
    before = hashes(r)
    wrong = refused(run(r, "dir", "wrong", "child", "list"), PERMISSION)
    nobody = refused(run(r, "nobody", "wrong", "child", "list"), PERMISSION)
    equal(wrong, nobody, "the same sentence")
    equal(hashes(r), before, "nothing changed")


@test
def test_two_lines_of_one_descriptor_are_old_and_new():
    r = copy_of(base())
    a = with_pipe(["-r", r, "-u", "admin", "user", "add", "sup2", "--role",
                   "supervisor", "--unit", TOWN, "--passphrase-fd", "%d",
                   "--new-passphrase-fd", "%d"],
                  (WHO["admin"] + "\n" + WHO["sup2"] + "\n").encode())
    a.expect(OK)
    done(as_user(r, "sup2", "user", "list"))


@test
def test_passphrase_change():
    r = copy_of(base())
    done(as_user(r, "dir", "passwd", new="quite another one"))
    refused(as_user(r, "dir", "child", "list"), PERMISSION)
    got = done(run(r, "dir", "quite another one", "--json", "child",
                   "list")).json()
    equal([c["name"] for c in got], ["例一"], "children")
    refused(with_pipe(["-r", r, "-u", "stat", "passwd", "--passphrase-fd",
                       "%d", "--new-passphrase-fd", "%d"],
                      (WHO["stat"] + "\n\n").encode()), USAGE)


def process_text(pid):
    """What others could see of a process; unreadable is as good as empty."""
    seen = b""
    for name in ("cmdline", "environ", "comm", "status"):
        try:
            with open("/proc/%d/%s" % (pid, name), "rb") as f:
                seen += f.read()
        except PermissionError:
            pass
    return seen


@test
def test_passphrase_shows_neither_in_arguments_nor_in_the_environment():
    r = copy_of(base())
    # The passphrase is read, the record is waited for.
    p, _ = spawn(r, "dir", WHO["dir"], "observe", stdin=b"")
    try:
        for _ in range(200):
            with open("/proc/%d/wchan" % p.pid) as f:
                waiting = "pipe" in f.read()
            with open("/proc/%d/stat" % p.pid) as f:
                waiting = waiting or f.read().rsplit(")", 1)[1][1] == "S"
            if waiting:
                break
            time.sleep(0.05)
        time.sleep(1)
        seen = process_text(p.pid)
        true(b"observe" in seen, "the command line can be read: %r" % seen)
        true(WHO["dir"].encode() not in seen, "the passphrase shows")
        equal(p.poll(), None, "still waiting")
        out, err = p.communicate(dump(having("observation", id="p1")))
        equal((p.returncode, err), (OK, b""), "then it is saved")
        true(WHO["dir"].encode() not in out, "output")
    finally:
        p.kill()
        p.wait()
    # While it waits for the passphrase itself.
    a, b = os.pipe()
    p = subprocess.Popen([RUNXIN, "-r", r, "-u", "dir", "--passphrase-fd",
                          str(a), "child", "list"], pass_fds=[a],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=environment("/nonexistent"))
    os.close(a)
    try:
        os.write(b, WHO["dir"].encode())
        time.sleep(0.3)
        seen = process_text(p.pid)
        true(b"child" in seen and WHO["dir"].encode() not in seen, "waiting")
        os.write(b, b"\n")
        os.close(b)
        equal(p.communicate(timeout=60)[1], b"", "stderr")
        equal(p.returncode, OK, "exit")
    finally:
        p.kill()
        p.wait()


# ---- the terminal ----

class Terminal:
    """The program on a terminal of its own, nothing given by descriptors."""

    def __init__(self, *argv, lang="zh"):
        pid, self.fd = pty.fork()
        if pid == 0:
            try:
                os.execve(RUNXIN, [RUNXIN, *argv],
                          environment("/nonexistent", lang))
            finally:
                os._exit(127)
        self.pid, self.seen = pid, b""

    def until(self, text, timeout=60):
        """Read until text was shown; True, or False at the end."""
        end = time.monotonic() + timeout
        start = len(self.seen)
        while text is None or text.encode() not in self.seen[start:]:
            if not select.select([self.fd], [], [],
                                 max(0, end - time.monotonic()))[0]:
                raise AssertionError("nothing more: %r" % self.seen)
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.seen += data
        return True

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def comes_to(self, echoes):
        """Wait until it echoes, or not; long, where others use the machine."""
        for _ in range(500):
            if self.echoes() == echoes:
                return True
            time.sleep(0.02)
        return False

    def quiet(self):
        return self.comes_to(False)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Exit status as os.waitstatus_to_exitcode gives it."""
        self.until(None)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


@test
def test_terminal_prompt_does_not_echo():
    for lang, prompt in (("zh", "口令："), ("en", "Passphrase: ")):
        t = Terminal("-r", base(), "-u", "dir", "child", "list", lang=lang)
        true(t.until(prompt), "a prompt")
        true(t.quiet(), "echo is off")
        t.type(WHO["dir"] + "\n")
        code = t.end()
        equal(code, OK, t.seen)
        true(WHO["dir"].encode() not in t.seen, "it was echoed")
        true("例一".encode() in t.seen, "the list")


@test
def test_terminal_is_as_before_after_an_interrupt():
    t = Terminal("-r", base(), "-u", "dir", "child", "list")
    true(t.until("口令："), "a prompt")
    true(t.quiet(), "echo is off")
    t.type("half of it\x03")
    true(t.comes_to(True), "echo is on again")
    equal(t.end(), -signal.SIGINT, "it died of the signal")


@test
def test_terminal_asks_twice_for_a_new_passphrase():
    r = copy_of(base())
    for second, code in (("another one!!", USAGE), ("the new one!!", OK)):
        t = Terminal("-r", r, "-u", "dir", "passwd")
        true(t.until("口令："), "old")
        true(t.quiet(), "echo is off")
        t.type(WHO["dir"] + "\n")
        true(t.until("新口令："), "new")
        true(t.quiet(), "echo is off")
        t.type("the new one!!\n")
        true(t.until("再输入一次"), "again")
        true(t.quiet(), "echo is off")
        t.type(second + "\n")
        equal(t.end(), code, t.seen)
        true(b"new one" not in t.seen, "it was echoed")
    done(run(r, "dir", "the new one!!", "child", "list"))


@test
def test_terminal_asks_before_a_case_is_destroyed():
    r = copy_of(base())
    for word, code in (("no", USAGE), ("是", OK)):
        t = Terminal("-r", r, "-u", "dir", "child", "erase", "k1",
                     "--reason", "演示")
        true(t.until("口令："), "passphrase")
        true(t.quiet(), "echo is off")
        t.type(WHO["dir"] + "\n")
        true(t.until("确认"), "a question")
        t.type(word + "\n")
        equal(t.end(), code, t.seen)


# ---- init, units, users ----

@test
def test_init_writes_the_codes_once():
    d = temp_dir()
    codes = put(os.path.join(d, "codes"), b"mine")
    argv = ("init", "--unit", COUNTY, "--name", "演示", "--recovery-out")
    r = os.path.join(d, "register")
    refused(run(r, "admin", WHO["admin"], *argv, codes), CONFLICT)
    true(not os.path.exists(r), "no register is left")
    equal(open(codes, "rb").read(), b"mine", "the file is as it was")
    refused(run(r, "admin", WHO["admin"], *argv, d + "/no/codes"), IO)
    refused(run(r, "admin", WHO["admin"], *argv, d), CONFLICT)
    true(not os.path.exists(r), "no register is left")
    done(run(r, "admin", WHO["admin"], *argv, codes + "2"))
    text = open(codes + "2", encoding="utf-8").read()
    equal(len(re.findall(r"^[ABC]  (?:[0-9A-Z]{4}[- ]){8}[0-9A-Z]{4}$", text,
                         re.M)), 3, "three codes")
    for name in ("content.db", "keys.db"):
        equal(os.stat(os.path.join(r, name)).st_mode & 0o777, 0o600, name)
    equal(os.stat(codes + "2").st_mode & 0o777, 0o600, "codes")
    before = hashes(r)
    refused(run(r, "admin", WHO["admin"], *argv, codes + "3"), CONFLICT)
    true(not os.path.exists(codes + "3"), "no codes are left")
    equal(hashes(r), before, "the register is as it was")
    refused(run(d + "/r3", "ad min", WHO["admin"], *argv, codes + "4"), USAGE)
    refused(run(codes, "admin", WHO["admin"], *argv, codes + "5"), IO)
    refused(run(d + "/r6", "admin", WHO["admin"], "init", "--unit", "990102",
                "--name", "演示", "--recovery-out", codes + "6", "--json",
                "extra"), USAGE)


@test
def test_a_short_new_passphrase_is_stored_with_a_hint():
    hint = "runxin: 提示：口令不足 8 个字"
    d = temp_dir()

    def init(name, secret):
        return run(os.path.join(d, name), "admin", secret, "init", "--unit",
                   COUNTY, "--name", "演示", "--recovery-out",
                   os.path.join(d, name + "-codes"))

    def hinted(result, want):
        equal(result.expect().complaint.count(hint), want, "hint")
        equal(len(result.complaint.splitlines()), want, "nothing else")

    hinted(init("r", "七个字的口令啊"), 1)
    hinted(init("r8", "八个字的口令好啊"), 0)
    hinted(init("r2", "1234567"), 1)
    r = os.path.join(d, "r")
    hinted(run(r, "admin", "七个字的口令啊", "user", "add", "dir", "--role",
               "director", "--unit", VILLAGE, new="short"), 1)
    hinted(run(r, "dir", "short", "passwd", new="1234567"), 1)
    hinted(run(r, "dir", "1234567", "passwd", new="12345678"), 0)
    # A refusal stays one line.
    refused(init("r", "short"), CONFLICT)
    refused(run(r, "dir", "wrong", "passwd", new="short"), PERMISSION)
    refused(run(r, "dir", "12345678", "passwd", new=""), USAGE)


@test
def test_units_of_the_register():
    rows = done(as_user(base(), "admin", "--json", "unit", "list")).json()
    codes = [u["code"] for u in rows]
    equal(codes, sorted(codes), "sorted")
    true(all(len(c) == 12 and c.startswith(COUNTY) for c in codes), "codes")
    with open("schema/units.tsv", encoding="utf-8") as f:
        want = {line.split("\t")[0] for line in f
                if line.startswith(COUNTY)}
    equal(set(codes), want, "all units below, nothing else")
    equal(set(rows[0]), {"code", "name", "level", "parent"}, "keys")


@test
def test_units_are_added_and_imported():
    r = new_register("990000")
    done(as_user(r, "admin", "unit", "add", "990100", "示例市", "--level",
                 "prefecture", "--parent", "990000"))
    tsv = put(os.path.join(scratch(), "units.tsv"),
              ("code\tname\tlevel\tparent\n"
               "990102000000\t示例县\tcounty\t990100000000\n"
               "990102001000\t示例镇\ttownship\t990102000000\n"
               "990102001001\t示例村\tvillage\t990102001000\n").encode())
    equal(done(as_user(r, "admin", "--json", "unit", "import",
                       tsv)).json()["added"], 3, "added")
    done(as_user(r, "admin", "user", "add", "dir", "--role", "director",
                 "--unit", "990102001001", new=WHO["dir"]))
    done(as_user(r, "dir", "child", "add",
                 stdin=having("child", unit="990102001001")))
    before = hashes(r)
    bad = [("990103\tx\tvillage\t990100", USAGE),
           ("990103000000\tx\tcounty\t990200000000", USAGE),
           ("990103000000\tx", USAGE),
           ("350102000000\tx\tcounty\t350100000000", USAGE),
           ("x\tx\tcounty\t990100000000", USAGE),
           ("990103000000\t\tcounty\t990100000000", USAGE)]
    for line, code in bad:
        tsv = put(os.path.join(scratch(), "bad.tsv"),
                  ("990104000000\t示例县\tcounty\t990100000000\n" + line +
                   "\n").encode())
        refused(as_user(r, "admin", "unit", "import", tsv), code, "第 2 行")
    for argv, code in (
            (("990103", "示例", "--level", "city", "--parent", "990100"),
             USAGE),
            (("990103", "示例", "--level", "county", "--parent", "990200"),
             USAGE),
            (("x", "示例", "--level", "county", "--parent", "990100"), USAGE),
            (("990102", "别名", "--level", "county", "--parent", "990100"),
             CONFLICT)):
        refused(as_user(r, "admin", "unit", "add", *argv), code)
    for path in ("/nonexistent", scratch()):
        refused(as_user(r, "admin", "unit", "import", path), IO)
    equal(hashes(r), before, "nothing was added")
    refused(as_user(r, "dir", "unit", "add", "990105", "示例", "--level",
                    "county", "--parent", "990100"), PERMISSION)
    refused(as_user(r, "dir", "unit", "import", tsv), PERMISSION)


@test
def test_user_gets_further_roles_and_units():
    r = copy_of(base())
    done(as_user(r, "admin", "user", "add", "dir", "--role", "director",
                 "--unit", OTHER))
    done(as_user(r, "admin", "user", "add", "dir", "--role", "statistician",
                 "--unit", COUNTY, new="ignored or not, the old one stays"))
    rows = done(as_user(r, "dir", "--json", "user", "list")).json()
    equal(sorted((u["role"], u["unit"]) for u in rows if u["name"] == "dir"),
          [("director", VILLAGE), ("director", OTHER),
           ("statistician", COUNTY)], "roles")
    refused(as_user(r, "admin", "user", "add", "dir", "--role", "director",
                    "--unit", OTHER), CONFLICT)
    for role, unit, code in (("director", "350202001001", USAGE),
                             ("director", "350102999", USAGE),
                             ("supervisor", VILLAGE, USAGE),
                             ("statistician", TOWN, USAGE)):
        refused(as_user(r, "admin", "user", "add", "new", "--role", role,
                        "--unit", unit, new="x"), code)
    for name in ("", "a b", "a\nb", "x" * 64):
        refused(as_user(r, "admin", "user", "add", name, "--role",
                        "director", "--unit", VILLAGE, new="x"), USAGE)
    refused(as_user(r, "dir", "user", "add", "new", "--role", "director",
                    "--unit", VILLAGE, new="x"), PERMISSION)


@test
def test_user_list_shows_wide_membership_and_temporary_passphrases():
    r = copy_of(base())
    done(as_user(r, "admin", "user", "add", "wide", "--role", "director",
                 "--unit", COUNTY, new=WHO["wide"]))
    rows = {u["name"]: u for u in done(
        as_user(r, "admin", "--json", "user", "list")).json()}
    true(rows["wide"]["wide"] and not rows["dir"]["wide"], "wide")
    true(rows["dir"]["temporary"] and not rows["admin"]["temporary"], "temp")


@test
def test_disabled_user_is_out():
    r = copy_of(base())
    refused(as_user(r, "admin", "user", "disable", "nobody"), ABSENT)
    refused(as_user(r, "admin", "user", "disable", "admin"), CONFLICT)
    refused(as_user(r, "dir", "user", "disable", "stat"), PERMISSION)
    done(as_user(r, "admin", "user", "disable", "dir2"))
    refused(as_user(r, "dir2", "child", "list"), PERMISSION)
    rows = done(as_user(r, "admin", "--json", "user", "list")).json()
    equal([u["name"] for u in rows if u["disabled"]], ["dir2"], "disabled")


# ---- good input ----

@test
def test_import_is_idempotent():
    r = copy_of(base())
    lines = [having("child", id="k2", id_number="11010519491231002X",
                    phone="10000000000", address="示例路1号", school="示例小学",
                    guardian_name="例", guardian_phone="10100000000",
                    priority=["single_parent"], consent_by="guardian",
                    consent_on="2025-03-01")]
    lines += [having(t, child="k2") for t in RECORDS
              if t not in ("child", "activity", "consent")]
    lines += [having("activity", children=["k2", "k1"], sessions=2,
                     lead_unit=COUNTY, agency_type="social_work",
                     agency="52999999MJ00000018")]
    lines += [having("consent", child="k1", date=TODAY)]
    path = put(os.path.join(scratch(), "good.ndjson"),
               b"\n".join(dump(x) for x in lines))	# no last line end
    first = done(as_user(r, "dir", "--json", "import", path)).json()
    equal({t: first[t] for t in RECORDS}, {t: 1 for t in RECORDS}, "counts")
    equal((first["lines"], first["present"]), (len(lines), 0), "lines")
    again = done(as_user(r, "dir", "--json", "import", path)).json()
    equal({t: again[t] for t in RECORDS}, {t: 0 for t in RECORDS}, "counts")
    equal(again["present"], len(lines), "already present")
    for lang, words in (("zh", "已存在"), ("en", "already present: %d" %
                                         len(lines))):
        true(words in done(as_user(r, "dir", "--lang", lang, "import",
                                   path)).text, lang)
    lines[1]["note"] = "另一句话"
    path = put(os.path.join(scratch(), "other.ndjson"),
               b"\n".join(dump(x) for x in [having("child", id="k9")] +
                          lines))
    before = hashes(r)
    refused(as_user(r, "dir", "import", path), CONFLICT, "第 3 行")
    equal(hashes(r), before, "nothing was stored")


@test
def test_import_takes_what_editors_write():
    r = copy_of(base())
    note = "第一行\r\n第二行\n第三行\t完"
    data = b"\xef\xbb\xbf" + dump(having("child", id="w1")) + b"\r\n\r\n" + \
        dump(having("observation", id="w2", child="w1", note=note)) + \
        b"\r\n   \n"
    path = put(os.path.join(scratch(), "windows.ndjson"), data)
    got = done(as_user(r, "dir", "--json", "import", path)).json()
    equal((got["child"], got["observation"]), (1, 1), "counts")
    shown = done(as_user(r, "dir", "--json", "child", "show", "w1")).json()
    equal(shown["records"][0]["note"], note.replace("\r\n", "\n"), "note")
    path = put(os.path.join(scratch(), "unix.ndjson"),
               data.replace(b"\\r\\n", b"\\n"))
    equal(done(as_user(r, "dir", "--json", "import", path)).json()["present"],
          2, "the same note")


@test
def test_import_of_an_empty_file_says_so():
    r = copy_of(base())
    for name, data in (("empty", b""), ("blank", b"\xef\xbb\xbf\r\n  \n")):
        path = put(os.path.join(scratch(), name + ".ndjson"), data)
        for lang, words in (("zh", "什么也没有导入"),
                            ("en", "nothing was imported")):
            got = done(as_user(r, "dir", "--lang", lang, "import", path)).text
            true(words in got and "0" not in got, got)
        equal(done(as_user(r, "dir", "--json", "import", path)).json()["lines"],
              0, "lines")


@test
def test_limits_are_reached():
    r = copy_of(base())
    line = dump(having("observation", id="big3", child="big"))
    lines = [dump(having("child", id="big", name="名" * 256)),
             dump(having("observation", id="big2", child="big",
                         note="x" * 65536)),
             line + b" " * ((1 << 20) - len(line)),
             dump(having("observation", id="i" * 256, child="big",
                         signs=[], note="")),
             dump(having("intervention", id="big4", child="big",
                         amount_fen=10**13))]
    path = put(os.path.join(scratch(), "limits.ndjson"), b"\n".join(lines))
    equal(done(as_user(r, "dir", "--json", "import", path)).json()["lines"],
          5, "lines")


@test
def test_empty_file_has_nothing_to_store():
    r = copy_of(base())
    for data in (b"", b"\n\n", b"\xef\xbb\xbf"):
        got = done(as_user(r, "dir", "--json", "import", put(
            os.path.join(scratch(), "empty"), data))).json()
        equal((got["lines"], got["present"]), (0, 0), data)


@test
def test_lines_stand_in_any_order():
    r = copy_of(base())
    path = put(os.path.join(scratch(), "order.ndjson"), b"\n".join([
        dump(having("observation", child="late")),
        dump(having("child", id="late"))]))
    equal(done(as_user(r, "dir", "--json", "import", path)).json()["child"],
          1, "child")


@test
def test_unit_codes_of_6_9_and_12_digits_and_self():
    r = new_register("350100")
    for user, role, unit in (("dir", "director", "350102001"),
                             ("stat", "statistician", "350100"),
                             ("sup", "supervisor", "350102001000")):
        done(as_user(r, "admin", "user", "add", user, "--role", role,
                     "--unit", unit, new=WHO[user]))
    for i, unit in enumerate(("350102001", "350102001000", VILLAGE)):
        done(as_user(r, "dir", "child", "add", stdin=having(
            "child", id="u%d" % i, unit=unit)))
    rows = done(as_user(r, "dir", "--json", "child", "list")).json()
    equal([c["unit"] for c in rows], ["350102001000"] * 2 + [VILLAGE],
          "units")
    for i, unit in enumerate(("350100-SELF", "350100")):
        got = as_user(r, "stat", "--json", "activity", "add", stdin=having(
            "activity", id="s%d" % i, unit=unit, children=[]))
        equal(done(got).json()["saved"], "new", unit)
    out = os.path.join(scratch(), "self.json")
    done_with_notes(as_user(r, "stat", "export", "annex", "--unit",
                            "350100000000", "--from", "2025-06-01", "--to",
                            "2025-06-30", "--format", "json", "-o", out))
    doc = json.load(open(out, encoding="utf-8"))
    equal([row["values"][0] for row in doc["rows"]
           if row["code"] == "350100-SELF"], [2], "own work")


def done_with_notes(result):
    """A success that may have notes."""
    result.expect(OK)
    for line in result.complaint.splitlines():
        true(re.match("runxin: (注意|note)", line), line)
    return result


# ---- bad input ----

def bad_lines():
    """(name, line as bytes or record, code, word of the message)"""
    for t, keys in REQUIRED.items():
        for key in keys + ["id"]:
            yield "%s without %s" % (t, key), lacking(t, key), USAGE, key
        yield t + " without type", lacking(t, "type"), USAGE, "type"
        yield t + " with another key", having(t, colour="red"), USAGE, \
            "colour"
    for t in RECORDS:
        for key in REQUIRED[t]:
            yield "%s, %s null" % (t, key), having(t, **{key: None}), USAGE, \
                key
    for t, key in (("child", "sex"), ("child", "categories"),
                   ("child", "priority"), ("child", "legal_basis"),
                   ("child", "consent_by"), ("observation", "channel"),
                   ("observation", "signs"), ("observation", "risk"),
                   ("intervention", "kind"), ("intervention", "outcome"),
                   ("intervention", "referral"),
                   ("intervention", "agency_type"), ("activity", "kind"),
                   ("activity", "agency_type"), ("report", "situations"),
                   ("consent", "state"), ("consent", "by")):
        many = key in ("categories", "priority", "signs", "situations")
        v = "nothing_like_it"
        yield "unknown " + key, having(t, **{key: [v] if many else v}), \
            USAGE, v
        yield "empty " + key, having(t, **{key: [""] if many else ""}), \
            USAGE, key
        yield "number as " + key, having(t, **{key: [1] if many else 1}), \
            USAGE, key
        yield "list or not as " + key, having(t, **{key: "x" if many
                                                    else ["x"]}), USAGE, key
    for name, r, word in (
            ("name is a number", having("child", name=1), "name"),
            ("name is empty", having("child", name=""), "name"),
            ("name is blank", having("child", name=" 　"), "name"),
            ("name is long", having("child", name="名" * 257), "name"),
            ("name with an escape", having("child", name="\033[1m"), "name"),
            ("name with NUL", having("child", name="a\0b"), ""),
            ("name with a line feed", having("child", name="a\nb"), "name"),
            ("id is a number", having("child", id=1), "id"),
            ("id is empty", having("child", id=""), "id"),
            ("id is null", having("child", id=None), "id"),
            ("id is long", having("child", id="i" * 257), "id"),
            ("birth is a number", having("child", birth=201405), "birth"),
            ("birth has a day", having("child", birth="2014-05-01"), "birth"),
            ("birth in month 13", having("child", birth="2014-13"), "birth"),
            ("birth in month 0", having("child", birth="2014-00"), "birth"),
            ("birth in the future", having("child", birth="2999-01"),
             "birth"),
            ("no categories", having("child", categories=[]), "categories"),
            ("category twice", having("child", categories=["orphan"] * 2),
             "orphan"),
            ("category in a list", having("child", categories=[["orphan"]]),
             "categories"),
            ("consent tomorrow", having("child", consent_on=TOMORROW),
             "consent_on"),
            ("consent before birth", having("child",
                                            consent_on="2014-04-30"),
             "consent_on"),
            ("id number, wrong check", having(
                "child", id_number="110105194912310021"), "id_number"),
            ("id number, 17 digits", having(
                "child", id_number="11010519491231002"), "id_number"),
            ("id number, letters", having(
                "child", id_number="1101051949123100AX"), "id_number"),
            ("id number is a number", having(
                "child", id_number=110105194912310021), "id_number"),
            ("phone is a number", having("child", phone=10000000000),
             "phone"),
            ("long address", having("child", address="x" * 257), "address"),
            ("unit is a number", having("child", unit=350102001001), "unit"),
            ("unit is empty", having("child", unit=""), ""),
            ("unit of 11 digits", having("child", unit="35010200100"), ""),
            ("village without township", having("child",
                                                unit="350102000001"),
             "350102000001"),
            ("date tomorrow", having("observation", date=TOMORROW), "date"),
            ("impossible date", having("observation", date="2025-02-30"),
             "2025-02-30"),
            ("month 13", having("observation", date="2025-13-01"),
             "2025-13-01"),
            ("short date", having("observation", date="2025-6-3"),
             "2025-6-3"),
            ("date with a time", having("observation",
                                        date="2025-06-03T00:00"), "date"),
            ("date is a number", having("observation", date=20250603),
             "date"),
            ("date is empty", having("observation", date=""), "date"),
            ("before birth", having("observation", date="2014-04-30"),
             "date"),
            ("follow-up before the visit", having(
                "observation", follow_up_on="2025-06-02"), "follow_up_on"),
            ("impossible follow-up", having(
                "observation", follow_up_on="2025-06-31"), "follow_up_on"),
            ("note is a number", having("observation", note=5), "note"),
            ("note is a list", having("observation", note=["x"]), "note"),
            ("long note", having("observation", note="x" * 65537), "note"),
            ("long note in Chinese", having("observation",
                                            note="字" * 21846), "note"),
            ("note with NUL", having("observation", note="a\0b"), ""),
            ("note with an escape", having("observation", note="\033c"),
             "note"),
            ("note with a lone CR", having("observation", note="a\rb"),
             "note"),
            ("signs twice", having("observation", signs=["grief"] * 2),
             "grief"),
            ("signs is an object", having("observation", signs={}), "signs"),
            ("risk is a list", having("observation", risk=["red"]), "risk"),
            ("unknown child", having("observation", child="nobody"), ""),
            ("child is a number", having("observation", child=1), "child"),
            ("child is empty", having("observation", child=""), "child"),
            ("negative amount", having("intervention", amount_fen=-1),
             "amount_fen"),
            ("amount with a point", having("intervention", amount_fen=1.5),
             "amount_fen"),
            ("amount is text", having("intervention", amount_fen="100"),
             "amount_fen"),
            ("amount too large", having("intervention",
                                        amount_fen=10**13 + 1),
             "amount_fen"),
            ("amount far too large", having("intervention",
                                            amount_fen=10**30), ""),
            ("delivered is text", having("intervention", delivered="true"),
             "delivered"),
            ("delivered is 1", having("intervention", delivered=1),
             "delivered"),
            ("face_to_face is 0", having("intervention", face_to_face=0),
             "face_to_face"),
            ("professional is text", having("intervention",
                                            professional="no"),
             "professional"),
            ("resolved tomorrow", having("intervention",
                                         need_resolved_on=TOMORROW),
             "need_resolved_on"),
            ("resolved before birth", having(
                "intervention", need_resolved_on="2014-04-01"),
             "need_resolved_on"),
            ("agency is short", having("intervention", agency="5299"),
             "agency"),
            ("agency in small letters", having(
                "intervention", agency="52999999mj00000018"), "agency"),
            ("a camp for one child", having("intervention", kind="camp"),
             "camp"),
            ("long need", having("intervention", need="x" * 257), "need"),
            ("no sessions", having("activity", sessions=0), "sessions"),
            ("negative sessions", having("activity", sessions=-1),
             "sessions"),
            ("too many sessions", having("activity", sessions=1001),
             "sessions"),
            ("sessions is text", having("activity", sessions="2"),
             "sessions"),
            ("held is text", having("activity", held="yes"), "held"),
            ("children is text", having("activity", children="k1"),
             "children"),
            ("unknown child at an activity", having(
                "activity", children=["k1", "nobody"]), ""),
            ("child twice", having("activity", children=["k1", "k1"]),
             "children"),
            ("child is null", having("activity", children=[None]),
             "children"),
            ("lead unit is none", having("activity", lead_unit="x"), "x"),
            ("activity tomorrow", having("activity", date=TOMORROW), "date"),
            ("long venue", having("activity", venue="x" * 257), "venue"),
            ("long reason", having("flag", reason="x" * 257), "reason"),
            ("empty reason", having("flag", reason=""), "reason"),
            ("flag tomorrow", having("flag", date=TOMORROW), "date"),
            ("no situations", having("report", situations=[]), "situations"),
            ("empty authority", having("report", authority=""), "authority"),
            ("report tomorrow", having("report", date=TOMORROW), "date"),
            ("consent record tomorrow", having("consent", date=TOMORROW),
             "date"),
            ("unknown type", having("child", type="adult"), "type"),
            ("type is a number", having("child", type=1), "type"),
            ("type is null", having("child", type=None), "type"),
            ("review cannot be imported", {
                "type": "review", "id": "r1", "child": "k1", "flag": "f1",
                "date": "2025-06-03", "decision": "close", "reason": "x"},
             "review"),
            ("what the register sets", having("observation", raises_flag=2),
             "raises_flag"),
            ("another type's key", having("child", note="x"), "note")):
        yield name, r, USAGE, word
    good = dump(CHILD)
    for name, line in (
            ("not JSON", b"hello"), ("half a line", good[:-9]),
            ("two objects", good + good), ("trailing comma", b'{"a":1,}'),
            ("array", b"[" + good + b"]"), ("text", b'"child"'),
            ("number", b"5"), ("null", b"null"), ("true", b"true"),
            ("empty object", b"{}"), ("empty array", b"[]"),
            ("duplicate key", good[:-1] + b',"sex":"f"}'),
            ("not UTF-8", good.replace("例新".encode(), b"\xff\xfe")),
            ("GBK", good.replace("例新".encode(), "例新".encode("gbk"))),
            ("overlong UTF-8", good.replace("例新".encode(), b"\xc0\xaf")),
            ("UTF-16", CHILD["name"].encode("utf-16") + good),
            ("half a surrogate", good.replace("例新".encode(), b"\\ud800")),
            ("NUL between", good[:-1] + b"\0}"),
            ("binary", bytes(range(256)).replace(b"\n", b"") * 4),
            ("deep", b"[" * 100000),
            ("deep value", good[:-1] + b',"x":' + b"[" * 3000 + b"]" * 3000 +
             b"}"),
            ("infinity", good[:-1] + b',"x":1e999}'),
            ("NaN", good[:-1] + b',"x":NaN}'),
            ("single quotes", good.replace(b'"', b"'")),
            ("comment", b"// " + good),
            ("line over 1 MiB", good + b" " * ((1 << 20) + 1 - len(good))),
            ("line far over 1 MiB", b"x" * (5 << 20))):
        yield name, line, USAGE, ""
    yield "id twice", having("child", id="k2"), USAGE, ""
    yield "another's unit", having("child", unit=OTHER), PERMISSION, ""
    yield "another's unit, activity", having("activity", unit=OTHER), \
        PERMISSION, ""
    yield "the township's unit", having("child", unit=TOWN), PERMISSION, ""
    yield "unit outside the register", having(
        "child", unit="350202001001"), PERMISSION, ""
    yield "changed child", having("child", id="k1", name="别名"), CONFLICT, ""


def faults(register, data, lang=None, *options):
    """What is said of a file with several mistakes, line by line."""
    file = os.path.join(temp_dir(), "records.ndjson")
    put(file, data)
    before = hashes(register)
    r = as_user(register, "dir", *options, "import", file,
                env=environment("/nonexistent", lang))
    equal((r.rc, r.out), (USAGE, b""), r.complaint)
    equal(hashes(register), before, "nothing is stored")
    return r.complaint.splitlines()


@test
def test_every_bad_line_of_a_file_is_named_at_once():
    r = copy_of(base())
    good = json.dumps(having("child"), ensure_ascii=False)
    bad = "\n".join([good, "nonsense", json.dumps(lacking("child", "name")),
                     "", json.dumps(having("observation", risk="mauve")),
                     json.dumps(lacking("flag", "id"))]).encode()
    for lang, start in (None, "第 %d 行："), ("en", "line %d: "):
        for options in (), ("--json",):
            said = faults(r, bad, lang, *options)
            equal(len(said), 4, said)
            for line, number, word in zip(said, (2, 3, 5, 6), (
                    "JSON", "name", "mauve", "id")):
                true(line.startswith("runxin: " + start % number) and
                     word in line, line)
    for lang, word in (None, "另有 5 "), ("en", "and 5 more"):
        said = faults(r, b"{}\n" * 25, lang)
        equal(len(said), 21, said)
        true(word in said[20], said[20])
        true(word not in "".join(faults(r, b"{}\n" * 20, lang)), "no more")


@test
def test_bad_lines_are_named_and_nothing_is_stored():
    """Every kind of them, with a good line before and after."""
    lines = list(bad_lines())
    true(len(lines) > 200, "%d lines" % len(lines))
    registers = [copy_of(base()) for _ in LANGS]	# one a processor
    with concurrent.futures.ThreadPoolExecutor(len(LANGS)) as pool:
        bad = sum(pool.map(try_lines, registers, LANGS,
                           (lines[0::2], lines[1::2])), [])
    true(not bad, "%d of %d:\n%s" % (len(bad), len(lines), "\n".join(
        "  %s: %s" % b for b in bad)))
    for r in registers:
        rows = done(as_user(r, "dir", "--json", "child", "list")).json()
        equal([c["id"] for c in rows], ["k1"], "children")


def try_lines(register, lang, lines):
    """Import each; returns (name, what is wrong)."""
    path = os.path.join(temp_dir(), "bad.ndjson")
    before, bad = hashes(register), []
    for name, line, code, word in lines:
        if not isinstance(line, bytes):
            line = dump(line)
        put(path, b"\n".join([
            dump(having("child", id="k2", name="例二")), line,
            dump(having("child", id="k3", name="例三"))]) + b"\n")
        try:
            refused(as_user(register, "dir", "--lang", lang, "import", path),
                    code, "第 2 行：" if lang == "zh" else "line 2: ", word)
            equal(hashes(register), before, "the register's files")
        except AssertionError as e:
            bad.append((name, str(e)[-400:]))
            before = hashes(register)
    return bad


@test
def test_personal_data_is_not_quoted_in_errors():
    r = base()
    secret = "例秘密"
    for record in (having("child", name=secret * 100),
                   having("child", name=secret, id_number="11010519491231002"),
                   having("child", name=secret, phone=1),
                   having("child", name=secret, sex="x"),
                   having("observation", note=secret + "\033"),
                   having("flag", reason=secret * 100)):
        path = put(os.path.join(scratch(), "secret.ndjson"), dump(record))
        line = refused(as_user(r, "dir", "import", path), USAGE, "第 1 行")
        true(secret not in line and "110105" not in line, line)
    path = put(os.path.join(scratch(), "secret.ndjson"),
               dump(having("child", name=secret))[:-3])
    true(secret not in refused(as_user(r, "dir", "import", path), USAGE),
         "syntax")


@test
def test_records_from_stdin_are_checked_the_same():
    r = copy_of(base())
    before = hashes(r)
    for command, t in (("child add", "child"), ("observe", "observation"),
                       ("intervene", "intervention"),
                       ("activity add", "activity"), ("flag add", "flag"),
                       ("report add", "report")):
        for stdin in ("", "x", "[]", "null", having(t, colour=1),
                      having(t, type="adult"), lacking(t, REQUIRED[t][-1]),
                      "{} {}", b"\xff", b" " * ((1 << 20) + 1)):
            refused(as_user(r, "dir", *command.split(), stdin=stdin), USAGE)
    refused(as_user(r, "dir", "observe", stdin=having(
        "observation", child="nobody")), ABSENT)
    refused(as_user(r, "dir2", "child", "add", stdin=CHILD), PERMISSION)
    refused(as_user(r, "stat", "child", "add", stdin=CHILD), PERMISSION)
    refused(as_user(r, "dir", "child", "add", stdin=having(
        "child", id="k1", name="别名")), CONFLICT)
    equal(hashes(r), before, "nothing was stored")


@test
def test_records_from_stdin_are_saved():
    r = copy_of(base())
    done(as_user(r, "dir", "child", "add", stdin=having("child", id="c1")))
    for command, t in (("child add", "child"), ("observe", "observation"),
                       ("intervene", "intervention"),
                       ("activity add", "activity"), ("flag add", "flag"),
                       ("report add", "report")):
        argv = ["--json"] + command.split()
        help_text = done(run(None, None, None, *command.split(),
                             "--help")).text
        example = re.search(r"^  (\{.*\})$", help_text, re.M).group(1)
        got = as_user(r, "dir", *argv, stdin=example.replace(
            '"c1","unit"', '"example","unit"'))
        equal(done(got).json()["saved"], "new", "the example of the help")
        got = done(as_user(r, "dir", *argv, stdin=RECORDS[t])).json()
        equal((got["saved"], got["id"], got["type"]),
              ("new", RECORDS[t]["id"], t), t)
        got = done(as_user(r, "dir", *argv, stdin=RECORDS[t])).json()
        equal(got["saved"], "present", t)
        anonymous = {k: v for k, v in RECORDS[t].items()
                     if k not in ("id", "type")}
        equal(done(as_user(r, "dir", *argv, stdin=anonymous)).json()["saved"],
              "new", t + " without id and type")
    done(as_user(r, "dir", "observe", "--correct", stdin=having(
        "observation", risk="green")))
    shown = done(as_user(r, "dir", "--json", "child", "show", "k1")).json()
    o = [x for x in shown["records"] if x.get("id") == "no1"]
    equal([(x["risk"], x["version"]) for x in o], [("green", 2)], "corrected")
    for lang, word in (("zh", "回执"), ("en", "receipt")):
        true(word in done(as_user(r, "dir", "--lang", lang, "report", "add",
                                  stdin=having("report", id=lang))).text,
             "a receipt")
    for lang, word in (("zh", "12356"), ("en", "110")):
        text = done(as_user(r, "dir", "--lang", lang, "observe",
                            stdin=having("observation", id="u" + lang,
                                         signs=["self_harm"], risk="red")))
        true(word in text.text, "what to do now")


@test
def test_consent_withdrawn_makes_the_case_read_only():
    r = copy_of(base())
    refused(as_user(r, "dir", "consent", "withdraw", "nobody"), ABSENT)
    refused(as_user(r, "dir", "consent", "withdraw", "k1", "--by", "x"),
            USAGE)
    refused(as_user(r, "dir", "consent", "withdraw", "k1", "--on", TOMORROW),
            USAGE)
    done(as_user(r, "dir", "consent", "withdraw", "k1", "--by", "guardian"))
    refused(as_user(r, "dir", "observe", stdin=having("observation")),
            PERMISSION)
    done(as_user(r, "dir", "report", "add", stdin=having("report")))
    done(as_user(r, "dir", "consent", "give", "k1"))
    done(as_user(r, "dir", "observe", stdin=having("observation")))


# ---- files ----

@test
def test_missing_and_unreadable_files_are_7():
    r = base()
    d = scratch()
    fifo = os.path.join(d, "fifo")
    os.mkfifo(fifo)
    before = hashes(r)
    for path in ("/nonexistent", d, "", "/nonexistent/x", fifo, "/dev/null",
                 put(os.path.join(d, "plain"), b"") + "/x"):
        refused(as_user(r, "dir", "import", path), IO)
    for command in ("unit import", "backup verify"):
        for path in ("/nonexistent", d):
            refused(as_user(r, "admin", *command.split(), path), IO)
    refused(as_user(r, "admin", "backup", "restore", "/nonexistent",
                    os.path.join(d, "restored")), IO)
    true(not os.path.exists(os.path.join(d, "restored")), "nothing is made")
    for path in ("/nonexistent/x", d, "/nonexistent/", ""):
        if path != d:       # a folder of backups
            refused(as_user(r, "admin", "backup", "create", path), IO)
        refused(as_user(r, "stat", "export", "annex", "--unit", COUNTY,
                        "--from", "2025-01-01", "--to", "2025-12-31",
                        "--format", "csv", "-o", path), IO)
        refused(as_user(r, "stat", "export", "table", "--unit", COUNTY,
                        "--from", "2025-01-01", "--to", "2025-12-31",
                        "--count", "children", "--by", "sex",
                        "--format", "csv", "-o", path), IO)
    equal(hashes(r), before, "the register is as it was")


@test
def test_folder_without_permission_is_7():
    if os.geteuid() != 0:
        return run_unprivileged(None)
    run_unprivileged(65534)


def run_unprivileged(uid):
    """As somebody else when we are root: root reads and writes everything."""
    r = copy_of(base())
    d = temp_dir()
    out = os.path.join(d, "folder")
    os.mkdir(out)
    secret = put(os.path.join(d, "secret.ndjson"), dump(CHILD))
    open_dir = os.path.dirname(r)
    for p in (d, open_dir):
        os.chmod(p, 0o755)
    if uid is not None:
        for p in [r] + [os.path.join(r, n) for n in os.listdir(r)]:
            os.chown(p, uid, uid)
    os.chmod(out, 0o555)
    os.chmod(secret, 0)
    program = os.path.join(d, "runxin")
    shutil.copy(RUNXIN, program)
    os.chmod(program, 0o755)
    prefix = () if uid is None else (
        "setpriv", "--reuid", str(uid), "--regid", str(uid),
        "--clear-groups")

    def go(user, *argv):
        a, b = os.pipe()
        os.write(b, WHO[user].encode() + b"\n")
        os.close(b)
        p = subprocess.run([*prefix, program, "-r", r, "-u", user,
                            "--passphrase-fd", str(a), *argv], pass_fds=[a],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=60,
                           env=environment("/nonexistent"))
        os.close(a)
        return Answer(p, p.stdout, p.stderr)

    go("dir", "child", "list").expect(OK)
    refused(go("dir", "import", secret), IO)
    refused(go("stat", "export", "annex", "--unit", COUNTY, "--from",
               "2025-01-01", "--to", "2025-12-31", "--format", "csv", "-o",
               os.path.join(out, "x")), IO)
    refused(go("admin", "backup", "create", os.path.join(out, "x")), IO)
    equal(os.listdir(out), [], "nothing was left there")
    os.chmod(os.path.join(r, "content.db"), 0)
    refused(go("dir", "child", "list"), IO)
    os.chmod(os.path.join(r, "content.db"), 0o600)
    os.chmod(r, 0)
    refused(go("dir", "child", "list"), IO)
    os.chmod(r, 0o700)


@test
def test_output_that_cannot_be_written_is_7():
    with open("/dev/full", "wb") as full:
        a, b = os.pipe()
        os.write(b, WHO["dir"].encode() + b"\n")
        os.close(b)
        p = subprocess.run([RUNXIN, "-r", base(), "-u", "dir",
                            "--passphrase-fd", str(a), "child", "list"],
                           pass_fds=[a], stdout=full, stderr=subprocess.PIPE,
                           env=environment("/nonexistent"))
        os.close(a)
    equal(p.returncode, IO, p.stderr)
    equal(len(p.stderr.splitlines()), 1, p.stderr)


@test
def test_taken_port_is_7():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        refused(run(base(), None, None, "serve", "--listen",
                    "127.0.0.1:%d" % s.getsockname()[1], timeout=60), IO)


# ---- the register's own files ----

@test
def test_missing_register_is_7():
    for r in ("/nonexistent", scratch(),
              put(os.path.join(scratch(), "file"), b"")):
        refused(as_user(r, "dir", "child", "list"), IO)


def tampered(change, user="dir", command=("audit", "verify")):
    r = copy_of(busy())
    change(r)
    refused(as_user(r, user, *command), CORRUPT)


def sql(*statements):
    def change(r):
        con = sqlite3.connect(os.path.join(r, "content.db"))
        con.execute("ATTACH ? AS keys", (os.path.join(r, "keys.db"),))
        for s in statements:
            true(con.execute(s).rowcount != 0, s + " changed nothing")
        con.commit()
        con.close()
    return change


def flipped(table, column):
    """Flip a bit of the last byte of a sealed column in every row."""
    def change(r):
        con = sqlite3.connect(os.path.join(r, "content.db"))
        con.execute("ATTACH ? AS keys", (os.path.join(r, "keys.db"),))
        con.create_function("flip", 1, lambda b: b[:-1] +
                            bytes([b[-1] ^ 1]))
        true(con.execute("UPDATE %s SET %s = flip(%s)" % (
            table, column, column)).rowcount > 0, "rows")
        con.commit()
        con.close()
    return change


def flip(file, where):
    def change(r):
        path = os.path.join(r, file)
        with open(path, "r+b") as f:
            size = os.path.getsize(path)
            f.seek(where if where >= 0 else size + where)
            b = f.read(1)
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([b[0] ^ 0x55]))
    return change


@test
def test_untampered_copy_verifies():
    done(as_user(copy_of(busy()), "dir", "audit", "verify"))


@test
def test_deleted_rows_are_6():
    for table in ("record", "child", "activity", "audit", "recovery", "cert"):
        tampered(sql("DELETE FROM {0} WHERE rowid = (SELECT min(rowid) FROM "
                     "{0})".format(table)))
    for table in ("slot", "slot_key", "case_key", "unit", "manifest",
                  "store", "root"):
        tampered(sql("DELETE FROM " + table))
    tampered(sql("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM "
                 "audit)"))
    tampered(sql("DELETE FROM unit_grant WHERE unit = '%s'" % OTHER))
    # Who lost his own key cannot tell this from not having got it yet.
    r = copy_of(busy())
    sql("DELETE FROM unit_grant")(r)
    refused(as_user(r, "dir", "audit", "verify"), PERMISSION, "改动")


@test
def test_flipped_bytes_of_sealed_fields_are_6():
    for table, column in (("record", "coded"), ("record", "narrative"),
                          ("child", "name"), ("child", "coded"),
                          ("activity", "coded"), ("audit", "payload"),
                          ("audit", "proof"), ("slot", "sealed"),
                          ("slot_key", "identity"),
                          ("case_key", "identity")):
        tampered(flipped(table, column))
    tampered(flipped("child", "name"), command=("child", "list"))
    tampered(flipped("record", "narrative"), command=("child", "show", "k1"))


@test
def test_damaged_files_are_6():
    for file in ("content.db", "keys.db"):
        # Not 24, 40, 48, 92, 96: counters that say nothing of the contents.
        for where in (0, 5, 16, 17, 18, 19, 20, 21, 22, 23, 28, 32, 36, 44,
                      52, 56, 60, 64, 68, 72, 91, 100, 103):
            tampered(flip(file, where))
        r = copy_of(busy())
        path = os.path.join(r, file)
        for size in (os.path.getsize(path) // 2, 4096, 100, 0):
            with open(path, "r+b") as f:
                f.truncate(size)
            refused(as_user(r, "dir", "audit", "verify"), CORRUPT)
        put(path, os.urandom(65536))
        refused(as_user(r, "dir", "child", "list"), CORRUPT)
        os.unlink(path)
        refused(as_user(r, "dir", "child", "list"), CORRUPT)


@test
def test_changed_schema_is_6():
    for s in ("CREATE TABLE x(a)", "CREATE TRIGGER t AFTER INSERT ON audit "
              "BEGIN DELETE FROM audit; END", "CREATE VIEW v AS SELECT 1",
              "DROP INDEX child_tag", "PRAGMA user_version = 99",
              "PRAGMA application_id = 1"):
        r = copy_of(busy())
        con = sqlite3.connect(os.path.join(r, "content.db"))
        con.execute(s)
        con.commit()
        con.close()
        refused(as_user(r, "dir", "child", "list"), CORRUPT)


@test
def test_no_memory_is_1():
    r = base()
    before = hashes(r)
    result = as_user(r, "dir", "child", "list",
                     prefix=("prlimit", "--as=%d" % (70 << 20)))
    refused(result, INTERNAL)
    equal(hashes(r), before, "nothing changed")


# ---- lists ----

@test
def test_json_is_one_document_and_the_same_in_both_languages():
    r = busy()
    for user, command in (
            ("dir", "child list"), ("dir", "child list --flagged"),
            ("dir", "child list --due"), ("dir", "child show k1"),
            ("dir", "child find --name 例"), ("dir", "due"),
            ("dir", "review list --all"), ("sup", "review list"),
            ("sup", "review show f1"), ("sup", "child list"),
            ("admin", "unit list"), ("admin", "user list"),
            ("stat", "release list"), ("stat", "release verify")):
        docs = []
        for lang in LANGS:
            text = done(as_user(r, user, "--json", "--lang", lang,
                                *command.split())).text
            docs.append(json.loads(text))
            true(text.endswith("\n"), command)
        equal(docs[0], docs[1], command)
    for user, command in (("admin", "audit head"), ("admin", "audit verify")):
        for lang in LANGS:
            json.loads(done(as_user(r, user, "--json", "--lang", lang,
                                    *command.split())).text)


@test
def test_list_without_the_right_is_3_and_never_empty():
    r = base()
    for user, command in (
            ("stat", "child list"), ("stat", "due"), ("stat", "review list"),
            ("admin", "child list"), ("admin", "due"),
            ("admin", "review list"), ("admin", "release list"),
            ("dir", "release list"), ("dir", "release verify"),
            ("sup", "child find --name x"), ("stat", "child find --name x"),
            ("stat", "child show k1"), ("admin", "child show k1"),
            ("sup", "child show k1"), ("dir", "export"), ("sup", "export"),
            ("admin", "export")):
        for json_too in ((), ("--json",)):
            argv = command.split()
            if command == "export":
                argv = ["export", "annex", "--unit", COUNTY, "--from",
                        "2025-01-01", "--to", "2025-12-31", "--format",
                        "json", "-o", os.path.join(scratch(), "never")]
            refused(as_user(r, user, *json_too, *argv), PERMISSION)
    true(not os.path.exists(os.path.join(scratch(), "never")), "no file")
    # Somebody else's child is not told from none.
    refused(as_user(r, "dir2", "child", "show", "k1"), ABSENT)


@test
def test_empty_lists_say_so():
    r = copy_of(base())
    done(as_user(r, "dir", "child", "erase", "k1", "--reason", "演示"))
    for user, command in (("dir", "child list"), ("dir", "due"),
                          ("dir", "child list --due"),
                          ("dir", "child list --flagged"),
                          ("dir", "child find --name x"),
                          ("sup", "child list"), ("sup", "due"),
                          ("sup", "review list"), ("sup", "review list --all"),
                          ("stat", "release list"),
                          ("stat", "release verify")):
        for lang in LANGS:
            text = done(as_user(r, user, "--lang", lang,
                                *command.split())).text
            true(len(text) > 6 and "\n" not in text.strip(), (command, text))
        equal(done(as_user(r, user, "--json", *command.split())).json(), [],
              command)


def width(s):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in s)


def columns_of(text):
    """Check that the columns of a table stand below each other."""
    lines = [x for x in text.splitlines() if x]
    starts, w = [], 0
    for m in re.finditer(r"\S+(?: \S+)*( {2,}|$)", lines[0]):
        starts.append(width(lines[0][:m.start()]))
    for line in lines[1:]:
        at, ends = 0, {}
        for c in line:
            ends[at] = c
            at += width(c)
        for s in starts[1:]:
            true(ends.get(s, "x") != " " and ends.get(s - 1) == " ",
                 "%r is not aligned with %r" % (line, lines[0]))
    return len(lines) - 1


@test
def test_tables_are_aligned():
    r = busy()
    for user, command in (("dir", "child list"), ("sup", "child list"),
                          ("dir", "due"), ("sup", "review list"),
                          ("admin", "user list"), ("admin", "unit list")):
        for lang in LANGS:
            true(columns_of(done(as_user(r, user, "--lang", lang,
                                         *command.split())).text) > 0,
                 command)


@test
def test_case_reads_naturally():
    text = done(as_user(busy(), "dir", "child", "show", "k1")).text
    for words in ("姓名：例一", "类别：农村留守儿童", "风险：红", "方式：走访慰问",
                  "当面：是", "金额：0.00 元", "理由：演示"):
        true(words in text, words + " is not in:\n" + text)
    true(not re.search(r"[（(]1 ", text), "a raw number:\n" + text)
    true("提交审核：" not in text, "said twice:\n" + text)
    r = copy_of(busy())
    done(as_user(r, "dir", "observe", stdin=having(
        "observation", signs=["runaway"])))
    for lang, words in (("zh", "提交审核：按规则"), ("en", "flagged: by rule")):
        text = done(as_user(r, "dir", "--lang", lang, "child", "show",
                            "k1")).text
        true(words in text, text)


@test
def test_control_characters_do_not_reach_the_terminal():
    r = copy_of(base())
    done(as_user(r, "dir", "child", "add", stdin=having(
        "child", id="x\u202ey", name="例\u2066x")))
    out = done(as_user(r, "dir", "child", "list")).text
    true(not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f]", out),
         ascii(out))


# ---- child, due, review ----

@test
def test_child_is_found_by_id_uuid_name_and_number():
    r = copy_of(base())
    done(as_user(r, "dir", "child", "add", stdin=having(
        "child", id="k2", name="例二", id_number="11010519491231002X")))
    rows = done(as_user(r, "dir", "--json", "child", "find", "--name",
                        "例二")).json()
    equal([c["id"] for c in rows], ["k2"], "by name")
    for number in ("11010519491231002X", "11010519491231002x"):
        got = done(as_user(r, "dir", "--json", "child", "find",
                           "--id-number", number)).json()
        equal([c["id"] for c in got], ["k2"], "by number")
    got = done(as_user(r, "dir", "--json", "child", "find", "--id-number",
                       "-", stdin="11010519491231002X\n")).json()
    equal([c["id"] for c in got], ["k2"], "by number on stdin")
    for key in ("k2", rows[0]["uuid"], rows[0]["uuid"].upper()):
        got = done(as_user(r, "dir", "--json", "child", "show", key)).json()
        equal(got["child"]["name"], "例二", key)
    for key in ("nobody", "", "00000000-0000-7000-8000-000000000000"):
        refused(as_user(r, "dir", "child", "show", key), ABSENT)
    refused(as_user(r, "dir", "child", "erase", "nobody", "--reason", "x"),
            ABSENT)
    done(as_user(r, "dir", "child", "erase", "k2", "--reason", "演示"))
    refused(as_user(r, "dir", "child", "show", "k2"), ABSENT)
    done(as_user(r, "dir", "audit", "verify"))


@test
def test_due_lists_red_first():
    r = copy_of(base())
    lines = []
    for i, risk in enumerate(("green", "yellow", "red", "orange")):
        lines += [having("child", id="d%d" % i),
                  having("observation", id="do%d" % i, child="d%d" % i,
                         risk=risk, signs=[])]
    path = put(os.path.join(scratch(), "due.ndjson"),
               b"\n".join(dump(x) for x in lines))
    done(as_user(r, "dir", "import", path))
    rows = done(as_user(r, "dir", "--json", "due", "--on",
                        "2026-01-01")).json()
    equal([x["risk"] for x in rows if x["id"] != "k1"],
          ["red", "orange", "yellow", "green"], "order")
    equal([x["due"] for x in rows if x["id"] != "k1"],
          ["2025-06-04", "2025-06-17", "2025-07-03", "2025-09-01"], "dates")
    rows = done(as_user(r, "dir", "--json", "due", "--on",
                        "2025-06-16")).json()
    equal([x["id"] for x in rows], ["d2"], "one")


@test
def test_review_by_the_supervisor():
    r = copy_of(busy())
    rows = done(as_user(r, "sup", "--json", "review", "list")).json()
    equal([x["id"] for x in rows], ["f1"], "flags")
    shown = done(as_user(r, "sup", "--json", "review", "show", "f1")).json()
    true("name" not in shown["child"], "no identity without a reason")
    shown = done(as_user(r, "sup", "--json", "review", "show", "f1",
                         "--reason", "演示")).json()
    equal(shown["child"]["name"], "例一", "identity")
    refused(as_user(r, "sup", "review", "show", "nothing"), ABSENT)
    decide = ("review", "decide", "f1", "--decision")
    refused(as_user(r, "sup", "review", "decide", "nothing", "--decision",
                    "close", "--reason", "x"), ABSENT)
    refused(as_user(r, "dir", *decide, "close", "--reason", "x"), PERMISSION)
    refused(as_user(r, "stat", *decide, "close", "--reason", "x"),
            PERMISSION)
    refused(as_user(r, "sup", *decide, "close", "--reason", "x" * 257),
            USAGE)
    done(as_user(r, "sup", *decide, "accept", "--reason", "演示"))
    done(as_user(r, "sup", *decide, "close", "--reason", "演示"))
    refused(as_user(r, "sup", *decide, "close", "--reason", "演示"),
            CONFLICT)
    equal(done(as_user(r, "sup", "--json", "review", "list")).json(), [],
          "open flags")
    rows = done(as_user(r, "sup", "--json", "review", "list",
                        "--all")).json()
    equal([x["state"] for x in rows], ["closed"], "all flags")


@test
def test_a_corrected_flag_is_reviewed_by_the_number_in_the_list():
    r = copy_of(base())
    form = "0190bbbb-0000-7000-8000-000000000000"	# as a page gives them
    visit = having("observation", id=form, signs=["self_harm"], risk="red",
                   note="手臂有伤")
    done(as_user(r, "dir", "observe", stdin=visit))
    changed = dict(visit, signs=[], risk="green", note="看错了")
    got = done(as_user(r, "dir", "--json", "observe", "--correct",
                       stdin=changed)).json()
    equal((got["saved"], got["again"]), ("corrected", False), "not answered")
    row, = done(as_user(r, "sup", "--json", "review", "list")).json()
    equal((row["id"], row["signs"], row["risk"], row["was"],
           row["corrected"], row["again"]),
          (form, ["self_harm"], "green", "red", True, False), "the list")
    shown = done(as_user(r, "sup", "--json", "review", "show",
                         row["id"])).json()
    equal([(v["version"], v["risk"], v["signs"], v["note"], v["author"])
           for v in shown["flag_versions"]],
          [(1, "red", ["self_harm"], "手臂有伤", "dir"),
           (2, "green", [], "看错了", "dir")], "its versions")
    text = done(as_user(r, "sup", "review", "show", row["id"])).text
    for part in ("已更正", "手臂有伤", "看错了", "自伤自残"):
        true(part in text, "%s: %s" % (part, text))
    true("已更正" in done(as_user(r, "sup", "review", "list")).text, "list")
    done(as_user(r, "sup", "review", "decide", row["id"], "--decision",
                 "accept", "--reason", "演示"))
    got = done(as_user(r, "dir", "observe", "--correct",
                       stdin=dict(changed, note="再改"))).text
    true("再看一次" in got, got)
    row, = done(as_user(r, "sup", "--json", "review", "list")).json()
    equal((row["state"], row["again"]), ("open", True), "again")
    # One that was never corrected says nothing of it.
    done(as_user(r, "dir", "observe", stdin=dict(visit, id="o9")))
    shown = done(as_user(r, "sup", "--json", "review", "show", "o9")).json()
    true("flag_versions" not in shown and not shown["flag"]["corrected"],
         "the control")


# ---- demo, export, release, audit, backup ----

DEMO = ("--children", "40", "--observations", "120", "--seed", "7")


def as_demo(register, user, *command):
    return run(register, user, "demo-%s-runxin" % user, *command)


def make_demo(*options):
    r = os.path.join(temp_dir(), "demo")
    return r, run(None, None, None, "demo", r, *options)


@once
def demo():
    """The register (to be copied: an export is remembered), the report."""
    r, result = make_demo(*DEMO, "--json")
    return r, done(result).json()


def annex(register, format="json", unit=COUNTY, user="stat", to=TODAY):
    out = os.path.join(temp_dir(), "annex." + format)
    result = as_demo(register, user, "export", "annex", "--unit", unit,
                     "--from", "2025-01-01", "--to", to, "--format", format,
                     "-o", out)
    done_with_notes(result)
    return out


@test
def test_demo_is_deterministic_and_prints_its_passphrases():
    r, doc = demo()
    users = {u["user"]: u["passphrase"] for u in doc["users"]}
    equal(users["dir1"], "demo-dir1-runxin", "passphrase")
    r2, second = make_demo(*DEMO)
    for u, p in users.items():
        true(re.search(r"^%s .*  %s$" % (u, p), done(second).text, re.M), u)

    def children(register):
        rows = done(as_demo(register, "dir1", "--json", "child",
                            "list")).json()
        for row in rows:
            del row["uuid"]
        return rows
    equal(children(r2), children(r), "children")
    true(len(children(r)) == 10, "a quarter of them")
    docs = [json.load(open(annex(copy_of(x)), encoding="utf-8"))
            for x in (r, r2)]
    equal(docs[0], docs[1], "annex")
    r3, third = make_demo(*DEMO[:-1], "8")
    done(third)
    true(children(r3) != children(r), "another seed, other data")
    for n in (1, 3, 4, 5, 6, 9):
        done(make_demo("--children", str(n), "--observations", "80",
                       "--seed", str(n))[1])
    done(make_demo("--children", "2", "--observations", "0")[1])
    refused(make_demo_at(r), CONFLICT)
    refused(make_demo_at("/nonexistent/demo"), IO)
    refused(make_demo_at(put(os.path.join(scratch(), "f"), b"")), IO)


def make_demo_at(path):
    return run(None, None, None, "demo", path, *DEMO)


@test
def test_demo_annex_and_table_have_the_shape_of_the_contract():
    r = copy_of(demo()[0])
    doc = json.load(open(annex(r), encoding="utf-8"))
    true({"unit", "from", "to", "columns", "rows", "total", "notes"} <=
         set(doc), "keys")
    equal((doc["unit"], doc["from"], doc["to"]),
          (COUNTY, "2025-01-01", TODAY), "scope")
    equal(doc["columns"], COLUMNS, "columns")
    for row in doc["rows"]:
        true({"code", "name", "values"} <= set(row), "row")
    for values in [row["values"] for row in doc["rows"]] + [doc["total"]]:
        equal(len(values), 7, "values")
        for k, v in enumerate(values):
            if k == 4:
                true(re.fullmatch(r"\d+\.\d{4}", v), v)
            else:
                true(type(v) is int and v >= 0, v)
    true(all(isinstance(n, str) for n in doc["notes"]), "notes")
    equal([row["code"] for row in doc["rows"]], [COUNTY], "rows")
    true(any(v for v in doc["total"] if not isinstance(v, str)), "figures")

    out = os.path.join(temp_dir(), "table.json")
    done_with_notes(as_demo(
        r, "stat", "export", "table", "--unit", COUNTY, "--count",
        "children", "--by", "sex,age_band", "--from", "2025-01-01", "--to",
        TODAY, "--format", "json", "-o", out))
    doc = json.load(open(out, encoding="utf-8"))
    equal(doc["dims"], ["sex", "age_band"], "dims")
    true("totals" in doc, "totals")
    margins = 0
    for cell in doc["cells"]:
        true({"key", "value", "status"} <= set(cell), cell)
        equal(len(cell["key"]), 2, "key")
        true(all(isinstance(k, str) for k in cell["key"]), "keys are text")
        margins += "*" in cell["key"]
        equal(cell["status"], "suppressed" if cell["value"] is None else
              "ok", "status")
        if cell["value"] is not None:
            true(type(cell["value"]) is int and (
                cell["value"] == 0 or cell["value"] >= 5), cell)
    true(margins > 0, "margins")
    equal(["*", "*"] in [c["key"] for c in doc["cells"]], True, "all")


@test
def test_every_dimension_is_exported_or_refused_by_name():
    out = os.path.join(temp_dir(), "table.json")
    good = 0
    for count in ("children", "observations", "interventions"):
        for dim in ("province city county township village year quarter "
                    "month age_band sex category "
                    "sign risk kind outcome").split():
            result = as_demo(
                copy_of(demo()[0]), "stat", "export", "table", "--unit",
                COUNTY, "--count",
                count, "--by", dim, "--from", "2025-01-01", "--to", TODAY,
                "--format", "json", "-o", out)
            if result.rc == USAGE:
                refused(result, USAGE, dim)
                continue
            done_with_notes(result)
            doc = json.load(open(out, encoding="utf-8"))
            equal((doc["dims"], [c["key"] for c in doc["cells"]][-1]),
                  ([dim], ["*"]), dim)
            good += 1
    true(good >= 15, "%d were exported" % good)


@test
def test_annex_refuses_what_is_finer_than_a_county():
    r, _ = demo()
    for unit in (TOWN, VILLAGE):
        refused(as_demo(r, "stat", "export", "annex", "--unit", unit,
                        "--from", "2025-01-01", "--to", TODAY, "--format",
                        "json", "-o", os.path.join(scratch(), "fine")),
                USAGE)
    refused(as_demo(r, "stat", "export", "annex", "--unit", "350103",
                    "--from", "2025-01-01", "--to", TODAY, "--format",
                    "json", "-o", os.path.join(scratch(), "fine")),
            PERMISSION)
    true(not os.path.exists(os.path.join(scratch(), "fine")), "no file")


def annex_of(r, start, end):
    return as_demo(r, "stat", "export", "annex", "--unit", COUNTY, "--from",
                   start, "--to", end, "--format", "json", "-o",
                   os.path.join(temp_dir(), "a.json"))


@test
def test_annexes_that_differ_by_a_day_of_few_children_are_refused():
    """Odd dates once; then whole months, or nobody seen in the difference."""
    r = copy_of(demo()[0])
    day = datetime.date.fromisoformat(TODAY) - datetime.timedelta(days=40)
    start = (day - datetime.timedelta(days=90)).isoformat()
    first = annex_of(r, start, day.isoformat())
    done_with_notes(first)
    true("填报时段" in first.err.decode() or b"reporting period" in first.err,
         first.err)
    later = [annex_of(r, start,
                      (day + datetime.timedelta(days=n)).isoformat())
             for n in range(1, 13)]
    true(any(x.rc == CONFLICT for x in later), "a day is not shown")
    for x in later:
        true(x.rc in (OK, CONFLICT), x.err)
    done_with_notes(annex_of(r, start, day.isoformat()))
    month = day.replace(day=1)
    end = (month - datetime.timedelta(days=1))
    done_with_notes(annex_of(r, end.replace(day=1).isoformat(),
                             end.isoformat()))


def table_of(r, by, *more, count="interventions"):
    return as_demo(r, "stat", *more, "export", "table", "--unit", COUNTY,
                   "--count", count, "--by", by, "--from", "2025-01-01",
                   "--to", TODAY, "--format", "json", "-o",
                   os.path.join(temp_dir(), "t.json"))


@test
def test_dry_run_of_a_table_writes_and_enters_nothing():
    r = copy_of(demo()[0])
    before = done(as_demo(r, "stat", "--json", "release", "list")).json()
    argv = ["--unit", COUNTY, "--count", "interventions", "--by",
            "kind,outcome,village", "--from", "2025-01-01", "--to", TODAY]
    plan = done(as_demo(r, "stat", "--json", "export", "table", *argv,
                        "--dry-run")).json()
    after = done(as_demo(r, "stat", "--json", "release", "list")).json()
    equal(len(after), len(before), "ledger")
    true(plan["cells"] > plan["suppressed"] >= 0, plan)
    for other in plan["coarser"]:
        true(other["suppressed"] / other["cells"] <
             plan["suppressed"] / plan["cells"], other)
    done(table_of(r, "kind,outcome,village"))
    row = done(as_demo(r, "stat", "--json", "release", "list")).json()[-1]
    equal(row["suppressed"], plan["suppressed"], "as it was foretold")
    equal(row["cells"], plan["cells"], "cells")


@test
def test_two_exports_at_once_are_checked_against_each_other():
    r = copy_of(demo()[0])
    before = len(done(as_demo(r, "stat", "--json", "release", "list")).json())
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda by: table_of(r, by),
                                ["kind", "kind", "kind,sex", "sex"]))
    for x in results:
        true(x.rc in (OK, CONFLICT), x.err)
    rows = done(as_demo(r, "stat", "--json", "release", "verify")).json()
    # "kind" was asked twice and is there once
    titles = [x["title"] for x in rows[before:]]
    equal(len(titles), len(set(titles)), titles)
    true(any("audited_with" in x for x in rows), "audited together")


@test
def test_every_format_is_written_and_kept_in_the_ledger():
    r = copy_of(demo()[0])
    with open(annex(r, "csv"), "rb") as f:
        true("合计" in f.read().decode("utf-8-sig"), "csv")
    with open(annex(r, "xlsx"), "rb") as f:
        equal(f.read(2), b"PK", "xlsx")
    rows = done(as_demo(r, "stat", "--json", "release", "list")).json()
    true(len(rows) >= 1 and all(x["intact"] for x in rows), "ledger")
    done(as_demo(r, "stat", "release", "verify"))
    flipped("release", "sealed")(r)
    equal(as_demo(r, "stat", "release", "verify").rc, CORRUPT, "tampered")


@test
def test_audit_head_is_an_anchor():
    r = copy_of(base())
    head = done(as_user(r, "admin", "audit", "head")).text.strip()
    true(re.fullmatch(r"\d+-[0-9a-f]{64}", head), head)
    done(as_user(r, "dir", "observe", stdin=having("observation")))
    for lang in LANGS:
        done(as_user(r, "admin", "--lang", lang, "audit", "verify",
                     "--anchor", head))
    got = done(as_user(r, "admin", "--json", "audit", "verify", "--anchor",
                       head)).json()
    true(got["intact"] and got["anchored"], got)
    code = done(as_user(r, "admin", "--json", "audit", "head")).json()["code"]
    true(re.fullmatch(r"\d+(-[0-9A-Z]{4}){7}", code), code)
    equal(done(as_user(r, "admin", "audit", "head", "--code")).text.strip(),
          code)
    done(as_user(r, "admin", "audit", "verify", "--anchor", code.lower()))
    typo = code[:-1] + ("0" if code[-1] != "0" else "1")
    refused(as_user(r, "admin", "audit", "verify", "--anchor", typo), USAGE)
    other = head[:-1] + ("0" if head[-1] != "0" else "1")
    refused(as_user(r, "admin", "audit", "verify", "--anchor", other),
            CORRUPT)
    for bad in ("", "x", "1", "1-", "1-00", "-" + head, "9" * 30 + head):
        refused(as_user(r, "admin", "audit", "verify", "--anchor", bad),
                USAGE)


@test
def test_countersigned_head_is_an_anchor_too():
    r = copy_of(base())
    d = temp_dir()
    file, older = os.path.join(d, "signed"), os.path.join(d, "older")
    equal(done(as_user(r, "dir", "--json", "audit", "anchors")).json(), [])
    refused(as_user(r, "dir", "audit", "countersign"), PERMISSION)
    done(as_user(r, "dir", "backup", "create", older))
    done(as_user(r, "dir", "observe", stdin=having("observation")))
    signed = done(as_user(r, "admin", "--json", "audit", "countersign", "-o",
                          file)).json()
    rows = done(as_user(r, "dir", "--json", "audit", "anchors")).json()
    equal(rows, [signed])
    equal((signed["user"], signed["kind"], signed["copy"], signed["here"]),
          ("admin", "verified", None, True))
    got = done(as_user(r, "dir", "--json", "audit", "verify", "--anchor",
                       file)).json()
    equal((got["from"], got["by"]), (signed["seq"], "admin"))
    got = done(as_user(r, "dir", "--json", "audit", "verify",
                       "--full")).json()
    equal((got["from"], got["by"], got["countersigned"]), (0, None, 1))
    for lang in LANGS:
        text = done(as_user(r, "dir", "--lang", lang, "audit", "verify")).text
        true(str(signed["seq"]) in text and "admin" in text, text)
        done(as_user(r, "dir", "--lang", lang, "audit", "anchors"))
    # The register in use knows better, or the file does.
    refused(as_user(r, "dir", "backup", "restore", older,
                    os.path.join(d, "1")), CONFLICT)
    refused(as_user("/nonexistent", "dir", "backup", "restore", older,
                    os.path.join(d, "1"), "--anchor", file), CONFLICT)
    equal(as_user(r, "dir", "backup", "restore", older, os.path.join(d, "1"),
                  "--older-than-head").rc, 0)
    with open(file) as f:
        text = f.read()
    with open(file, "w") as f:
        f.write(text[:-2] + ("0" if text[-2] != "0" else "1") + "\n")
    refused(as_user(r, "dir", "audit", "verify", "--anchor", file), CORRUPT)


@test
def test_audit_head_is_drawn_as_a_qr_code():
    r = copy_of(base())
    lines = done(as_user(r, "dir", "audit", "head", "--qr")).text.split("\n")
    true(re.fullmatch(r"\d+(-[0-9A-Z]{4}){7}", lines[0]), lines[0])
    code = [x for x in lines[1:] if x]
    true(len({len(x) for x in code}) == 1, "a square")
    true(len(code) == (len(code[0]) + 1) // 2, "of the same height")
    equal(set("".join(code)) - set("█▀▄ "), set())


@test
def test_backup_needs_both_files():
    r = copy_of(busy())
    d = temp_dir()
    file = os.path.join(d, "backup")
    done(as_user(r, "dir", "backup", "create", file))
    true(os.path.exists(file) and os.path.exists(file + ".keys"), "files")
    refused(as_user(r, "dir", "backup", "create", file), CONFLICT)
    done(as_user("/nonexistent", "dir", "backup", "verify", file))
    refused(run(None, "dir", "wrong", "-r", "/nonexistent", "backup",
                "verify", file), PERMISSION)
    to = os.path.join(d, "restored")
    done(as_user("/nonexistent", "dir", "backup", "restore", file, to))
    want = done(as_user(r, "dir", "--json", "child", "list")).json()
    equal(done(as_user(to, "dir", "--json", "child", "list")).json(), want,
          "children")
    refused(as_user(r, "dir", "backup", "restore", file, to), CONFLICT)
    refused(as_user(r, "dir", "backup", "restore", file,
                    "/nonexistent/x/y"), IO)
    data = open(file, "rb").read()
    true("例一".encode() not in data + open(file + ".keys", "rb").read(),
         "ciphertext only")
    for where in (0, 30, len(data) // 2, len(data) - 1):
        put(file, data[:where] + bytes([data[where] ^ 1]) + data[where + 1:])
        refused(as_user(r, "dir", "backup", "verify", file), CORRUPT)
    put(file, data[:-1])
    refused(as_user(r, "dir", "backup", "verify", file), CORRUPT)
    put(file, b"")
    refused(as_user(r, "dir", "backup", "verify", file), CORRUPT)
    put(file, data)
    os.unlink(file + ".keys")
    refused(as_user(r, "dir", "backup", "verify", file), IO)
    refused(as_user(r, "dir", "backup", "restore", file,
                    os.path.join(d, "half")), IO)
    true(not os.path.exists(os.path.join(d, "half")), "nothing is made")


@test
def test_certificate_of_erasure_is_listed_shown_and_verified():
    r = copy_of(base())
    done(as_user(r, "dir", "erasure", "list"))
    refused(as_user(r, "dir", "child", "erase", "k1", "--reason", "演示",
                    "--ground", "mood"), USAGE, "mood", "withdrawn")
    refused(as_user(r, "dir", "child", "erase", "k1", "--reason", "演示",
                    "--asked-by", "me"), USAGE, "me", "guardian")
    # Only the receipt of another register says that a case moved there.
    refused(as_user(r, "dir", "child", "erase", "k1", "--reason", "演示",
                    "--ground", "moved", "--yes"), USAGE, "moved", "withdrawn")
    done(as_user(r, "dir", "child", "show", "k1"))
    done(as_user(r, "dir", "child", "list", "--json"))
    number = done(as_user(
        r, "dir", "--json", "child", "erase", "k1", "--reason", "监护人来电",
        "--ground", "withdrawn", "--asked-by", "guardian")).json()["erased"]
    rows = done(as_user(r, "dir", "--json", "erasure", "list")).json()
    equal([x["number"] for x in rows], [number], "listed")
    one = done(as_user(r, "dir", "--json", "erasure", "show", number)).json()
    equal((one["ground"], one["asked_by"], one["reason"], one["author"],
           one["files_rewritten"]),
          ("withdrawn", "guardian", "监护人来电", "dir", True), one)
    for lang, words in (("zh", ("档案删除证明", "同意已撤回", "监护人来电")),
                        ("en", ("Certificate of erasure",
                                "the consent was withdrawn"))):
        text = done(as_user(r, "dir", "--lang", lang, "erasure", "show",
                            number)).text
        for w in words + (number,):
            true(w in text, "%r is not in %r" % (w, text))
    one = done(as_user(r, "sup", "--json", "erasure", "show", number)).json()
    true("reason" not in one and one["ground"] == "withdrawn", one)
    refused(as_user(r, "stat", "erasure", "list"), PERMISSION)
    refused(as_user(r, "admin", "erasure", "list"), PERMISSION)
    refused(as_user(r, "dir2", "erasure", "show", number), PERMISSION)
    refused(as_user(r, "dir", "erasure", "show", "k1"), ABSENT)
    equal(done(as_user(r, "dir", "--json", "erasure", "verify")).json(),
          {"certificates": 1}, "verified")
    done(as_user(r, "sup", "erasure", "verify"))
    done(as_user(r, "dir", "audit", "verify"))


@test
def test_recount_says_which_extracts_did_not_fit_and_goes_on():
    """An extract of another course of the register: of as many versions."""
    r = copy_of(base())
    other = copy_of(r)
    for where, kind in ((r, "visit_condolence"), (other, "cash_condolence")):
        done(as_user(where, "dir", "intervene", stdin=having(
            "intervention", id="x1", child="k1", kind=kind)))
    with sqlite3.connect(os.path.join(r, "content.db")) as db:
        db.execute("ATTACH ? AS other", (os.path.join(other, "content.db"),))
        changed = db.execute(
            "UPDATE main.extract SET sealed = (SELECT o.sealed FROM "
            "other.extract AS o WHERE o.child = extract.child)").rowcount
        equal(changed, 1, "extracts")
        db.commit()
    db.close()
    out = os.path.join(scratch(), "recount.json")
    export = ["export", "annex", "--unit", COUNTY, "--from", "2025-06-01",
              "--to", "2025-06-30", "--format", "json", "-o", out]
    got = done_with_notes(as_user(r, "stat", *export, "--recount"))
    true("1 个个案的统计摘录" in got.complaint, got.complaint)
    visits = json.load(open(out, encoding="utf-8"))["total"][3]
    equal(visits, 1, "what the records say")
    os.remove(out)
    got = done_with_notes(as_user(r, "stat", "--lang", "en", *export,
                                  "--recount"))
    true("extracts" not in got.complaint, "deleted before")
    rows = done(as_user(r, "stat", "--json", "audit", "list")).json()
    true(any(row["action"] == "extract" for row in rows), rows)
    # The row was put there outside the program.
    refused(as_user(r, "admin", "audit", "verify"), CORRUPT)


@test
def test_commands_at_the_same_time_wait_or_are_refused():
    r = copy_of(base())
    ps = []
    for i in range(4):
        p, _ = spawn(r, "dir", WHO["dir"], "observe", stdin=b"")
        p.stdin.write(dump(having("observation", id="t%d" % i)))
        p.stdin.close()
        p.stdin = None
        ps.append(p)
    for p in ps:
        out, err = p.communicate(timeout=60)
        equal((p.returncode, err), (OK, b""), "saved")
    done(as_user(r, "dir", "audit", "verify"))


if __name__ == "__main__":
    main()
