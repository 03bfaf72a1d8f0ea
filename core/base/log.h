/* SPDX-License-Identifier: MIT */
/*
 * log: lines for the operator, to stderr or syslog.
 *
 * A line is "ixfs: <text>", cut at 1 KiB; control characters and bytes that are
 * not UTF-8 become '?', so that a file name cannot forge a line. Any thread may
 * log; a line is written whole.
 * Nothing is logged while a lock is held.
 */
#ifndef IX_BASE_LOG_H
#define IX_BASE_LOG_H

enum ix_log_level {
	IX_LOG_ERROR,
	IX_LOG_WARN,
	IX_LOG_INFO,
	IX_LOG_DEBUG
};

/* Lines above `level` are dropped. Default IX_LOG_WARN, to stderr. */
void ix_log_set_level(enum ix_log_level level);

/* Send lines to syslog (facility daemon) instead of stderr. */
void ix_log_use_syslog(void);

void ix_log(enum ix_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define ix_log_error(...) ix_log(IX_LOG_ERROR, __VA_ARGS__)
#define ix_log_warn(...)  ix_log(IX_LOG_WARN, __VA_ARGS__)
#define ix_log_info(...)  ix_log(IX_LOG_INFO, __VA_ARGS__)
#define ix_log_debug(...) ix_log(IX_LOG_DEBUG, __VA_ARGS__)

#endif
