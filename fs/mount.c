/* SPDX-License-Identifier: MIT */
/*
 * mount: brings the parts up and down in order.
 *
 * Up, before the fork: nothing but checks of the arguments. After it, in the
 * daemon: descriptors, lock and recovery of the index (ix_index_open), names
 * in the mount, the mount itself; then threads, ours and the index's; then
 * requests. The caller is told through a pipe: a byte when the kernel has our
 * answer to INIT, or what went wrong.
 *
 * Down: the notifier while requests are still served (session.h); the waits
 * and jobs, which reply; the connection; the index, which checkpoints; and
 * last, with the process, the lock, for which `ixfs umount` waits.
 */
#include "fs/mount.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "fs/control.h"
#include "fs/dispatch.h"
#include "fs/dotdir.h"
#include "fs/ixfs.h"
#include "fs/root.h"
#include "fs/segment.h"
#include "fs/tree.h"
#include "fs/umount.h"
#include "fs/wait.h"

/* What the daemon tells the process that started it. */
struct outcome {
	int code; /* 0 or negative */
	char text[IX_FAIL_TEXT_MAX];
};

/* One run of the daemon. */
struct run {
	struct ixfs fs;
	struct ixfs_mount_options o; /* with absolute paths */
	char *backing;               /* owned */
	char *mountpoint;            /* owned */
	int outcome_fd;              /* to the caller; -1 in the foreground */
	struct ixfs_node *root, *dotdir, *wait; /* refs */
};

/* ---- the kernel's caches ---- */

void ixfs_inval_names(struct ixfs *fs)
{
	ix_mutex_lock(&fs->notify_lock);
	if (fs->notify)
		ixfs_notify_names(fs->notify);
	ix_mutex_unlock(&fs->notify_lock);
}

void ixfs_inval_inode(struct ixfs *fs, uint64_t id)
{
	ix_mutex_lock(&fs->notify_lock);
	if (fs->notify)
		ixfs_notify_inode(fs->notify, id);
	ix_mutex_unlock(&fs->notify_lock);
}

/* Also called when a signal arrives, while requests are still served. */
static void stop_notify(struct ixfs *fs)
{
	struct ixfs_notify *n;

	ix_mutex_lock(&fs->notify_lock);
	n = fs->notify;
	fs->notify = NULL;
	ix_mutex_unlock(&fs->notify_lock);
	ixfs_notify_free(n);
}

/* ---- what the index and the session tell us ---- */

static void index_changed(void *ctx, const struct ix_index_change *change)
{
	struct ixfs *fs = ctx;

	/* During recovery there is nobody yet to be told. */
	if (!fs->segments)
		return;
	for (size_t i = 0; i < change->died_count; i++)
		ixfs_segment_died(fs, change->died[i]);
	/* Also if no node was known: a lookup may be under way. */
	if (change->died_count)
		ixfs_inval_names(fs);
}

/* Until now warnings went to whoever started us; that one goes away. */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ix_log_use_syslog();
	if (null < 0)
		return;
	(void)dup2(null, STDERR_FILENO);
	close(null);
}

static void tell(struct run *r, int code)
{
	struct outcome out = { .code = code };
	const char byte = '\n';

	if (code)
		snprintf(out.text, sizeof(out.text), "%s", ix_fail_text());
	if (r->outcome_fd >= 0) {
		leave_terminal();
		(void)!write(r->outcome_fd, &out, sizeof(out));
		close(r->outcome_fd);
		r->outcome_fd = -1;
	}
	if (!code && r->o.ready_fd >= 0) {
		(void)!write(r->o.ready_fd, &byte, 1);
		close(r->o.ready_fd);
		r->o.ready_fd = -1;
	}
}

static void session_ready(void *ctx, int passthrough)
{
	struct ixfs *fs = ctx;

	ixfs_passthrough_init(&fs->passthrough, fs->se, passthrough);
	fs->ready(fs->ready_ctx);
}

static void run_ready(void *ctx)
{
	tell(ctx, 0);
}

static void session_quiesce(void *ctx)
{
	stop_notify(ctx);
}

/* ---- up ---- */

