/* SPDX-License-Identifier: MIT */
#include "fs/names_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/tree.h"

struct ixfs_names_list *ixfs_names_list_new(void)
{
	struct ixfs_names_list *l = ix_calloc(1, sizeof(*l));

	if (l && ix_mutex_init(&l->lock)) {
		ix_free(l);
		return NULL;
	}
	return l;
}

void ixfs_names_list_free(struct ixfs_handle *h)
{
	struct ixfs_names_list *l = (struct ixfs_names_list *)h;

	ix_buf_release(&l->names);
	ix_free(l->offsets);
	ix_free(l->inos);
	ix_free(l->dirs);
	ix_mutex_release(&l->lock);
	ix_free(l);
}

static int add(struct ixfs_names_list *l, const char *name, uint64_t ino,
	       int is_dir)
{
	size_t n = l->count;

	if (ix_grow(&l->offsets, &l->cap_offsets, n + 1, sizeof(*l->offsets)) ||
	    ix_grow(&l->inos, &l->cap_inos, n + 1, sizeof(*l->inos)) ||
	    ix_grow(&l->dirs, &l->cap_dirs, n + 1, sizeof(*l->dirs)))
		return -ENOMEM;
	l->offsets[n] = l->names.len;
	l->inos[n] = ino;
	l->dirs[n] = (uint8_t)is_dir;
	ix_buf_add(&l->names, name, strlen(name) + 1);
	if (ix_buf_error(&l->names))
		return -ENOMEM;
	l->count++;
	return 0;
}

/* Filesystems need not tell the type in the directory. */
static int add_entry(struct ixfs_names_list *l, int fd, const struct dirent *d)
{
	struct stat st;

	if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
		return 0;
	if (d->d_type == DT_REG || d->d_type == DT_DIR)
		return add(l, d->d_name, d->d_ino, d->d_type == DT_DIR);
	if (d->d_type != DT_UNKNOWN ||
	    fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return 0;
	return add(l, d->d_name, d->d_ino, S_ISDIR(st.st_mode));
}

static int read_all(struct ixfs_names_list *l, int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int rc = 0;

	if (!dir) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (!rc && (errno = 0, d = readdir(dir)))
		rc = add_entry(l, fd, d);
	if (!rc && errno)
		rc = -errno;
	closedir(dir);
	return rc;
}

int ixfs_names_list_read(struct ixfs *fs, struct ixfs_snode *dir,
			 struct ixfs_names_list *l)
{
	struct ixfs_path path;
	int fd = -1;
	int rc;

	l->count = 0;
	ix_buf_clear(&l->names);
	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_path_locked(fs, dir, NULL, &path);
	if (!rc) {
		fd = openat(fs->backing_fd, path.p,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = fd < 0 ? -errno : 0;
	}
	ix_mutex_unlock(&fs->tree->lock);
	if (rc == -ENOENT)
		return 0; /* removed: an empty directory */
	if (!rc)
		rc = read_all(l, fd);
	if (rc)
		l->count = 0;
	return rc;
}

int ixfs_names_list_get(struct ixfs_names_list *l, size_t i,
			struct ixfs_list_entry *e)
{
	if (i >= l->count)
		return 0;
	e->name = (const char *)l->names.data + l->offsets[i];
	e->ino = l->inos[i];
	e->type = l->dirs[i] ? S_IFDIR : S_IFREG;
	return 1;
}
