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

static __always_inline void exec_ids(struct wire_exec *r, struct task_struct *t)
{
	struct cred *cred = BPF_CORE_READ(t, cred);
	struct signal_struct *signal = BPF_CORE_READ(t, signal);
	struct tty_struct *tty = BPF_CORE_READ(signal, tty);
	struct pid *pid = BPF_CORE_READ(t, thread_pid), *other;
	struct upid *own = pid_number(pid, BPF_CORE_READ(pid, level));

	r->suid = BPF_CORE_READ(cred, suid.val);
	r->fsuid = BPF_CORE_READ(cred, fsuid.val);
	r->egid = BPF_CORE_READ(cred, egid.val);
	r->sgid = BPF_CORE_READ(cred, sgid.val);
	r->login_uid = task_login_uid(t);
	r->session_id = task_session(t);
	other = BPF_CORE_READ(signal, pids[PIDTYPE_SID]);
	r->sid = BPF_CORE_READ(pid_number(other, 0), nr);
	other = BPF_CORE_READ(signal, pids[PIDTYPE_PGID]);
	r->pgid = BPF_CORE_READ(pid_number(other, 0), nr);
	r->tty = tty ? BPF_CORE_READ(tty, driver, major) << 20 |
				 (BPF_CORE_READ(tty, driver, minor_start) +
				  BPF_CORE_READ(tty, index))
		     : 0;
	r->ns_pid = BPF_CORE_READ(own, nr);
	r->pid_ns = BPF_CORE_READ(own, ns, ns.inum);
	r->user_ns = BPF_CORE_READ(cred, user_ns, ns.inum);
	r->cap_permitted = READ_CAPS(cred, cap_permitted);
	r->cap_effective = READ_CAPS(cred, cap_effective);
	r->cap_inheritable = READ_CAPS(cred, cap_inheritable);
	r->cap_bounding = READ_CAPS(cred, cap_bset);
	r->cap_ambient = READ_CAPS(cred, cap_ambient);
}

static __always_inline void exec_namespaces(struct wire_exec *r,
					    struct task_struct *t)
{
	struct nsproxy *ns = BPF_CORE_READ(t, nsproxy);

	r->net_ns = BPF_CORE_READ(ns, net_ns, ns.inum);
	r->uts_ns = BPF_CORE_READ(ns, uts_ns, ns.inum);
	r->ipc_ns = BPF_CORE_READ(ns, ipc_ns, ns.inum);
	r->cgroup_ns = BPF_CORE_READ(ns, cgroup_ns, ns.inum);
}

static __always_inline void exec_stdio(struct wire_stdio *out,
				       struct task_struct *t, int fd)
{
	struct inode *i = BPF_CORE_READ(file_of_fd(t, fd), f_inode);

	out->ino = BPF_CORE_READ(i, i_ino);
	out->rdev = BPF_CORE_READ(i, i_rdev);
	out->mode = BPF_CORE_READ(i, i_mode);
	out->reserved = 0;
}

static __always_inline __u32 exec_flags(struct task_struct *t,
					struct linux_binprm *bprm)
{
	__u32 flags = 0;

	if (BPF_CORE_READ(bprm, interp) != BPF_CORE_READ(bprm, filename))
		flags |= WIRE_EXEC_SCRIPT;
	if (BPF_CORE_READ(t, atomic_flags) & PFA_NO_NEW_PRIVS_BIT)
		flags |= WIRE_EXEC_NO_NEW_PRIVS;
	if (BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec))
		flags |= WIRE_EXEC_SECURE;
	if (BPF_CORE_READ(bprm, fdpath))
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
				       struct linux_binprm *bprm)
{
	struct task_struct *parent;
	struct file *file = BPF_CORE_READ(bprm, file);
	int i;

	hdr_current(&r->hdr);
	parent = BPF_CORE_READ(t, real_parent, group_leader);
	r->parent_start_ns = BPF_CORE_READ(parent, start_boottime);
	r->parent_tgid = BPF_CORE_READ(parent, tgid);
	r->parent_image = BPF_CORE_READ(parent, self_exec_id);
	r->flags = exec_flags(t, bprm);
	r->script_ns = exec_script(r->flags);
	put_file(&r->file, BPF_CORE_READ(file, f_inode));
	mark_memfd(&r->file, BPF_CORE_READ(file, f_path.dentry),
		   BPF_CORE_READ(file, f_path.mnt));
	r->argc = BPF_CORE_READ(bprm, argc);
	r->envc = BPF_CORE_READ(bprm, envc);
	exec_ids(r, t);
	exec_namespaces(r, t);
	for (i = 0; i < 3; i++)
		exec_stdio(&r->stdio[i], t, i);
	BPF_CORE_READ_INTO(&r->comm, t, comm);
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
	__u64 class;

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
	if (bytes <= CLASS_END(CLASS_SMALL) - sizeof(*r) &&
	    steps < STEPS_SMALL) {
		class = CLASS_SMALL;
		steps = STEPS_SMALL;
		r = bpf_ringbuf_reserve(&ring, CLASS_SMALL, 0);
	} else if (bytes <= CLASS_END(CLASS_MEDIUM) - sizeof(*r) &&
		   steps < STEPS_MEDIUM) {
		class = CLASS_MEDIUM;
		steps = STEPS_MEDIUM;
		r = bpf_ringbuf_reserve(&ring, CLASS_MEDIUM, 0);
	} else if (bytes <= CLASS_END(CLASS_WIDE) - sizeof(*r) &&
		   steps < STEPS_MEDIUM) {
		class = CLASS_WIDE;
		steps = STEPS_MEDIUM;
		r = bpf_ringbuf_reserve(&ring, CLASS_WIDE, 0);
	} else {
		class = CLASS_LARGE;
		steps = STEPS_LARGE;
		r = bpf_ringbuf_reserve(&ring, CLASS_LARGE, 0);
	}
	if (!r) {
		count_lost(WIRE_FAM_EXEC);
		return 0;
	}
	rec = record_of(r, class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_EXEC, backend);
	r->old_tid = old_tid;
	exec_fixed(r, t, bprm);
	exec_args(rec, r, mm);
	put_path(rec, &jobs[0], steps, &r->exe);
	put_path(rec, &jobs[1], steps, &r->cwd);
	exec_strings(rec, r, bprm, mm, env);
	r->hdr.size = rec.f->pos;
	submit(r, class);
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
