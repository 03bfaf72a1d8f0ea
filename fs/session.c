/* SPDX-License-Identifier: MIT */
#include "fs/session.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/thread.h"

/* Serving threads: enough to keep a disk busy with cold reads where there is
 * no passthrough. */
#define SERVERS_MAX 16

/* Ends the sleep of the main thread in libfuse's loop. */
#define WAKE_SIGNAL SIGUSR1

struct ixfs_session {
	struct fuse_session *se;            /* owned */
	const struct ixfs_mount_options *o; /* borrowed */
	struct ixfs_session_hooks hooks;
	int mounted;

	/* The INIT request under way, as custom_io sees it; 0 before and
	 * after. Only its receiver and its answerer touch the rest. */
	_Atomic uint64_t init_unique;
	uint32_t offered;  /* flags of the kernel */
	uint32_t offered2; /* flags2 */

	pthread_t main;
	pthread_t signals;
	_Atomic int left_loop;
};

/* Receives no other argument than the session it ends. */
static struct fuse_session *woken;

/* ---- INIT ---- */

static void init_received(struct ixfs_session *s, const void *buf, size_t n)
{
	const struct ixfs_fuse_in_header *h = buf;
	const struct ixfs_fuse_init_in *in = (const void *)(h + 1);

	if (n < sizeof(*h) + offsetof(struct ixfs_fuse_init_in, flags2))
		return;
	s->offered = in->flags;
	s->offered2 = 0;
	if ((in->flags & IXFS_INIT_EXT) && n >= sizeof(*h) + sizeof(*in))
		s->offered2 = in->flags2;
	s->init_unique = h->unique;
}

/*
 * Add what this libfuse does not ask for. Each only if the kernel offered it:
 *
 *	PARALLEL_DIROPS: lookups and listings of one directory side by side;
 *	KILLPRIV_V2: no GETXATTR before every write (there are no suid bits
 *		that a write would have to clear);
 *	DIRECT_IO_ALLOW_MMAP: shared maps of staging files;
 *	NO_EXPORT_SUPPORT: no file handles that outlive their node;
 *	PASSTHROUGH, with a stacking depth of 1: the backing filesystem is not
 *		itself stacked, or passthrough will be refused at open.
 */
static int patch_init(struct ixfs_session *s, void *reply, size_t n)
{
	struct ixfs_fuse_init_out *out = reply;

	if (n < sizeof(*out))
		return 0;
	out->flags |= s->offered & (IXFS_INIT_PARALLEL_DIROPS |
				    IXFS_INIT_HANDLE_KILLPRIV_V2);
	if (!s->offered2)
		return 0;
	out->flags |= IXFS_INIT_EXT;
	out->flags2 |= s->offered2 & (IXFS_INIT2_DIRECT_IO_ALLOW_MMAP |
				      IXFS_INIT2_NO_EXPORT_SUPPORT);
	if (s->o->no_passthrough || !(s->offered2 & IXFS_INIT2_PASSTHROUGH))
		return 0;
	out->flags2 |= IXFS_INIT2_PASSTHROUGH;
	out->max_stack_depth = 1;
	return 1;
}

static ssize_t device_read(int fd, void *buf, size_t n, void *userdata)
{
	struct ixfs_session *s = ((struct ixfs *)userdata)->session;
	const struct ixfs_fuse_in_header *h = buf;
	ssize_t got = read(fd, buf, n);

	if (got >= (ssize_t)sizeof(*h) && h->opcode == IXFS_OPCODE_INIT)
		init_received(s, buf, (size_t)got);
	return got;
}

static ssize_t device_writev(int fd, struct iovec *iov, int count,
			     void *userdata)
{
	struct ixfs_session *s = ((struct ixfs *)userdata)->session;
	const struct ixfs_fuse_out_header *h = iov[0].iov_base;
	int passthrough;

	if (!s->init_unique || iov[0].iov_len != sizeof(*h) ||
	    h->unique != s->init_unique || h->error || count != 2)
		return writev(fd, iov, count);
	passthrough = patch_init(s, iov[1].iov_base, iov[1].iov_len);
	s->init_unique = 0;
	/* Before the kernel knows: nothing is opened until then. */
	s->hooks.ready(s->hooks.ctx, passthrough);
	return writev(fd, iov, count);
}

static const struct fuse_custom_io device_io = {
	.read = device_read,
	.writev = device_writev,
};

/* ---- making ---- */

/* Append "-o name=value" with commas and backslashes of the value escaped. */
static int add_option(struct fuse_args *args, const char *name,
		      const char *value)
{
	struct ix_buf b = IX_BUF_INIT;
	int rc;

	ix_buf_addf(&b, "-o%s=", name);
	for (; *value; value++) {
		if (*value == ',' || *value == '\\')
			ix_buf_add_u8(&b, '\\');
		ix_buf_add_u8(&b, (uint8_t)*value);
	}
	rc = ix_buf_error(&b);
	if (!rc && fuse_opt_add_arg(args, ix_buf_str(&b)))
		rc = -ENOMEM;
	ix_buf_release(&b);
	return rc;
}

