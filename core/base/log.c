/* SPDX-License-Identifier: MIT */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "core/base/utf8.h"

static atomic_int log_level = IX_LOG_WARN;
static atomic_bool log_to_syslog;

void ix_log_set_level(enum ix_log_level level)
{
	atomic_store(&log_level, (int)level);
}

void ix_log_use_syslog(void)
{
	openlog("ixfs", LOG_PID, LOG_DAEMON);
	atomic_store(&log_to_syslog, 1);
}

void ix_log(enum ix_log_level level, const char *fmt, ...)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO,
					  LOG_DEBUG };
	char line[1024] = "ixfs: ";
	va_list ap;
	size_t len;

	if ((int)level > atomic_load(&log_level))
		return;
	va_start(ap, fmt);
	vsnprintf(line + 6, sizeof(line) - 7, fmt, ap);
	va_end(ap);
	ix_utf8_clean(line);
	if (atomic_load(&log_to_syslog)) {
		syslog(priorities[level], "%s", line + 6);
		return;
	}
	len = strlen(line);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* there is nobody left to tell */
}
