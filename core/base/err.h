/* SPDX-License-Identifier: MIT */
/*
 * err: the one error convention of ixfs.
 *
 * Every function that can fail returns int: 0 (or a positive result) for
 * success, a negative code for failure. A code is -errno, or one of the
 * private codes below, which start at 10000 so that they can meet neither an
 * errno nor the range of replies the FUSE kernel module accepts (-511..0).
 * Only fs/ and main() turn private codes into errnos or exit codes.
 *
 * What went wrong in words travels beside the code, per thread: the place
 * that raises an error says `return ix_fail(-IX_ECORRUPT, "%s: ...", ...)`,
 * the place that reports it reads ix_fail_text(). The text belongs to the
 * last ix_fail() of the calling thread; whoever hands an error to another
 * thread copies the text.
 */
#ifndef IX_BASE_ERR_H
#define IX_BASE_ERR_H

#include <errno.h>
#include <stddef.h>

enum ix_err {
	IX_ECORRUPT = 10001, /* damaged: bytes are not what was written.
				errno EBADMSG */
	IX_EINCOMPLETE,      /* the beginning of a segment, not yet all of it.
				errno EBADMSG */
	IX_EFORMAT,          /* not a segment, or a version we do not know.
				errno EBADMSG */
	IX_ESCHEMA,          /* schema invalid, or incompatible with the index.
				errno EBADMSG */
	IX_EINPUT,           /* a document or a command of the user is wrong.
				errno EINVAL */
	IX_ELIMIT, /* a limit of the format would be exceeded. errno EFBIG */
	IX_EBUSYINDEX, /* LOCK is held by somebody else. errno EBUSY */
	IX_EEXISTS,    /* the name means another content. errno EEXIST */
	IX_EOVERLAP,   /* some leaves are live already, some are not.
			  errno EEXIST */
	IX_ESTALE,     /* a source went away under a merge. errno ESTALE */
	IX_ECANCELED,  /* stopped on request. errno ECANCELED */
	IX_EDEGRADED, /* read-only after a failed metadata write. errno EROFS */
	IX_ERR_END
};

#define IX_FAIL_TEXT_MAX 512 /* bytes kept of a failure's text, with NUL */

/*
 * Store a printf-style text for the calling thread and return `code`
 * unchanged. The text says what failed, why, and what to do, in this order,
 * without a trailing newline. What is too long is cut; control characters and
 * bytes that are not UTF-8 (of file names, say) become '?', so that the text is
 * always one line of valid UTF-8. Arguments may come from ix_fail_text().
 */
int ix_fail(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* As ix_fail, but keeps the present text behind the new one ("outer: inner").
 */
int ix_fail_in(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The calling thread's last failure text; "" if there is none. Never NULL. */
const char *ix_fail_text(void);

/* Forget the calling thread's failure text. */
void ix_fail_clear(void);

/* The positive errno class of a negative code; EIO for unknown ones, 0 for
 * codes that are no failure. */
int ix_err_errno(int code);

/* A short English name of a negative code. Static storage; never NULL. */
const char *ix_err_name(int code);

/* Does the code say that the bytes themselves are bad, so that trying again
 * cannot help? (IX_ECORRUPT, IX_EINCOMPLETE, IX_EFORMAT, IX_ESCHEMA) */
int ix_err_is_content(int code);

#endif
