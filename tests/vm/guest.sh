# SPDX-License-Identifier: Apache-2.0
# In the guest: what /picket/plan says, one run a line (PROGRAM FORCE FILTER…, -
# for none), all on the console. FORCE * is each backend that test_sense_backends,
# first in every plan, found for the family in the program's name.
#
# What stands in /picket/ended did so in an earlier boot, and /picket/cells is then
# what the first run printed.
#
#   == run PROGRAM FORCE FILTER
#   ... what it printed ...
#   == end STATUS SECONDS
cd /picket || exit 1
. ./env

uptime_s()
{
	cut -d. -f1 /proc/uptime
}

run_one()
{
	local program=$1 force=$2 filter=$3 began command status
	! grep -qxF -e "$1 $2 $3" ended || return 0
	began=$(uptime_s)
	command=$program
	case $program in
	*.py) command="python3 $program" ;;
	esac
	[ "$force" != - ] || force=
	[ "$filter" != - ] || filter=
	echo "== run $1 $2 $3"
	PICKET_TEST_BACKEND=$force PICKET_TEST_FILTER=$filter \
		timeout -k 10 "$RUN_SECONDS" $command </dev/null >/tmp/out 2>&1
	status=$?
	[ -s cells ] || cp /tmp/out cells
	cat /tmp/out
	# What was cut short may have ended within a line.
	echo
	echo "== end $status $(($(uptime_s) - began))"
}

# test_sense_connect_way -> connect, test_exec.py -> exec
family_of()
{
	local name=${1##*/}
	name=${name#test_}
	name=${name#sense_}
	echo "${name%%[_.]*}"
}

# What the agent's settings say of all other families.
off_beside()
{
	local other
	for other in connect write listen load tamper; do
		case $1:$other in
		# A test of listening sockets makes some that only connect sees.
		"$other:$other" | listen:connect) ;;
		*) printf ',%s=off' "$other" ;;
		esac
	done
}

while read -r program force filter; do
	if [ "$force" != '*' ]; then
		run_one "$program" "$force" "$filter"
		continue
	fi
	family=$(family_of "$program")
	forced=$(sed -n "s/^# cell $family \([a-z_]*\) \(seen\|part\).*/$family=\1/p" cells)
	# Loading takes longest: what a test is about, and execs. (What is of no
	# one family loads everything.)
	only=,only=$family,only=exec
	case $program in
	*.py) only=$(off_beside "$family") ;;
	*/test_sense_exec* | */test_sense_tamper*) only=$only,only=write ;;
	esac
	for one in $forced; do
		run_one "$program" "$one$only" "$filter"
	done
	# What is of no one family runs as the sensor chooses.
	[ -n "$forced" ] || run_one "$program" - "$filter"
done <./plan
