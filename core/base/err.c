/* SPDX-License-Identifier: MIT */
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

int ix_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fail_text, sizeof(fail_text), fmt, ap);
	va_end(ap);
	return code;
}

int ix_fail_in(int code, const char *fmt, ...)
{
	char inner[IX_FAIL_TEXT_MAX];
	va_list ap;
	int n;

	memcpy(inner, fail_text, sizeof(inner));
	va_start(ap, fmt);
	n = vsnprintf(fail_text, sizeof(fail_text), fmt, ap);
	va_end(ap);
	if (n >= 0 && inner[0]) {
		strncat(fail_text, ": ",
			sizeof(fail_text) - 1 - strlen(fail_text));
		strncat(fail_text, inner,
			sizeof(fail_text) - 1 - strlen(fail_text));
	}
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

int ix_err_errno(int code)
{
	if (code >= 0)
		return 0;
	if (code > -4096)
		return -code;
	if (-code >= IX_ECORRUPT && -code < IX_ERR_END)
		return codes[-code - IX_ECORRUPT].errno_class;
	return EIO;
}

const char *ix_err_name(int code)
{
	if (-code >= IX_ECORRUPT && -code < IX_ERR_END)
		return codes[-code - IX_ECORRUPT].name;
	return strerrordesc_np(ix_err_errno(code));
}

int ix_err_is_content(int code)
{
	return code == -IX_ECORRUPT || code == -IX_EINCOMPLETE ||
	       code == -IX_EFORMAT || code == -IX_ESCHEMA;
}
