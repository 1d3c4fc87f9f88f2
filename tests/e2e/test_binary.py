"""The program as it was built: what the compiler and linker had to put in.

The same look at a program built without any of it must find each thing
missing, or the test could not fail.
"""

import os
import re
import subprocess

from harness import RUNXIN, equal, main, once, temp_dir, test, true


def tool(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode()


def look(program):
    """What protects ${program}, by the name of each protection."""
    dynamic = tool("readelf", "-dW", program)
    segments = tool("readelf", "-lW", program)
    symbols = tool("readelf", "--dyn-syms", "-W", program)
    stack = re.search(r"GNU_STACK.*", segments)
    return {
        "pie": "PIE" in dynamic,
        "relro": "GNU_RELRO" in segments,
        "now": "BIND_NOW" in dynamic,
        "noexec stack": stack is not None and " RWE " not in stack.group(),
        "no segment is written and run": " RWE " not in segments,
        "stack protector": "__stack_chk_fail" in symbols,
        "fortify": re.search(r"__\w+_chk\b", symbols.replace(
            "__stack_chk_fail", "")) is not None,
    }


@once
def naked():
    """A program with no protection at all."""
    d = temp_dir()
    source, program = os.path.join(d, "naked.c"), os.path.join(d, "naked")
    with open(source, "w", encoding="ascii") as f:
        f.write("#include <stdio.h>\n#include <string.h>\n"
                "int main(int c, char **v) { char b[64];\n"
                "strcpy(b, v[0]); return puts(b) + c; }\n")
    subprocess.run(["gcc", "-O2", "-U_FORTIFY_SOURCE", "-no-pie",
                    "-fno-stack-protector", "-Wl,-z,norelro,-z,lazy",
                    "-Wl,-z,execstack", "-w", "-o", program,
                    source], check=True)
    return program


@test
def test_program_is_built_with_every_protection():
    missing = [k for k, there in look(RUNXIN).items() if not there]
    equal(missing, [], "missing in the program")


@test
def test_unprotected_program_is_seen_as_such():
    found = [k for k, there in look(naked()).items() if there]
    equal(found, [], "found where nothing was put in")


@test
def test_program_needs_only_the_libraries_that_the_readme_installs():
    needed = re.findall(r"NEEDED.*\[(\S+?)\.so", tool("readelf", "-dW", RUNXIN))
    allowed = {"libsodium", "libsqlite3", "libargon2", "libjansson",
               "libxlsxwriter", "libmicrohttpd", "libgnutls", "libseccomp",
               "libglpk", "libqrencode",
               "libc", "libm", "ld-linux-x86-64"}
    true(set(needed) <= allowed, "unexpected: %s" % (set(needed) - allowed))


if __name__ == "__main__":
    main()
