# SPDX-License-Identifier: Apache-2.0
# In a guest that counts instructions: each line of /t/plan is SYSTEM KIND COUNT,
# lines of one system together; says "SYSTEM KIND COUNT WALL CPU BUSY OWN" for each.
# A system is bare (again: at the end), auditd, empty, or a backend that picket is to use wherever it can.
# Last comes what the system's own threads ran for, its rest after work included.
# What the journal grew by is told for picket.
# With /t/stats each program's runs and instructions are told as well.
plan=/t/plan
export LOAD_SETTLE_MS=2500
# The host's, instead of busybox's.
rm -f /bin/true
mv /bin/true.host /bin/true
now=
pid=

stop()
{
	case $now in
	'' | bare | again) ;;
	empty)
		exec 9>&-
		wait "$pid"
		;;
	auditd)
		kill "$pid"
		wait "$pid" 2>/dev/null
		auditctl -D >/dev/null
		auditctl -a task,never >/dev/null
		;;
	*)
		kill "$pid"
		wait "$pid" 2>/dev/null
		grep -v ' 0 in the kernel, 0 at the journal, 0 unreadable' \
			/tmp/picket.log | grep lost && echo "# $now: above is lost"
		;;
	esac
	now=
	pid=
}

start_picket()
{
	local family sed=
	for family in connect write listen load tamper; do
		sed="$sed;s/^$family = auto/$family = $1/"
	done
	sed "${sed#;}" /t/agent.ini >/tmp/agent.ini
	rm -rf /tmp/journal
	picket run --config /tmp/agent.ini --policy /t/policy.d \
		--journal /tmp/journal >/tmp/picket.log 2>&1 &
	pid=$!
	until picket status --journal /tmp/journal >/tmp/status 2>&1; do
		kill -0 "$pid" 2>/dev/null || {
			echo "# $1: $(cat /tmp/picket.log)"
			return 1
		}
		sleep 0.1
	done
}

start_auditd()
{
	mkdir -p /tmp/audit/plugins.d /var/log/audit /run
	cp /t/auditd.conf /tmp/audit/auditd.conf
	chmod 750 /tmp/audit /tmp/audit/plugins.d
	chmod 640 /tmp/audit/auditd.conf
	auditd -n -c /tmp/audit >/tmp/auditd.log 2>&1 &
	pid=$!
	until auditctl -s 2>/dev/null | grep -q "^pid $pid"; do
		kill -0 "$pid" 2>/dev/null || {
			echo "# auditd: $(cat /tmp/auditd.log)"
			return 1
		}
		sleep 0.1
	done
	auditctl -D >/dev/null
	auditctl -b 65536 >/dev/null
	while read -r rule; do
		auditctl $rule >/dev/null || echo "# auditctl $rule: refused"
	done </t/rules
}

start_empty()
{
	rm -f /tmp/hold
	mkfifo /tmp/hold
	empty </tmp/hold >/tmp/empty.log 2>&1 &
	pid=$!
	exec 9>/tmp/hold
	until grep -q ready /tmp/empty.log; do
		kill -0 "$pid" 2>/dev/null || {
			echo "# empty: $(cat /tmp/empty.log)"
			return 1
		}
		sleep 0.1
	done
}

start()
{
	case $1 in
	bare | again) ;;
	empty) start_empty ;;
	auditd) start_auditd ;;
	*) start_picket "$1" ;;
	esac
}

own()
{
	[ -z "$pid" ] || cat /proc/$pid/task/*/schedstat |
		awk '{ s += $1 } END { printf "%.0f", s }'
}

# What is in picket's journal: bytes, and records.
journal()
{
	case $now in
	bare | again | empty | auditd) ;;
	*)
		picket status --journal /tmp/journal --json | tr -d ' \n' |
			sed 's/.*"journal":{[^}]*"bytes":\([0-9]*\),[^}]*"appended":\([0-9]*\).*/\1 \2/'
		;;
	esac
}

# What each program has taken so far, as the kernel counts it.
programs()
{
	bpftool prog show | sed -n 's/.* name \([^ ]*\) .* run_time_ns \([0-9]*\) run_cnt \([0-9]*\)$/\1 \2 \3/p'
}

[ ! -e /t/stats ] || echo 1 >/proc/sys/kernel/bpf_stats_enabled
while read -r system kind count; do
	if [ "$system" != "$now" ]; then
		stop
		good=yes
		start "$system" || good=
		now=$system
	fi
	[ -n "$good" ] || continue
	mkdir /tmp/place
	# The figures of a first time hold what is made once.
	(cd /tmp/place && LOAD_SETTLE_MS=100 load "$kind" "$count" </dev/null >/dev/null)
	rm -rf /tmp/place
	mkdir /tmp/place
	[ ! -e /t/stats ] || programs >/tmp/before
	kept=$(journal)
	before=$(own)
	figures=$(cd /tmp/place && load "$kind" "$count" </dev/null)
	rm -rf /tmp/place
	echo "= $system $kind $figures $(($(own) - before))"
	[ -z "$kept" ] || echo "$kept $(journal)" | awk -v what="$system $kind" '
		$4 > $2 { printf "# %s: %d bytes of journal for each of %d records\n",
				what, ($3 - $1) / ($4 - $2), $4 - $2 }'
	[ ! -e /t/stats ] || programs | cat /tmp/before - |
		awk -v n="$count" -v what="$system $kind" '
			$1 in time { d = $2 - time[$1]; r = $3 - runs[$1]
				if (d > n * 20)
					printf "# %s %s: %d an operation, %.2f runs of %d\n",
						what, $1, d / n, r / n, d / r }
			{ time[$1] = $2; runs[$1] = $3 }'
done <"$plan"
stop
