/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A program has replaced another in a process. Told when the kernel is past
 * the point of no return and has not yet run its first instruction: a failed
 * exec is not an exec, and all there is to know of the new image is in the
 * kernel's hands (binprm) or in the new stack, which nobody else can touch.
 */
#include "read_file.h"
#include "read_str.h"
#include "read_task.h"

#define CLASS_SMALL  1024
#define CLASS_MEDIUM 2048
/* A whole area of arguments, and what usually comes with it. */
#define CLASS_WIDE   6144
/* The ring's own limit per record is its size; decode's is this. */
#define CLASS_LARGE  WIRE_RECORD_MAX

/*
 * typed: the verifier knows what t and bprm are, as do all that hangs off them
 * then. A constant, as for GET.
 */
static __always_inline void exec_ids(struct wire_exec *r, struct task_struct *t,
				     struct cred *cred, bool typed)
{
	struct user_namespace *user_ns = GET(typed, cred, user_ns);

	r->suid = GET(typed, cred, suid.val);
	r->fsuid = GET(typed, cred, fsuid.val);
	r->egid = GET(typed, cred, egid.val);
	r->sgid = GET(typed, cred, sgid.val);
	r->login_uid = task_login_uid(t);
	r->session_id = task_session(t);
	r->user_ns = GET(typed, user_ns, ns.inum);
	r->cap_permitted = READ_CAPS(cred, cap_permitted);
	r->cap_effective = READ_CAPS(cred, cap_effective);
	r->cap_inheritable = READ_CAPS(cred, cap_inheritable);
	r->cap_bounding = READ_CAPS(cred, cap_bset);
	r->cap_ambient = READ_CAPS(cred, cap_ambient);
}

static __always_inline void exec_session(struct wire_exec *r,
					 struct task_struct *t, bool typed)
{
	struct signal_struct *signal = GET(typed, t, signal);
	struct tty_struct *tty = BPF_CORE_READ(signal, tty);
	struct pid *sid = GET(typed, signal, pids[PIDTYPE_SID]);
	struct pid *pgid = GET(typed, signal, pids[PIDTYPE_PGID]);
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	struct upid *own = pid_number(pid, BPF_CORE_READ(pid, level));

	r->sid = GET(typed, sid, numbers[0].nr);
	r->pgid = GET(typed, pgid, numbers[0].nr);
	r->tty = tty ? BPF_CORE_READ(tty, driver, major) << 20 |
				 (BPF_CORE_READ(tty, driver, minor_start) +
				  BPF_CORE_READ(tty, index))
		     : 0;
	r->ns_pid = BPF_CORE_READ(own, nr);
	r->pid_ns = BPF_CORE_READ(own, ns, ns.inum);
}

static __always_inline void exec_namespaces(struct wire_exec *r,
					    struct nsproxy *p, bool typed)
{
	struct net *net = GET(typed, p, net_ns);
	struct uts_namespace *uts = GET(typed, p, uts_ns);
	struct ipc_namespace *ipc = GET(typed, p, ipc_ns);
	struct cgroup_namespace *cgroup = GET(typed, p, cgroup_ns);

	r->net_ns = GET(typed, net, ns.inum);
	r->uts_ns = GET(typed, uts, ns.inum);
	r->ipc_ns = GET(typed, ipc, ns.inum);
	r->cgroup_ns = GET(typed, cgroup, ns.inum);
}

#define STDIO 3

static __always_inline void exec_stdio(struct wire_exec *r,
				       struct task_struct *t, bool typed)
{
	struct files_struct *files = GET(typed, t, files);
	struct fdtable *table = GET(typed, files, fdt);
	struct file **fds = GET(typed, table, fd), *open[STDIO] = {};
	struct inode *inode;
	int i;

	/* A table has room for some tens, always. */
	if (GET(typed, table, max_fds) >= STDIO)
		bpf_probe_read_kernel(open, sizeof(open), fds);
	for (i = 0; i < STDIO; i++) {
		inode = BPF_CORE_READ(open[i], f_inode);
		r->stdio[i].ino = BPF_CORE_READ(inode, i_ino);
		r->stdio[i].rdev = BPF_CORE_READ(inode, i_rdev);
		r->stdio[i].mode = BPF_CORE_READ(inode, i_mode);
		r->stdio[i].reserved = 0;
	}
}

