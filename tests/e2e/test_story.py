"""Lost on Monday, at work on Tuesday: the chapter of README.md, by its text.

The blocks of the chapter are run as they stand there, after the beginning of the
tour (a register, people, children): once when the laptop alone is lost, once when
the computer of the home register is gone with it.  Then the thief tries what he
took, with the director's passphrase, and each attack is seen to work on what was
written before.
"""

import os
import re
import resource
import shutil
import sqlite3
import time

import harness
from harness import (CORRUPT, OK, PERMISSION, equal, main, once, run, test,
                     true)
from readme import Desk, blocks, shows, words
import test_web_http as web

harness._tests.clear()		# those of the other file run there

TOWN, VILLAGE = "350102001", "350102001001"
CHAPTER = ["serve", "friday", "lost", "monday", "tuesday"]
PROGRAM_MAX = 60	# seconds of the processor: what the chapter says


@once
def chapter():
    """mark -> (line number, commands, excerpt of their output or "")."""
    found = blocks(CHAPTER + ["shown"])
    equal([m for m, _, _ in found if m != "shown"], CHAPTER, "the chapter")
    return {m: (line, text, after[2] if after[0] == "shown" else "")
            for (m, line, text), after in zip(found, found[1:] + [("", 0, "")])
            if m != "shown"}


class Story:
    """What happened, when ${home_lost} or not.  Folders: home, laptop (the new
    one), stolen, and home as it was on Monday before anything was done."""

    def __init__(self, home_lost):
        self.desk = Desk()
        self.desk.env["RUNXIN_REGISTER"] = self.desk.path("register")
        for _, line, text in blocks(["test"])[:3]:
            self.do(line, text, "")
        self.scheduled_backup()
        self.program = 0.0
        self.tell("friday")
        # Never brought home.
        self.cli("laptop", "lin", 2, "observe", stdin=visit("s9")).expect()
        self.cli("laptop", "lin", 2, "bundle", "make", "--to", TOWN,
                 self.desk.path("unsent.rxb")).expect()
        os.rename(self.desk.path("laptop"), self.desk.path("stolen"))
        shutil.copytree(self.desk.path("register"), self.desk.path("before"))
        if home_lost:
            shutil.rmtree(self.desk.path("register"))
            self.tell("lost")
        self.tell("monday")
        self.tell("tuesday")

    def do(self, line, text, excerpt):
        rc, out = self.desk.sh(text)
        equal(rc, OK, "README.md:%d failed:\n%s" % (line, out[-2000:]))
        if excerpt:
            missing = shows(excerpt, out)
            true(missing is None, "README.md:%d: not in the output: %s\n%s" % (
                line, missing, out[-3000:]))

    def tell(self, mark):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.do(*chapter()[mark])
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.program += now.ru_utime + now.ru_stime - used.ru_utime - \
            used.ru_stime

    def scheduled_backup(self):
        """What the page does by itself, once somebody is signed in."""
        a, b = self.desk.path("usb-a"), self.desk.path("usb-b")
        args = re.fullmatch(r"runxin serve (.*)\n", chapter()["serve"][1])
        true(args, "one command")
        for d in (a, b):
            os.mkdir(d)
        s = web.Server(self.desk.path("register"), *[
            {"usb-a": a, "usb-b": b}.get(w, w) for w in args.group(1).split()])
        web.Browser(s).signed_in("admin", words("admin", 1))
        end = time.monotonic() + 60
        while not (os.listdir(a) and os.listdir(b)):
            true(time.monotonic() < end, "no scheduled backup")
            time.sleep(0.2)
        time.sleep(3)			# it is entered in the audit too
        s.stop()

    def cli(self, folder, user, given, *command, **more):
        """As ${user}, with the passphrase that was the nth he was given."""
        return run(self.desk.path(folder), user, words(user, given), *command,
                   **more)

    def copy(self, folder, to):
        shutil.copytree(self.desk.path(folder), self.desk.path(to))
        return self.desk.path(to)


def visit(oid, note="之后"):
    return {"id": oid, "child": "c1", "date": "2025-06-11", "channel":
            "home_visit", "signs": ["mood_low"], "risk": "yellow",
            "note": note}


@once
def laptop_lost():
    return Story(False)


@once
def both_lost():
    return Story(True)


def stories():
    return laptop_lost(), both_lost()


# ---- what the chapter says ----

@test
def test_every_step_works_when_the_laptop_is_lost():
    true(laptop_lost().program > 0, "told")


@test
def test_every_step_works_when_the_home_computer_is_lost_too():
    true(both_lost().program > 0, "told")


@test
def test_the_program_takes_less_than_a_minute_in_all():
    for s in stories():
        print("     %.1f s of the processor" % s.program)
        true(s.program < PROGRAM_MAX, "it took %.1f s" % s.program)


@test
def test_work_goes_on_with_new_keys_and_the_history():
    for s in stories():
        for folder in ("register", "laptop"):
            text = s.cli(folder, "lin", 4, "child", "show", "c1").expect().text
            true("星期五的家访" in text and "星期二的家访" in text, text)
        rows = s.cli("register", "admin", 1, "user", "list",
                     "--json").expect().json()
        lin = [r for r in rows if r["name"] == "lin"][0]
        equal((lin["rotation"], lin["pending"], lin["temporary"]),
              (0, 0, False), "nothing waits")
        # What was never brought home is nowhere, as the page says.
        true("s9" not in text, text)


