#!/bin/sh
# run.sh PROGRAM...: run each test program from the top folder, as many at a time
# as there are processors, then one by one those that measure time or build (a line
# "# Alone: " says why; and the browser); show what each says, and close with one
# line: N passed, N failed, N skipped.
# A program that dies, or that reports no test at all, counts as one failure.
set -u

count() {	# count WORD FILE: the number on cmocka's line "[ WORD ] N test(s)"
	sed -n "s/^\[ *$1 *\] *\([0-9][0-9]*\) test(s).*/\1/p" "$2" |
	    awk '{ n += $1 } END { print n + 0 }'
}

one() {	# one PROGRAM: run it; its counts go to $RUN_DIR/counts, one line
	out=$(mktemp "$RUN_DIR/XXXXXX") || exit 255
	began=$(date +%s)
	case $1 in
	*.py) python3 "$1" >"$out" 2>&1; rc=$? ;;
	*.mjs) node "$1" >"$out" 2>&1; rc=$? ;;
	*) "$1" >"$out" 2>&1; rc=$? ;;
	esac
	case $1 in
	*.py | *.mjs)
		line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -n 1)
		p=$(printf '%s\n' "$line" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
		f=$(printf '%s\n' "$line" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
		k=$(printf '%s\n' "$line" | sed -n 's/.* \([0-9]*\) skipped.*/\1/p')
		;;
	*)
		p=$(count PASSED "$out") f=$(count FAILED "$out")
		k=$(count SKIPPED "$out")
		;;
	esac
	p=${p:-0} f=${f:-0} k=${k:-0}
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
	if [ "$((p + f + k))" -eq 0 ]; then f=1; fi
	said="== $1
   $p passed, $f failed, $k skipped ($(($(date +%s) - began)) s)"
	if [ "$f" -ne 0 ]; then
		said="$said
$(grep -vE '^\[ +(RUN|OK) ' "$out" | tail -n 60)"
	fi
	printf '%s\n' "$said"
	printf '%s %s %s %s\n' "$p" "$f" "$k" "$1" >>"$RUN_DIR/counts"
}

if [ -n "${RUN_DIR:-}" ]; then
	one "$1"
	exit 0
fi
RUN_DIR=$(mktemp -d) || exit 1
export RUN_DIR
trap 'rm -rf "$RUN_DIR"' EXIT INT TERM
: >"$RUN_DIR/counts"
alone() {
	case $1 in *.mjs) ;; *.py) grep -q '^# Alone: ' "$1" ;; *) false ;; esac
}
for t in "$@"; do
	alone "$t" || printf '%s\n' "$t"
done | xargs -r -P "$(nproc)" -n 1 sh "$0"
for t in "$@"; do
	if alone "$t"; then sh "$0" "$t"; fi
done
# A program that left no counts was not run to its end.
awk -v programs="$#" '
	{ p += $1; f += $2; k += $3; if ($2) bad = bad " " $4 }
	END {
		if (NR != programs) {
			f++
			bad = bad " (" programs - NR " not run)"
		}
		if (bad) print "failed:" bad
		printf "%d passed, %d failed, %d skipped\n", p, f, k
		exit f > 0
	}' "$RUN_DIR/counts"
