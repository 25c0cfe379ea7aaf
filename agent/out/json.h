/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as one JSON object on one line, without the newline. Names are
 * stable: new ones may appear, none changes its meaning or goes away. What
 * holds nothing (empty, unknown, false) is left out, except where 0 says
 * something: ids, status, sizes. Integers are exact and may need 64 bits.
 *
 * Bytes that are not UTF-8 appear under their name with U+FFFD in place of
 * each bad byte, and exact in base64 under NAME_b64 beside it (a list: all of
 * its members). A PATH below stands for up to five members: NAME as the
 * process's mount namespace has it, NAME_fs from the file system's own root,
 * NAME_host by the host's mounts (both only where they differ from NAME),
 * NAME_flags (a list of: claimed, deleted, foreign, truncated, unresolved,
 * fs_unknown), and NAME_b64. A DEVICE is "major:minor" of the file system's superblock.
 *
 *	name		type	what
 *	uid		string	the record's name for good: journal.epoch.seq (a
 *				gap found while reading: journal.epoch.seq-last)
 *	epoch, seq	number	its place in the journal
 *	time		string	RFC 3339, UTC, milliseconds; a gap that was
 *				found while reading has none
 *	kind		string	exec exit connect write agent amendment gap;
 *				"unknown": made by a newer picket
 *	boot_ns		number	CLOCK_BOOTTIME, nanoseconds
 *	backend		string	the kind of hook that saw it: tp_btf cgroup …
 *	cpu		number
 *	tid		number	the acting thread, if not the main one
 *	actor		object	uid euid gid mnt_ns cgroup_id as of the act,
 *				where one differs from process
 *	process		object	who acted; in an amendment: in the event it
 *				names, if that was seen
 *	  pid, start_ns	number	with the boot this is the process
 *	  image		number	how many execs the process has made
 *	  exe		PATH
 *	  exe_file	object	inode device generation mode uid gid links size
 *				mtime_ns ctime_ns memfd overlay
 *	  script, filename, cwd, comm	string	filename: as the caller
 *				named it, if not as exe
 *	  args		list	argc, args_bytes: as executed; args_truncated,
 *				args_redacted
 *	  env		list	the variables that are kept; env_truncated,
 *				env_redacted
 *	  uid euid suid fsuid gid egid sgid	number
 *	  login_uid, session_id	number	who logged in (audit), if anyone
 *	  sid pgid ns_pid	number
 *	  tty		string	DEVICE of the controlling terminal
 *	  capabilities	object	permitted effective inheritable bounding
 *				ambient, as hexadecimal strings
 *	  namespaces	object	mnt pid net user uts ipc cgroup
 *	  stdio		list	of three: type (closed file pipe socket tty
 *				null device other), inode, device
 *	  cgroup, unit, container	string
 *	  container_name, container_image, image_digest, pod,
 *	  pod_namespace	string	where the runtime or the kubelet tells them
 *	  pod_uid	string	by the cgroup
 *	  cgroup_id, began_ns	number
 *	  snapshot	true	ran before picket did: read from /proc
 *	  forked	true	a child that still runs its parent's program
 *	  unknown	true	never seen: only pid, start_ns and ids are true
 *	  no_new_privs, secure, kthread	true
 *	  previous	string	PATH without flags: what the process ran before
 *	  parents	list	nearest first: pid start_ns exe
 *	connect		object	ip port protocol (tcp udp …), type (SOCK_*),
 *				else family, unix_path, or cid and port (vsock),
 *				send (datagram without connect) socket claimed
 *				fd_claimed net_ns
 *	write		object	operation (open write truncate mmap rename
 *				unlink link symlink chmod chown xattr mknod
 *				mkdir rmdir chattr utime), path PATH, new_path PATH, target,
 *				file (as exe_file, without times), created
 *				truncated append fd_claimed fd_changed exchange
 *				submitted, bytes, arg, arg2 (chmod, mknod: mode; chown:
 *				uid, gid; open: flags)
 *	exit		object	code, or signal, signal_name and core
 *	agent		object	what (started stopped loss cut unclean policy
 *				clock trimmed journal_error journal_back
 *				coverage), text, facts: an object of strings
 *	amendment	object	of: the event's uid; epoch seq; connect: error
 *				(errno, 0: connected) outcome local_ip
 *				local_port peer_ip peer_port; write: count
 *				bytes operations until_ns; repeats of an alert:
 *				count (itself included) alerted last (uid)
 *				since_ns, since and until (as time) kind
 *				severity rule tag; path: the event's, if
 *				remembered
 *	gap		object	first_seq last_seq count reason; missing: found
 *				while reading, not written by picket
 *	verdict		object	answer (allowed denied unlisted pending) alert
 *				repeated (an alert, but one of many) severity (low medium high critical) rule tag
 */
#pragma once

#include "base/buf.h"
#include "out/view.h"

void json_line(struct buf *out, const struct view_images *images,
	       const struct view *v);
