# SPDX-License-Identifier: Apache-2.0
# Load the BPF objects as one: what the verifier of this kernel says.
bpftool prog loadall /t/picket.bpf.o /sys/fs/bpf/picket >/tmp/out 2>&1
rc=$?
[ $rc = 0 ] || tail -n 40 /tmp/out
exit $rc
