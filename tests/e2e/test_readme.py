"""README.md is true: its commands run in the order in which they stand, what
it shows of their output is their output, and the packages, targets, files and
steps that it names are there.

A block after <!-- test --> is run by sh, all of them in one shell and one new
folder; one after <!-- output --> shows output of the block before it (readme.py).
Passphrases that README has a person type are given by --passphrase-fd and
--new-passphrase-fd.
"""

# Alone: it runs make.

import os
import pty
import re
import select
import subprocess
import time

from harness import RUNXIN, environment, equal, main, once, temp_dir, test, true
from readme import Desk, blocks, readme, shows


@once
def ran():
    """Run every marked block: [(line, exit status or None, output)]."""
    commands = blocks(["test"])
    _, out = Desk().sh("".join("echo '@@ start %d'\n%s\necho '@@ end %d'\n" % (
        n, text, n) for n, (_, _, text) in enumerate(commands)))
    result = []
    for n, (_, line, _) in enumerate(commands):
        m = re.search(r"@@ start %d\n(.*?)(@@ end %d\n|\Z)" % (n, n), out,
                      re.S)
        result.append((line, bool(m and m.group(2)), m.group(1) if m else
                       "(not reached)"))
    return result


def makefile_list(name):
    with open("Makefile", encoding="utf-8") as f:
        text = f.read().replace("\\\n", " ")
    return re.search(r"^%s := (.*)$" % name, text, re.M).group(1).split()


@test
def test_every_command_of_the_readme_succeeds():
    true(len(ran()) >= 8, "README has lost its marked blocks")
    for line, ended, output in ran():
        true(ended, "README.md:%d failed:\n%s" % (line, output[-2000:]))


@test
def test_the_output_shown_is_the_real_one():
    marked = blocks(["test", "output"])
    outputs = {line: output for line, _, output in ran()}
    shown = 0
    for before, after in zip(marked, marked[1:] + [("end", 0, "")]):
        true(after[0] != "output" or before[0] == "test",
             "README.md:%d: output without a command" % after[1])
        if after[0] != "output":
            continue
        missing = shows(after[2], outputs[before[1]])
        true(missing is None, "README.md:%d: not in the output: %s\n%s" % (
            after[1], missing, outputs[before[1]][-2000:]))
        shown += 1
    true(shown >= 8, "README shows too little output: %d blocks" % shown)


@test
def test_a_wrong_excerpt_is_noticed():
    output = "a 1\nb 2\nc 3\nd 4\n"
    equal(shows("a …\nb 2\n…\nd 4\n", output), None)
    equal(shows("a …\nc 3\n", output), "c 3")
    equal(shows("b 2\n…\na 1\n", output), "a 1")
    equal(shows("b 3\n", output), "b 3")
    equal(shows("d 4\ne 5\n", output), "e 5")


@test
def test_a_terminal_is_asked_for_passphrases():
    folder = temp_dir()
    argv = ["runxin", "-r", folder + "/register", "-u", "admin", "init",
            "--unit", "350102", "--name", "示例", "--recovery-out",
            folder + "/codes.txt"]
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(RUNXIN, argv, environment(folder))
    shown, answered, end = b"", 0, time.monotonic() + 60
    prompts = ["新口令：".encode(), "再输入一次新口令：".encode()]
    while time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:			# the program has left its terminal
            break
        if not data:
            break
        shown += data
        if answered < 2 and shown.endswith(prompts[answered]):
            os.write(fd, "柚子 灯塔 石桥 纸船\n".encode())
            answered += 1
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    equal(os.waitstatus_to_exitcode(status), 0, shown.decode())
    equal(answered, 2, "prompts")
    true("登记库已建立" in shown.decode(), shown.decode())
    true("灯塔" not in shown.decode(), "the passphrase was echoed")


@test
def test_what_make_run_shows_is_in_the_tour():
    with open("tests/e2e/tour.sh", encoding="utf-8") as f:
        steps = re.findall(r"^say '(.*?)(?: · .*)?'$", f.read(), re.M)
    (_, _, text), = blocks(["tour"])
    equal(text.split("\n")[:-1], steps, "the steps of tour.sh")


@test
def test_the_packages_are_those_of_the_makefile():
    (_, _, text), = blocks(["packages"])
    build = makefile_list("PKG_BUILD")
    equal(text.split("\n")[0].split()[2:], build, "packages to build")
    more = " ".join(makefile_list("PKG_BENCH") +
                    [p for p in makefile_list("PKG_CHECK")
                     if not p.startswith("$")])
    true("`%s`" % more in readme(), "README does not name: " + more)


@test
def test_the_make_targets_exist():
    with open("Makefile", encoding="utf-8") as f:
        targets = set(re.findall(r"^([a-z-]+):", f.read(), re.M))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", readme(), re.M))
    true({"run", "check", "install"} <= named, "README names %s" % named)
    equal(named - targets, set(), "targets that are not in the Makefile")


@test
def test_install_puts_two_files_in_place():
    folder = temp_dir()
    argv = ["make", "-s", "DESTDIR=" + folder, "install"]
    built = re.search(r"/build/(\w+)-([\w-]+)/runxin$", RUNXIN)
    if built:				# that one, not another to be built
        argv += ["VARIANT=" + built.group(1), "CC=" + built.group(2)]
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=600)
    equal(p.returncode, 0, p.stdout.decode())
    found = sorted(os.path.relpath(os.path.join(d, f), folder)
                   for d, _, files in os.walk(folder) for f in files)
    equal(found, ["usr/local/bin/runxin",
                  "usr/local/share/man/man1/runxin.1"])


@test
def test_the_files_named_exist():
    (_, _, text), = blocks(["tree"])
    paths = [w for line in text.split("\n") for w in line.split("   ")[0].split()
             if w.endswith("/")]
    true(len(paths) >= 10, "README has lost its tree")
    paths += re.findall(r"`([A-Z]+\.md|[a-z]+/[\w/.]+\.\w+)`", readme())
    equal([p for p in paths if not p.startswith("build/") and
           not os.path.exists(p)], [], "missing")


if __name__ == "__main__":
    main()