@test
def test_the_audit_tells_the_story():
    said = []
    for s in stories():
        got = s.cli("register", "admin", 1, "audit", "list",
                    "--json").expect().json()
        said = [(e["user"], e["action"]) for e in reversed(got)]
        at = 0
        for want in (("admin", "reset"), ("lin", "recover"),
                     ("lin", "rotate"), ("lin", "passwd"),
                     ("admin", "certify"), ("chen", "bundle")):
            true(want in said[at:], "%s after %s" % (want, said[:at]))
            at = said.index(want, at) + 1


# ---- the thief, who knows the passphrase ----

@test
def test_control_the_thief_opens_what_was_in_the_laptop():
    s = laptop_lost()
    text = s.cli("stolen", "lin", 2, "child", "show", "c1").expect().text
    true("星期五的家访" in text and "星期二" not in text, text)
    # And, before the reset, the home register itself.
    s.cli("before", "lin", 2, "child", "show", "c1").expect()


@test
def test_later_files_do_not_open_with_the_old_passphrase():
    s = laptop_lost()
    for folder in ("register", "laptop"):
        s.cli(folder, "lin", 2, "child", "list").expect(PERMISSION)
        s.cli(folder, "lin", 3, "child", "list").expect(PERMISSION)


@test
def test_later_files_do_not_open_with_the_stolen_keys_put_back():
    s = laptop_lost()
    box, = sqlite3.connect(s.desk.path("stolen/keys.db")).execute(
        "SELECT keyblob FROM user WHERE name = 'lin'").fetchone()
    # The control: put back where it was, it opens.
    for folder, want in (("before", OK), ("register", CORRUPT)):
        d = s.copy(folder, "put-" + folder)
        db = sqlite3.connect(os.path.join(d, "keys.db"))
        db.execute("UPDATE user SET keyblob = ? WHERE name = 'lin'",
                   (box,))
        db.commit()
        db.close()
        s.cli(d, "lin", 2, "child", "list").expect(want)
    d = s.copy("register", "mixed")
    shutil.copy(s.desk.path("stolen/keys.db"), d)
    s.cli(d, "lin", 2, "child", "list").expect(PERMISSION)


@test
def test_bundle_made_later_does_not_open_on_the_stolen_laptop():
    s = laptop_lost()
    for folder, want in (("before", OK), ("register", CORRUPT)):
        home = s.copy(folder, "sends-" + folder)
        path = s.desk.path("to-village-%s.rxb" % folder)
        s.cli(home, "chen", 1, "bundle", "make", "--to", VILLAGE,
              path).expect()
        thief = s.copy("stolen", "opens-" + folder)
        s.cli(thief, "lin", 2, "bundle", "open", path).expect(want)


@test
def test_bundle_by_the_thief_is_refused_at_home():
    s = laptop_lost()
    thief = s.copy("stolen", "writes")
    path = s.desk.path("forged.rxb")
    s.cli(thief, "lin", 2, "observe", stdin=visit("forged")).expect()
    s.cli(thief, "lin", 2, "bundle", "make", "--to", TOWN, path).expect()
    for folder, want in (("before", OK), ("register", PERMISSION)):
        home = s.copy(folder, "takes-" + folder)
        s.cli(home, "chen", 1, "bundle", "open", path).expect(want)


SEALED = ["coded FROM child", "name FROM child", "coded FROM record",
          "narrative FROM record", "coded FROM activity", "payload FROM audit",
          "proof FROM audit", "identity FROM keys.case_key",
          "narrative FROM keys.case_key", "coded FROM keys.case_key",
          "identity FROM keys.slot_key", "narrative FROM keys.slot_key"]


def envelopes(folder):
    """All that is sealed under a key of a unit, a case or the audit."""
    db = sqlite3.connect(os.path.join(folder, "content.db"))
    db.execute("ATTACH ? AS keys", (os.path.join(folder, "keys.db"),))
    return {row[0] for what in SEALED
            for row in db.execute("SELECT " + what) if row[0] is not None}


def ids(boxes):
    """The ids of their keys, which stand in the header (crypto/envelope.h)."""
    return {box[8:24] for box in boxes}


@test
def test_nothing_written_later_lies_under_a_key_of_the_stolen_laptop():
    for n, s in enumerate(stories()):
        kept = ids(envelopes(s.desk.path("stolen")))
        true(len(kept) >= 6, "keys of the stolen laptop: %d" % len(kept))
        # The control: what is written before the reset does.
        d = s.copy("before", "goes-on-%d" % n)
        old = envelopes(d)
        s.cli(d, "lin", 2, "observe", stdin=visit("s3")).expect()
        new = envelopes(d) - old
        true(len(new) >= 4 and ids(new) <= kept, "the control")
        old |= envelopes(s.desk.path("stolen"))
        for folder in ("register", "laptop"):
            new = envelopes(s.desk.path(folder)) - old
            true(len(new) >= 4, "written on Tuesday in " + folder)
            under = [box for box in new if box[8:24] in kept]
            equal(len(under), 0, "boxes under stolen keys in " + folder)


if __name__ == "__main__":
    main()