static int make_args(const struct ixfs_mount_options *o, struct fuse_args *args)
{
	int everybody = o->allow_other < 0 ? geteuid() == 0 : o->allow_other;
	int bad;

	bad = fuse_opt_add_arg(args, "ixfs") ||
	      fuse_opt_add_arg(args, "-osubtype=ixfs,default_permissions,"
				     "nosuid,nodev") ||
	      add_option(args, "fsname", o->backing);
	if (everybody)
		bad |= fuse_opt_add_arg(args, "-oallow_other");
	if (o->read_only)
		bad |= fuse_opt_add_arg(args, "-oro");
	if (o->debug)
		bad |= fuse_opt_add_arg(args, "-odebug");
	if (o->fuse_opts)
		bad |= fuse_opt_add_arg(args, "-o") ||
		       fuse_opt_add_arg(args, o->fuse_opts);
	return bad ? -ENOMEM : 0;
}

int ixfs_session_new(const struct ixfs_mount_options *o,
		     const struct fuse_lowlevel_ops *ops,
		     const struct ixfs_session_hooks *hooks,
		     struct ixfs_session **sp)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct ixfs_session *s = ix_calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	*sp = NULL;
	if (!s)
		return rc;
	s->o = o;
	s->hooks = *hooks;
	s->main = pthread_self();
	rc = make_args(o, &args);
	if (rc)
		goto out;
	s->se = fuse_session_new(&args, ops, sizeof(*ops), hooks->ctx);
	if (!s->se)
		rc = ix_fail(-IX_EINPUT, "%s: libfuse refuses the options",
			     o->mountpoint);
out:
	fuse_opt_free_args(&args);
	if (rc)
		ix_free(s);
	else
		*sp = s;
	return rc;
}

struct fuse_session *ixfs_session_fuse(struct ixfs_session *s)
{
	return s->se;
}

int ixfs_session_mount(struct ixfs_session *s)
{
	if (fuse_session_mount(s->se, s->o->mountpoint))
		return ix_fail(-EIO,
			       "%s: cannot mount (is it a directory, may you "
			       "write to it, is /dev/fuse there?)",
			       s->o->mountpoint);
	s->mounted = 1;
	if (fuse_session_custom_io(s->se, &device_io, fuse_session_fd(s->se)))
		return ix_fail(-ENOMEM, "%s: cannot set up the connection",
			       s->o->mountpoint);
	return 0;
}

/* ---- signals ---- */

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void ixfs_session_block_signals(void)
{
	sigset_t set;

	signal_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void wake(int sig)
{
	(void)sig;
	fuse_session_exit(woken);
}

/*
 * Wait for a signal, then end the loop. The main thread tests and then sleeps
 * inside libfuse, so one wake-up could come between the two: repeat it until
 * the main thread says that it is out.
 */
static void *await_signal(void *arg)
{
	struct ixfs_session *s = arg;
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	sigset_t set;
	int sig = 0;

	signal_set(&set);
	while (sigwait(&set, &sig) != 0)
		;
	if (!s->left_loop) {
		ix_log_info("%s: unmounting on signal %d", s->o->mountpoint,
			    sig);
		s->hooks.quiesce(s->hooks.ctx);
	}
	while (!s->left_loop) {
		pthread_kill(s->main, WAKE_SIGNAL);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int start_signals(struct ixfs_session *s)
{
	struct sigaction sa = { .sa_handler = wake };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	woken = s->se;
	sigaction(WAKE_SIGNAL, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* EFBIG goes to the writer */
	return ixfs_thread_start(&s->signals, await_signal, s);
}

static void stop_signals(struct ixfs_session *s)
{
	s->left_loop = 1;
	/* It waits for a signal (unless it has one already): send one. */
	pthread_kill(s->signals, SIGHUP);
	pthread_join(s->signals, NULL);
}

/* ---- running ---- */

int ixfs_session_run(struct ixfs_session *s)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int rc;

	if (!config)
		return ix_fail(-ENOMEM, "no memory");
	fuse_loop_cfg_set_max_threads(config, SERVERS_MAX);
	s->main = pthread_self();
	rc = start_signals(s);
	if (!rc) {
		rc = fuse_session_loop_mt(s->se, config);
		stop_signals(s);
	}
	fuse_loop_cfg_destroy(config);
	return rc < 0 ? rc : 0;
}

void ixfs_session_end(struct ixfs_session *s)
{
	if (!s->mounted)
		return;
	s->mounted = 0;
	fuse_session_unmount(s->se);
}

void ixfs_session_free(struct ixfs_session *s)
{
	if (!s)
		return;
	ixfs_session_end(s);
	fuse_session_destroy(s->se);
	ix_free(s);
}