static __always_inline __u32 exec_flags(struct task_struct *t,
					struct linux_binprm *bprm, bool typed)
{
	__u32 flags = 0;

	if (GET(typed, bprm, interp) != GET(typed, bprm, filename))
		flags |= WIRE_EXEC_SCRIPT;
	if (GET(typed, t, atomic_flags) & PFA_NO_NEW_PRIVS_BIT)
		flags |= WIRE_EXEC_NO_NEW_PRIVS;
	if (BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec))
		flags |= WIRE_EXEC_SECURE;
	if (GET(typed, bprm, fdpath))
		flags |= WIRE_EXEC_BY_FD;
	return flags;
}

/* Which record told the script's file; 0: none did. */
static __always_inline __u64 exec_script(__u32 flags)
{
	__u64 task = bpf_get_current_task(), time_ns, *told;

	if (!(flags & WIRE_EXEC_SCRIPT))
		return 0;
	told = bpf_map_lookup_elem(&scripts, &task);
	time_ns = told ? *told : 0;
	bpf_map_delete_elem(&scripts, &task);
	return time_ns;
}

static __always_inline void exec_fixed(struct wire_exec *r,
				       struct task_struct *t,
				       struct linux_binprm *bprm, bool typed)
{
	struct task_struct *parent = GET(typed, t, real_parent);
	struct file *file = BPF_CORE_READ(bprm, file);

	hdr_current(&r->hdr);
	/* What loads pointers of the task's before all branches: see current.h. */
	exec_ids(r, t, GET(typed, t, cred), typed);
	exec_session(r, t, typed);
	exec_namespaces(r, GET(typed, t, nsproxy), typed);
	exec_stdio(r, t, typed);
	BPF_CORE_READ_INTO(&r->comm, t, comm);
	parent = GET(typed, parent, group_leader);
	r->parent_start_ns = GET(typed, parent, start_boottime);
	r->parent_tgid = GET(typed, parent, tgid);
	r->parent_image = GET(typed, parent, self_exec_id);
	r->flags = exec_flags(t, bprm, typed);
	r->script_ns = exec_script(r->flags);
	put_file(&r->file, BPF_CORE_READ(file, f_inode), r + 1);
	mark_memfd(&r->file, BPF_CORE_READ(file, f_path.dentry),
		   BPF_CORE_READ(file, f_path.mnt));
	r->argc = GET(typed, bprm, argc);
	r->envc = GET(typed, bprm, envc);
}

/*
 * The arguments stand first, at an offset that is a constant: so they can be
 * read in one go, with a length that the verifier can check.
 */
static __always_inline void exec_args(struct record rec, struct wire_exec *r,
				      struct mm_struct *mm)
{
	__u64 at = BPF_CORE_READ(mm, arg_start);
	__u64 n = BPF_CORE_READ(mm, arg_end) - at;
	__u64 most = CLASS_END(rec.size) - sizeof(*r);

	r->args_bytes = n;
	if (most > WIRE_ARGS_MAX)
		most = WIRE_ARGS_MAX;
	if (n > most) {
		n = most;
		r->flags |= WIRE_EXEC_ARGS_TRUNCATED;
	}
	if (bpf_probe_read_user(rec.p + sizeof(*r), n, (void *)at)) {
		n = 0;
		r->flags |= WIRE_EXEC_ARGS_TRUNCATED;
	}
	r->args.off = sizeof(*r);
	r->args.len = n;
	rec.f->pos = sizeof(*r) + n;
}

/* env: what measure_env said; nothing found is not looked for again. */
static __always_inline void exec_strings(struct record rec, struct wire_exec *r,
					 struct linux_binprm *bprm,
					 struct mm_struct *mm, __u32 env)
{
	__u64 at = BPF_CORE_READ(mm, env_start);
	__u64 end = BPF_CORE_READ(mm, env_end);

