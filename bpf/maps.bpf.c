/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The maps and load-time constants, in one place so that each exists once in
 * the linked object; maps.h says what they are.
 */
#include "maps.h"

const volatile __u64 ring_bytes = 1 << 18;
const volatile __u64 window_ns = 0;
const volatile __u32 v1_subsys = ~0u;
const volatile __u32 v1_hierarchy = 0;
const volatile __u32 call_ops = 0;
const volatile struct wire_syscall syscalls[2 * WIRE_SYSCALL_MAX] = {};
const volatile __u32 socket_ops = 0;
const volatile __u64 env_bits[WIRE_ENV_BITS / 64] = {};

volatile struct wire_control control SEC(".data.control") = {};
volatile __u32 summed[WIRE_SUMMED_SLOTS] SEC(".data.summed") = {};

struct ring_map ring SEC(".maps");
struct counters_map counters SEC(".maps");
struct env_map env_names SEC(".maps");
struct written_map written SEC(".maps");
struct sent_map sent SEC(".maps");
struct held_map held_files SEC(".maps");
struct kept_names_map kept_names SEC(".maps");
struct thread_marks_map thread_marks SEC(".maps");
struct attempts_map attempts SEC(".maps");
struct pending_map pending_changes SEC(".maps");
struct mount_asked_map mounts_asked SEC(".maps");
struct ended_map ended SEC(".maps");
struct scripts_map scripts SEC(".maps");
struct mapped_map mapped SEC(".maps");
struct loaders_map loaders SEC(".maps");
struct accessed_map accessed SEC(".maps");
struct tampered_map tampered SEC(".maps");
struct own_objects_map own_objects SEC(".maps");
struct share_map shares SEC(".maps");

char LICENSE[] SEC("license") = "GPL";
