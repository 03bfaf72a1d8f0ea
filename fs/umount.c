/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/lock.h"
#include "core/base/mem.h"
#include "fs/mount.h"
#include "fs/umount.h"

#define POLL_NS (5 * 1000 * 1000)

/* ---- which index is mounted there ---- */

/* Fields of mountinfo have blanks and backslashes as \ooo. In place. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
					(s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/*
 * One line: "36 35 98:0 /root MOUNTPOINT options [tags] - TYPE SOURCE super".
 * 1 with *sourcep (inside `line`) if it is an ixfs mounted at `mountpoint`.
 */
static int match(char *line, const char *mountpoint, char **sourcep)
{
	char *save = NULL;
	char *word = strtok_r(line, " \n", &save);
	char *type;

	for (int i = 0; word && i < 4; i++)
		word = strtok_r(NULL, " \n", &save);
	if (!word)
		return 0;
	unescape(word);
	if (strcmp(word, mountpoint) != 0)
		return 0;
	while (word && strcmp(word, "-") != 0)
		word = strtok_r(NULL, " \n", &save);
	type = word ? strtok_r(NULL, " \n", &save) : NULL;
	*sourcep = type ? strtok_r(NULL, " \n", &save) : NULL;
	if (!*sourcep || strcmp(type, "fuse.ixfs") != 0)
		return 0;
	unescape(*sourcep);
	return 1;
}

/* The backing directory of the topmost mount there; -EINVAL if none. */
static int find_backing(const char *mountpoint, char **backingp)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	char *source;
	size_t cap = 0;

	*backingp = NULL;
	if (!f)
		return ix_fail(-errno, "/proc/self/mountinfo: %s",
			       strerrordesc_np(errno));
	while (getline(&line, &cap, f) > 0) {
		if (!match(line, mountpoint, &source))
			continue;
		ix_free(*backingp); /* a later line lies on top */
		*backingp = ix_strdup(source);
	}
	free(line);
	fclose(f);
	if (!*backingp)
		return ix_fail(-EINVAL, "%s: no ixfs is mounted there",
			       mountpoint);
	return 0;
}

/* ---- unmounting ---- */

/* Whoever is not root asks the set-uid helper of libfuse. */
static int umount_by_helper(const char *mountpoint)
{
	char helper[] = "fusermount3";
	char flag[] = "-u";
	char end[] = "--";
	char path[PATH_MAX];
	char *argv[] = { helper, flag, end, path, NULL };
	int status;
	pid_t pid;
	int rc;

	snprintf(path, sizeof(path), "%s", mountpoint);
	rc = posix_spawnp(&pid, helper, NULL, NULL, argv, environ);
	if (rc)
		return ix_fail(-rc, "%s: %s", helper, strerrordesc_np(rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ix_fail(-errno, "%s: %s", helper,
				       strerrordesc_np(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return ix_fail(-EBUSY, "%s: %s could not unmount it",
			       mountpoint, helper);
	return 0;
}

static int unmount(const char *mountpoint)
{
	if (!umount2(mountpoint, UMOUNT_NOFOLLOW))
		return 0;
	if (errno == EPERM)
		return umount_by_helper(mountpoint);
	if (errno == EBUSY)
		return ix_fail(-EBUSY,
			       "%s: busy: files are open, or a process is "
			       "inside (see fuser -m)",
			       mountpoint);
	return ix_fail(-errno, "%s: %s", mountpoint, strerrordesc_np(errno));
}

/* ---- waiting for the daemon ---- */

/* The daemon holds LOCK until everything is flushed. A shared lock is enough
 * to see that, and does not get in the way of who waits to mount. */
static int await_unlock(const char *backing, unsigned timeout_ms)
{
	const uint64_t deadline =
		ix_now_ns() + (uint64_t)timeout_ms * 1000 * 1000;
	const struct timespec pause = { .tv_nsec = POLL_NS };
	char path[PATH_MAX + 8];
	int rc = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/LOCK", backing);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ix_fail(-errno, "%s: %s", path, strerrordesc_np(errno));
	while (flock(fd, LOCK_SH | LOCK_NB)) {
		if (ix_now_ns() >= deadline) {
			rc = ix_fail(-ETIMEDOUT,
				     "%s: unmounted, but the daemon is still "
				     "writing",
				     backing);
			break;
		}
		nanosleep(&pause, NULL);
	}
	close(fd);
	return rc;
}

/* ---- public ---- */

/*
 * The absolute name of a mount point, without asking the mount itself: its
 * daemon may be dead. The last component is therefore not resolved if the
 * whole cannot be.
 */
static int real_mountpoint(const char *mountpoint, char real[PATH_MAX])
{
	char copy[PATH_MAX];
	char dir[PATH_MAX];
	const char *last;
	char *slash;
	int n;

	if (realpath(mountpoint, real))
		return 0;
	n = snprintf(copy, sizeof(copy), "%s", mountpoint);
	if (errno != ENOTCONN || n <= 0 || n >= (int)sizeof(copy))
		return ix_fail(-errno, "%s: %s", mountpoint,
			       strerrordesc_np(errno));
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = strrchr(copy, '/');
	last = slash ? slash + 1 : copy;
	if (slash)
		*slash = '\0';
	if (!realpath(slash ? (slash > copy ? copy : "/") : ".", dir))
		return ix_fail(-errno, "%s: %s", mountpoint,
			       strerrordesc_np(errno));
	n = snprintf(real, PATH_MAX, "%s/%s", strcmp(dir, "/") ? dir : "",
		     last);
	return n < PATH_MAX ? 0 : ix_fail(-ENAMETOOLONG, "%s", mountpoint);
}

void ixfs_umount_stale(const char *mountpoint)
{
	char real[PATH_MAX];
	char *backing;

	if (real_mountpoint(mountpoint, real) || find_backing(real, &backing))
		return;
	ix_free(backing);
	if (umount2(real, MNT_DETACH | UMOUNT_NOFOLLOW) && errno == EPERM)
		(void)umount_by_helper(real);
}

int ixfs_umount(const char *mountpoint, unsigned timeout_ms)
{
	char real[PATH_MAX];
	char *backing;
	int rc;

	rc = real_mountpoint(mountpoint, real);
	if (rc)
		return rc;
	rc = find_backing(real, &backing);
	if (!rc)
		rc = unmount(real);
	if (!rc && timeout_ms)
		rc = await_unlock(backing, timeout_ms);
	ix_free(backing);
	return rc;
}
