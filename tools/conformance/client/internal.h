/* SPDX-License-Identifier: MIT */
/* Between the harness's own files; cases do not include it. */
#ifndef CONFORMANCE_INTERNAL_H
#define CONFORMANCE_INTERNAL_H

#include <sys/types.h>

void choose_channel(const char *name, const char *where);
/* In a new case's process. */
void case_started(void);
/* Where the memory channel's daemon listens. */
extern const char *memory_socket;
long raw_getpid(void);
/* What each thread of a process does and waits for, for the report on a stuck case. */
void report_task(pid_t pid, char *text, size_t room);

#endif
