"""The server is killed while several directors write: what was answered as
saved is there, nothing is there by half, and the audit verifies, every time.

RUNXIN_KILLS=N kills that often; make torture does it 1,000 times.
"""

import datetime
import http.client
import os
import random
import shutil
import threading
import time

import harness
import test_web_http as web
from harness import equal, main, run, temp_dir, test, true
from test_web_http import Browser, Server, passphrase

harness._tests.clear()		# those of the other file are run by it

WRITERS = ("dir1", "dir2", "dir3", "dir4")
KILLS = int(os.environ.get("RUNXIN_KILLS", "6"))
A_REGISTER = 100		# kills, then a new one
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

    def check(self):
        run(self.path, "admin", passphrase("admin"), "audit",
            "verify").expect()
        there = self.stored()
        equal(len(there), len(set(there)), "stored once")
        true(self.saved <= set(there), "saved and lost: %r" % sorted(
            self.saved - set(there)))
        true(set(there) <= self.sent, "not as it was written: %r" % sorted(
            set(there) - self.sent))

    def killed(self, rng):
        """Serve, write, kill -9 some time after the first of them is saved; how
        many were."""
        server, before = Server(self.path), len(self.saved)
        people = [(u, Browser(server).signed_in(u)) for u in WRITERS]
        threads = [threading.Thread(target=self.write, args=p)
                   for p in people]
        for t in threads:
            t.start()
        end = time.monotonic() + 60
        while len(self.saved) == before and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.3))
        server.p.kill()
        server.p.communicate()
        web._servers.remove(server)
        for t in threads:
            t.join()
        return len(self.saved) - before


@test
def test_what_was_saved_survives_every_kill():
    seed = int(os.environ.get("RUNXIN_SEED", time.time()))
    print("     RUNXIN_SEED=%d" % seed)
    rng, register, answered = random.Random(seed), None, 0
    for n in range(KILLS):
        if n % A_REGISTER == 0:
            register = Register()
        answered += register.killed(rng)
        register.check()
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