/* One descriptor per open file: as many as we may have. */
static void raise_limits(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static unsigned index_flags(const struct ixfs_mount_options *o)
{
	return (o->read_only ? IX_INDEX_READ_ONLY : 0u) |
	       (o->lazy ? IX_INDEX_LAZY : 0u) |
	       (o->no_merges ? IX_INDEX_NO_MERGES : 0u) |
	       (o->replace ? IX_INDEX_REPLACE : 0u) |
	       (o->rm_merged ? IX_INDEX_RM_MERGED : 0u);
}

static int open_index(struct run *r)
{
	struct ixfs *fs = &r->fs;
	const struct ix_index_options o = {
		.flags = index_flags(&r->o),
		.lock_timeout_ms = r->o.lock_timeout_ms,
		.merges_max = r->o.merges_max,
		.mode = r->o.mode,
		.changed = index_changed,
		.ctx = fs,
		.holder = r->mountpoint,
	};
	struct ix_index_options full = o;
	int rc;

	fs->backing_fd = open(r->backing, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->backing_fd < 0)
		return ix_fail(-errno, "%s: %s", r->backing,
			       strerrordesc_np(errno));
	rc = ix_vfs_posix_new(r->backing, &fs->vfs);
	if (rc)
		return rc;
	full.vfs = fs->vfs;
	return ix_index_open(&full, &fs->index);
}

static int make_nodes(struct run *r)
{
	struct ixfs *fs = &r->fs;
	int rc;

	rc = ixfs_inodes_new(fs, &fs->inodes);
	if (!rc)
		rc = ixfs_segments_new(&fs->segments);
	if (!rc)
		rc = ixfs_control_new(&fs->control);
	if (!rc)
		rc = ixfs_root_add(fs, &r->root);
	if (!rc)
		rc = ixfs_dotdir_add(fs, &r->dotdir);
	if (rc)
		return ix_fail(rc, "no memory");
	return ixfs_tree_new(fs, &fs->tree);
}

/* From here on there are threads. */
static int start_threads(struct run *r)
{
	struct ixfs *fs = &r->fs;
	int rc;

	rc = ixfs_jobs_new(fs, &fs->jobs);
	if (!rc)
		rc = ixfs_notify_new(fs->se, &fs->notify);
	if (!rc)
		rc = ixfs_wait_new(fs, &fs->waiters, &r->wait);
	if (rc)
		return ix_fail(rc, "cannot start threads: %s", ix_err_name(rc));
	return ix_index_start(fs->index);
}

static int bring_up(struct run *r)
{
	struct ixfs *fs = &r->fs;
	const struct ixfs_session_hooks hooks = {
		.ready = session_ready,
		.quiesce = session_quiesce,
		.ctx = fs,
	};
	int rc;

	umask(0); /* modes come from requests, the kernel has masked them */
	raise_limits();
	ixfs_session_block_signals();
	fs->o = &r->o;
	fs->backing = r->backing;
	fs->backing_fd = -1;
	fs->owner = geteuid();
	fs->ready = run_ready;
	fs->ready_ctx = r;
	rc = ix_mutex_init(&fs->notify_lock);
	if (!rc)
		rc = ixfs_handles_init(&fs->handles);
	if (!rc)
		rc = open_index(r);
	if (!rc)
		rc = make_nodes(r);
	if (!rc)
		rc = ixfs_session_new(&r->o, &ixfs_lowlevel_ops, &hooks,
				      &fs->session);
	if (rc)
		return rc;
	fs->se = ixfs_session_fuse(fs->session);
	rc = ixfs_session_mount(fs->session);
	return rc ? rc : start_threads(r);
}

/* ---- down ---- */

static void free_nodes(struct run *r)
{
	struct ixfs *fs = &r->fs;

	if (!fs->inodes)
		return;
	ixfs_node_unref(fs->inodes, r->wait);
	ixfs_node_unref(fs->inodes, r->dotdir);
	ixfs_node_unref(fs->inodes, r->root);
	ixfs_tree_free(fs, fs->tree);
	if (fs->segments)
		ixfs_segments_drop_idle(fs);
	ixfs_inodes_free(fs->inodes);
	ixfs_segments_free(fs->segments);
	ixfs_control_free(fs->control);
}

/* Also after a bring_up that failed half-way. */
static int bring_down(struct run *r)
{
	struct ixfs *fs = &r->fs;
	int rc = 0;

	/* Nobody receives requests any more; what is under way replies. */
	stop_notify(fs);
	ixfs_wait_free(fs->waiters);
	ixfs_jobs_free(fs->jobs);
	if (fs->session)
		ixfs_session_end(fs->session);
	/* From here on nothing changes, so nobody calls index_changed. */
	if (fs->index)
		ix_index_stop(fs->index);
	ixfs_handles_release(&fs->handles);
	free_nodes(r);
	ixfs_session_free(fs->session);
	if (fs->index)
		rc = ix_index_close(fs->index);
	ix_vfs_free(fs->vfs);
	if (fs->backing_fd >= 0)
		close(fs->backing_fd);
	ix_mutex_release(&fs->notify_lock);
	return rc;
}

static int serve(struct run *r)
{
	int rc = bring_up(r);
	int down;

	if (rc)
		tell(r, rc);
	else
		rc = ixfs_session_run(r->fs.session);
	down = bring_down(r);
	if (down)
		ix_log_error("%s: %s", r->backing, ix_fail_text());
	return rc ? rc : down;
}

/* ---- foreground and background ---- */

static void run_release(struct run *r)
{
	ix_free(r->backing);
	ix_free(r->mountpoint);
	ix_free(r);
}

static int absolute(const char *path, char **p)
{
	char real[PATH_MAX];

	if (!path || !realpath(path, real))
		return ix_fail(path ? -errno : -IX_EINPUT, "%s: %s",
			       path ? path : "(no path)",
			       strerrordesc_np(path ? errno : EINVAL));
	*p = ix_strdup(real);
	return *p ? 0 : ix_fail(-ENOMEM, "no memory");
}

/* A daemon that was killed leaves a mount behind that only says ENOTCONN. */
static int absolute_mountpoint(const char *path, char **p)
{
	struct stat st;
	int rc;

	if (path && stat(path, &st) && errno == ENOTCONN)
		ixfs_umount_stale(path);
	rc = absolute(path, p);
	/* mount(2) would put our root over a file, too: nobody could use
	 * either, and the file is hidden. */
	if (!rc && (stat(*p, &st) || !S_ISDIR(st.st_mode)))
		rc = ix_fail(-ENOTDIR, "%s: is no directory", path);
	return rc;
}

static int run_new(const struct ixfs_mount_options *o, struct run **rp)
{
	struct run *r = ix_calloc(1, sizeof(*r));
	int rc;

	*rp = NULL;
	if (!r)
		return ix_fail(-ENOMEM, "no memory");
	r->o = *o;
	r->outcome_fd = -1;
	rc = absolute(o->backing, &r->backing);
	if (!rc)
		rc = absolute_mountpoint(o->mountpoint, &r->mountpoint);
	if (rc) {
		run_release(r);
		return rc;
	}
	r->o.backing = r->backing;
	r->o.mountpoint = r->mountpoint;
	*rp = r;
	return 0;
}

/* In the new process: no terminal, no directory, no input and output; errors
 * are still told until the mount is usable. */
static int detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return ix_fail(-errno, "/dev/null: %s", strerrordesc_np(errno));
	if (setsid() < 0 || chdir("/") || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		return ix_fail(-errno, "cannot detach: %s",
			       strerrordesc_np(errno));
	if (null > STDERR_FILENO)
		close(null);
	return 0;
}

static int read_outcome(int fd, struct outcome *out)
{
	ssize_t n;

	do
		n = read(fd, out, sizeof(*out));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*out))
		return ix_fail(-EIO, "the daemon ended without a word");
	out->text[sizeof(out->text) - 1] = '\0';
	return out->code ? ix_fail(out->code, "%s", out->text) : 0;
}

static int run_in_background(struct run *r)
{
	struct outcome out;
	int pipe_fds[2];
	pid_t pid;
	int rc;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return ix_fail(-errno, "pipe: %s", strerrordesc_np(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		rc = ix_fail(-errno, "fork: %s", strerrordesc_np(errno));
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return rc;
	}
	if (pid == 0) {
		close(pipe_fds[0]);
		r->outcome_fd = pipe_fds[1];
		rc = detach();
		if (rc)
			tell(r, rc);
		else
			rc = serve(r);
		run_release(r);
		exit(rc ? 1 : 0);
	}
	close(pipe_fds[1]);
	rc = read_outcome(pipe_fds[0], &out);
	close(pipe_fds[0]);
	if (rc)
		(void)waitpid(pid, NULL, 0);
	return rc;
}

int ixfs_mount(const struct ixfs_mount_options *o)
{
	struct run *r;
	int rc = run_new(o, &r);

	if (rc)
		return rc;
	assert(r);
	if (o->foreground || o->debug)
		rc = serve(r);
	else
		rc = run_in_background(r);
	run_release(r);
	return rc;
}
