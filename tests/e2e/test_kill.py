"""The server is killed while several directors write: what was answered as
saved is there, nothing is there by half, and the audit verifies, every time.

RUNXIN_KILLS=N kills that often; make torture does it 1,000 times.  Nearly all
of that is passphrases being stretched: so what is there is read on the page, by
who signs in to write more, and on the command line only now and then.
"""

# Alone: it loads the machine.

import datetime
import http.client
import os
import random
import re
import shutil
import threading
import time

import harness
import test_web_http as web
from harness import equal, main, run, temp_dir, test, true
from test_web_http import Browser, Server, passphrase

harness._tests.clear()		# those of the other file are run by it

WRITERS = ("dir1", "dir2", "dir3")
KILLS = int(os.environ.get("RUNXIN_KILLS", "6"))
A_REGISTER = 100		# kills, then a new one
AGAIN = 25			# kills, then the command line looks too
NOTE = re.compile("dir\\d 第\\d+次，写到一半断电也不丢。")
GONE = (OSError, http.client.HTTPException)	# the server, in mid-sentence


def children(register, user):
    return run(register, user, passphrase(user), "--json", "child",
               "list").expect().json()


class Register:
    """One register, who writes in it, and what they were told."""

    def __init__(self):
        self.path = os.path.join(temp_dir(), "register")
        run(None, None, None, "demo", self.path, "--children", "12",
            "--observations", "8").expect()
        self.child = {u: children(self.path, u)[0] for u in WRITERS}
        self.sent, self.saved, self.serial = set(), set(), 0
        self.wrong = []			# in a thread; raised by the test
        self.lock = threading.Lock()

    def note(self, user):
        with self.lock:
            self.serial += 1
            return "%s 第%d次，写到一半断电也不丢。" % (user, self.serial)

    def write(self, user, b):
        """Observations, one after the other, until nobody answers."""
        form = "/child/%s/observe" % self.child[user]["uuid"]
        day = datetime.date.today().isoformat()
        try:
            while True:
                fields = dict(b.get(form).page().fields(form), date=day,
                              channel="talk", risk="green",
                              note=self.note(user))
                self.sent.add(fields["note"])
                r = b.post(form, fields)
                equal(r.status, 303, "an observation: " + r.text[:500])
                self.saved.add(fields["note"])
        except GONE:
            pass
        except BaseException as e:
            self.wrong.append(e)

    def stored(self):
        """The notes that are there, each as often as it is."""
        found = []
        for user in WRITERS:
            shown = run(self.path, user, passphrase(user), "--json", "child",
                        "show", self.child[user]["id"]).expect().json()
            for r in shown["records"]:
                if not r.get("note", "").startswith("dir"):
                    continue
                true(r["date"] and r["risk"] == "green" and
                     r["channel"] == "talk", "half of it: %r" % r)
                found.append(r["note"])
        return found

    def shown(self, user, b):
        """The notes that stand on the page of the child of ${user}."""
        r = b.get("/child/" + self.child[user]["uuid"])
        equal(r.status, 200, "the page of a child")
        return NOTE.findall(r.text)

    def compare(self, there, saved, sent):
        equal(len(there), len(set(there)), "stored once")
        true(saved <= set(there), "saved and lost: %r" % sorted(
            saved - set(there)))
        true(set(there) <= sent, "not as it was written: %r" % sorted(
            set(there) - sent))

    def verify(self):
        run(self.path, "admin", passphrase("admin"), "audit",
            "verify").expect()

    def check(self):
        self.verify()
        self.compare(self.stored(), self.saved, self.sent)

    def sign_in(self, user, server, people):
        """Sign in, and find what was written before the last kill."""
        def own(notes):
            return {n for n in notes if n.startswith(user)}
        try:
            b = Browser(server).signed_in(user)
            self.compare(self.shown(user, b), own(self.saved),
                         own(self.sent))
            people.append((user, b))
        except BaseException as e:
            self.wrong.append(e)

    def killed(self, rng):
        """Serve, look, write, kill -9 some time after the first is saved; how
        many were."""
        server, before = Server(self.path), len(self.saved)
        people = []
        for t in start(self.sign_in, [(u, server, people) for u in WRITERS]):
            t.join()
        threads = start(self.write, people)
        end = time.monotonic() + 60
        while len(self.saved) == before and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.3))
        server.p.kill()
        server.p.communicate()
        web._servers.remove(server)
        for t in threads:
            t.join()
        if self.wrong:
            raise self.wrong[0]
        return len(self.saved) - before


def start(f, calls):
    threads = [threading.Thread(target=f, args=a) for a in calls]
    for t in threads:
        t.start()
    return threads


@test
def test_what_was_saved_survives_every_kill():
    seed = int(os.environ.get("RUNXIN_SEED", time.time()))
    print("     RUNXIN_SEED=%d" % seed)
    rng, register, answered = random.Random(seed), None, 0
    for n in range(KILLS):
        if n % A_REGISTER == 0:
            register = Register()
        answered += register.killed(rng)
        if (n + 1) % AGAIN == 0 or n + 1 == KILLS:
            register.check()
        else:
            register.verify()
        if (n + 1) % 50 == 0:
            print("     %d kills, %d saved" % (n + 1, answered), flush=True)
    true(answered >= KILLS, "not all wrote: %d" % answered)
    print("     %d kills, %d observations saved meanwhile" % (KILLS, answered))


@test
def test_a_lost_record_would_be_seen():
    """The control: the folder as it was before the last observations."""
    register, rng = Register(), random.Random(1)
    older = register.path + ".older"
    while not register.saved:
        shutil.rmtree(older, True)
        shutil.copytree(register.path, older)
        register.killed(rng)
    shutil.rmtree(register.path)
    os.rename(older, register.path)
    try:
        register.check()
    except AssertionError as e:
        true("saved and lost" in str(e), str(e))
    else:
        raise AssertionError("what was lost was not missed")


if __name__ == "__main__":
    main()
