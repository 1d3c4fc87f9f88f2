#!/bin/sh
# run.sh PROGRAM...: run each test program from the top folder, show what it
# says, and close with one line: N passed, N failed, N skipped.
# A program that dies, or that reports no test at all, counts as one failure.
set -u

count() {	# count WORD FILE: the number on cmocka's line "[ WORD ] N test(s)"
	sed -n "s/^\[ *$1 *\] *\([0-9][0-9]*\) test(s).*/\1/p" "$2" |
	    awk '{ n += $1 } END { print n + 0 }'
}

passed=0 failed=0 skipped=0 bad=''
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT INT TERM
for t in "$@"; do
	printf '== %s\n' "$t"
	case $t in
	*.py) python3 "$t" >"$out" 2>&1; rc=$? ;;
	*.mjs) node "$t" >"$out" 2>&1; rc=$? ;;
	*) "$t" >"$out" 2>&1; rc=$? ;;
	esac
	case $t in
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
	if [ "$((p + f))" -eq 0 ]; then f=1; fi
	if [ "$f" -ne 0 ]; then
		bad="$bad $t"
		grep -vE '^\[ +(RUN|OK) ' "$out" | tail -n 60
	else
		printf '   %s passed' "$p"
		if [ "$k" -ne 0 ]; then printf ', %s skipped' "$k"; fi
		printf '\n'
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + k))
done
if [ -n "$bad" ]; then printf 'failed:%s\n' "$bad"; fi
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