	r->env_bytes = end - at;
	r->env = (struct wire_str){};
	rec.f->cut = env & ENV_MORE;
	if (env & ~ENV_MORE)
		r->env = put_env(rec, at, end);
	if (rec.f->cut)
		r->flags |= WIRE_EXEC_ENV_TRUNCATED;
	r->filename = put_str(rec, BPF_CORE_READ(bprm, filename), false);
	r->interp = (struct wire_str){};
	if (r->flags & WIRE_EXEC_SCRIPT)
		r->interp = put_str(rec, BPF_CORE_READ(bprm, interp), false);
}

static __always_inline int exec_body(enum wire_backend backend,
				     struct task_struct *t, int old_tid,
				     struct linux_binprm *bprm)
{
	struct mm_struct *mm = BPF_CORE_READ(t, mm);
	struct file *file = BPF_CORE_READ(bprm, file);
	struct fs_struct *fs = BPF_CORE_READ(t, fs);
	struct walk_job jobs[2];
	__u32 bytes, steps, env;
	struct wire_exec *r;
	struct record rec;
	struct room room;

	jobs[0].dentry = BPF_CORE_READ(file, f_path.dentry);
	jobs[0].mnt = BPF_CORE_READ(file, f_path.mnt);
	jobs[0].size = path_size_of(jobs[0].dentry, jobs[0].mnt);
	jobs[1].dentry = BPF_CORE_READ(fs, pwd.dentry);
	jobs[1].mnt = BPF_CORE_READ(fs, pwd.mnt);
	jobs[1].size = path_size_of(jobs[1].dentry, jobs[1].mnt);
	env = measure_env(BPF_CORE_READ(mm, env_start),
			  BPF_CORE_READ(mm, env_end));
	steps = jobs[0].size.steps | jobs[1].size.steps;
	bytes = BPF_CORE_READ(mm, arg_end) - BPF_CORE_READ(mm, arg_start);
	if (bytes > WIRE_ARGS_MAX)
		bytes = WIRE_ARGS_MAX;
	bytes += jobs[0].size.path + jobs[0].size.prefix + jobs[1].size.path +
		 jobs[1].size.prefix + (env & ~ENV_MORE) +
		 measure_kernel_str((__u64)BPF_CORE_READ(bprm, filename)) +
		 measure_kernel_str((__u64)BPF_CORE_READ(bprm, interp)) + 2;

	count_made(WIRE_FAM_EXEC);
	if (room_holds(CLASS_SMALL, STEPS_SMALL, sizeof(*r), bytes, steps))
		r = room_take(&room, CLASS_SMALL, STEPS_SMALL);
	else if (room_holds(CLASS_MEDIUM, STEPS_MEDIUM, sizeof(*r), bytes,
			    steps))
		r = room_take(&room, CLASS_MEDIUM, STEPS_MEDIUM);
	else if (room_holds(CLASS_WIDE, STEPS_MEDIUM, sizeof(*r), bytes, steps))
		r = room_take(&room, CLASS_WIDE, STEPS_MEDIUM);
	else
		r = room_take(&room, CLASS_LARGE, STEPS_LARGE);
	if (!r) {
		count_lost(WIRE_FAM_EXEC);
		return 0;
	}
	rec = record_of(r, room.class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_EXEC, backend);
	r->old_tid = old_tid;
	exec_fixed(r, t, bprm, backend == WIRE_BACKEND_TP_BTF);
	exec_args(rec, r, mm);
	put_path(rec, &jobs[0], room.steps, &r->exe);
	put_path(rec, &jobs[1], room.steps, &r->cwd);
	exec_strings(rec, r, bprm, mm, env);
	r->hdr.size = rec.f->pos;
	submit(r, room.class);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_tp_btf, struct task_struct *t, int old_tid,
	     struct linux_binprm *bprm)
{
	return exec_body(WIRE_BACKEND_TP_BTF, t, old_tid, bprm);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(exec_raw_tp, struct task_struct *t, int old_tid,
	     struct linux_binprm *bprm)
{
	return exec_body(WIRE_BACKEND_RAW_TP, t, old_tid, bprm);
}
