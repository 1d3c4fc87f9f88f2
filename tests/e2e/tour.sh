#!/bin/sh
# tour.sh: make the demo register and walk through a day with it: log, flag,
# review, export.  Every line shown is the program's own output.
set -eu

RUNXIN=${RUNXIN:-build/plain-gcc/runxin}
DIR=${DEMO:-build/demo}
OUT=$DIR.out

say() { printf '\n\033[1m── %s\033[0m\n' "$1"; }

# as USER ARGUMENT...: run as a demo user; the passphrase goes by a descriptor.
as() {
	user=$1
	shift
	printf '$ runxin -r %s -u %s %s\n' "$DIR" "$user" "$*"
	"$RUNXIN" -r "$DIR" -u "$user" --passphrase-fd 3 "$@" 3<<PASS
demo-$user-runxin
PASS
}

rm -rf "$DIR" "$OUT"
mkdir -p "$OUT"
say '建立演示登记库（全部数据是虚构的） · a demo register, all of it invented'
"$RUNXIN" demo "$DIR"

say '儿童主任看今天该走访谁 · the director: whom to visit'
as dir1 due

today=$(date +%Y-%m-%d)
say '记录一次观察，其中有紧急迹象 · log an observation with an urgent sign'
as dir1 observe <<JSON
{"type":"observation","id":"tour-1","child":"c1","date":"$today","channel":"home_visit","signs":["mood_low","death_talk"],"risk":"red","note":"演示：孩子说活着没意思，已陪伴并联系家长。"}
JSON

say '上级督导员看到预警 · the supervisor sees the flag'
as sup1 review list

say '打开个案：没有理由就看不到身份 · the case, without identity unless a reason is given'
as sup1 review show tour-1

say '作出决定 · a decision needs a reason'
as sup1 review decide tour-1 --decision accept --reason '已电话核实，明日与儿童主任一同入户'

say '统计员导出附件统计表：只有数字 · the statistician exports the form: counts only'
from=$(date -d '1 year ago' +%Y-%m-01)
to=$(date -d "$(date +%Y-%m-01) 1 month -1 day" +%Y-%m-%d)
as stat export annex --unit 350102 --from "$from" --to "$to" \
    --format csv -o "$OUT/annex.csv"
cat "$OUT/annex.csv"
as stat export annex --unit 350102 --from "$from" --to "$to" \
    --format xlsx -o "$OUT/annex.xlsx"
as stat export table --unit 350102 --count children --by sex,age_band \
    --from "$from" --to "$to" --format csv -o "$OUT/table.csv"
cat "$OUT/table.csv"

say '发布台账与审计 · the release ledger and the audit'
as stat release list
as admin audit verify

say '备份并核验 · a backup, and proof that it restores'
as admin backup create "$OUT/demo.backup"
as admin backup verify "$OUT/demo.backup"

cat <<END

演示登记库在 $DIR ，导出的文件在 $OUT 。命令行也可以自己试，例如：
  $RUNXIN -r $DIR -u dir1 child list
The demo register is in $DIR, the exported files are in $OUT; add --lang en to
a command for English.

网页登录 · to sign in on the page:
  儿童主任 director      dir1   demo-dir1-runxin
  督导员   supervisor    sup1   demo-sup1-runxin
  统计员   statistician  stat   demo-stat-runxin
  管理员   administrator admin  demo-admin-runxin
END
