/* SPDX-License-Identifier: MIT */
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"

static _Thread_local char fail_text[IX_FAIL_TEXT_MAX];

static const struct {
	int errno_class;
	const char *name;
} codes[] = {
	[IX_ECORRUPT - IX_ECORRUPT] = { EBADMSG, "corrupt" },
	[IX_EINCOMPLETE - IX_ECORRUPT] = { EBADMSG, "incomplete" },
	[IX_EFORMAT - IX_ECORRUPT] = { EBADMSG, "not a segment" },
	[IX_ESCHEMA - IX_ECORRUPT] = { EBADMSG, "schema mismatch" },
	[IX_EINPUT - IX_ECORRUPT] = { EINVAL, "bad input" },
	[IX_ELIMIT - IX_ECORRUPT] = { EFBIG, "limit exceeded" },
	[IX_EBUSYINDEX - IX_ECORRUPT] = { EBUSY, "index in use" },
	[IX_EEXISTS - IX_ECORRUPT] = { EEXIST, "name taken" },
	[IX_EOVERLAP - IX_ECORRUPT] = { EEXIST, "overlaps live segments" },
	[IX_ESTALE - IX_ECORRUPT] = { ESTALE, "source went away" },
	[IX_ECANCELED - IX_ECORRUPT] = { ECANCELED, "cancelled" },
	[IX_EDEGRADED - IX_ECORRUPT] = { EROFS, "index is read-only" },
};

/* Make `text` and what may follow it the thread's text. Both are apart from
 * fail_text, which may be among the arguments that they were made from. */
static void keep(char *text, const char *inner)
{
	size_t len = strlen(text);

	if (*inner)
		snprintf(text + len, IX_FAIL_TEXT_MAX - len, ": %.*s",
			 (int)(IX_FAIL_TEXT_MAX - len), inner);
	ix_utf8_clean(text);
	memcpy(fail_text, text, strlen(text) + 1);
}

int ix_fail(int code, const char *fmt, ...)
{
	char text[IX_FAIL_TEXT_MAX] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keep(text, "");
	return code;
}

int ix_fail_in(int code, const char *fmt, ...)
{
	char text[IX_FAIL_TEXT_MAX] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keep(text, fail_text);
	return code;
}

const char *ix_fail_text(void)
{
	return fail_text;
}

void ix_fail_clear(void)
{
	fail_text[0] = '\0';
}

/* The row of a private code, or -1. */
static int code_index(int code)
{
	if (code <= -IX_ERR_END || code > -IX_ECORRUPT)
		return -1;
	return -code - IX_ECORRUPT;
}

int ix_err_errno(int code)
{
	int i = code_index(code);

	if (code >= 0)
		return 0;
	if (i >= 0)
		return codes[i].errno_class;
	return code > -4096 && strerrorname_np(-code) ? -code : EIO;
}

const char *ix_err_name(int code)
{
	int i = code_index(code);

	return i >= 0 ? codes[i].name : strerrordesc_np(ix_err_errno(code));
}

int ix_err_is_content(int code)
{
	return code == -IX_ECORRUPT || code == -IX_EINCOMPLETE ||
	       code == -IX_EFORMAT || code == -IX_ESCHEMA;
}
