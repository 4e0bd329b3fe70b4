// SPDX-License-Identifier: MIT
/* Runs the cases: one process each, several at once, with a time limit. Prints a line a case:
 *	ok NAME MS | not ok NAME MS | skip NAME REASON | # what a failed one said
 */
#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "harness.h"
#include "internal.h"

enum { MAX_CASES = 4096, MAX_JOBS = 16, MAX_TEXT = 8192, NAME_SIZE = 128, SKIPPED = 77 };

static struct test cases[MAX_CASES];
static size_t case_count;
static int time_limit = 20;
static const struct test *current;

void add_with(void (*run)(const struct test *), unsigned needs, long a, long b, const char *format, ...)
{
	char name[NAME_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	if (case_count == MAX_CASES)
		abort();
	cases[case_count++] = (struct test){ .name = strdup(name), .needs = needs, .run = run, .a = a, .b = b };
}

void add(void (*run)(const struct test *), unsigned needs, const char *name)
{
	add_with(run, needs, 0, 0, "%s", name);
}

/* --- in the case's process --- */

void fail(const char *file, int line, const char *format, ...)
{
	char text[1024];
	const char *base = strrchr(file, '/');
	int length = snprintf(text, sizeof(text), "%s:%d: ", base ? base + 1 : file, line);
	va_list args;

	va_start(args, format);
	length += vsnprintf(text + length, sizeof(text) - length - 1, format, args);
	va_end(args);
	if (length > (int)sizeof(text) - 2)
		length = sizeof(text) - 2;
	text[length++] = '\n';
	if (write(STDERR_FILENO, text, length) < 0)
		_exit(2);
	_exit(1);
}

void skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(STDERR_FILENO, format, args);
	va_end(args);
	_exit(SKIPPED);
}

const char *errno_name(int number)
{
	const char *name = number == 0 ? "0" : strerrorname_np(number);

	return name ? name : "an unknown errno";
}

const char *errno_slug(int number)
{
	static char slug[32];
	const char *name = errno_name(number);
	size_t i;

	for (i = 0; name[i] && i < sizeof(slug) - 1; i++)
		slug[i] = (char)tolower(name[i]);
	slug[i] = 0;
	return slug;
}

long must(long result, const char *what, const char *file, int line)
{
	if (result < 0)
		fail(file, line, "%s: failed with %s", what, errno_name(errno));
	return result;
}

void gives(long result, long expected, const char *what, const char *file, int line)
{
	if (result < 0 && expected >= 0)
		fail(file, line, "%s: expected %ld, failed with %s", what, expected, errno_name(errno));
	if (result != expected)
		fail(file, line, "%s: expected %ld, got %ld", what, expected, result);
}

void fails(long result, int number, const char *what, const char *file, int line)
{
	if (result >= 0)
		fail(file, line, "%s: expected %s, got %ld", what, errno_name(number), result);
	if (errno != number)
		fail(file, line, "%s: expected %s, failed with %s", what, errno_name(number), errno_name(errno));
}

void same(long long got, long long expected, const char *what, const char *file, int line)
{
	if (got != expected)
		fail(file, line, "%s: expected %lld (0x%llx), got %lld (0x%llx)", what, expected,
		     (unsigned long long)expected, got, (unsigned long long)got);
}

void truth(bool condition, const char *what, const char *file, int line)
{
	if (!condition)
		fail(file, line, "does not hold: %s", what);
}

uint8_t pattern_at(size_t index, unsigned seed)
{
	return (uint8_t)(index * 7 + index / 251 + seed);
}

void pattern_is(const void *bytes, size_t count, size_t first, unsigned seed, const char *file, int line)
{
	const uint8_t *got = bytes;

	for (size_t i = 0; i < count; i++) {
		if (got[i] != pattern_at(first + i, seed))
			fail(file, line, "byte %zu of %zu: expected 0x%02x, got 0x%02x", i, count,
			     pattern_at(first + i, seed), got[i]);
	}
}

/* --- the runner --- */

struct job {
	const struct test *test;
	pid_t pid;
	int pipe;
	struct timespec deadline;
	long started;
	bool killed;
	size_t length;
	char text[MAX_TEXT];
};

static struct timespec now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t;
}

static long ms_until(struct timespec t)
{
	struct timespec n = now();

	return (t.tv_sec - n.tv_sec) * 1000L + (t.tv_nsec - n.tv_nsec) / 1000000L;
}

static void start(struct job *job, const struct test *test)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	*job = (struct job){ .test = test, .pipe = ends[0], .deadline = now(), .started = now_ms() };
	job->deadline.tv_sec += time_limit;
	job->pid = fork();
	if (job->pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDERR_FILENO);
		/* Not the results': a case that cannot be killed would keep them from ending. */
		dup2(ends[1], STDOUT_FILENO);
		current = test;
		case_started();
		test->run(test);
		_exit(0);
	}
	if (job->pid < 0)
		abort();
	setpgid(job->pid, job->pid);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void take(struct job *job)
{
	char scrap[512];
	ssize_t got;

	do {
		size_t room = MAX_TEXT - 1 - job->length;

		got = read(job->pipe, room > 0 ? job->text + job->length : scrap, room > 0 ? room : sizeof(scrap));
		if (got > 0 && room > 0)
			job->length += got;
	} while (got > 0);
}

static void note(struct job *job, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (job->length < MAX_TEXT - 256)
		job->length += vsnprintf(job->text + job->length, 256, format, args);
	va_end(args);
}

static void say(struct job *job, bool ok, bool skipped)
{
	char *line, *rest = job->text;

	job->text[job->length] = 0;
	if (skipped) {
		printf("skip %s %s\n", job->test->name, job->text);
	} else {
		printf("%s %s %ld\n", ok ? "ok" : "not ok", job->test->name, now_ms() - job->started);
		while (!ok && (line = strsep(&rest, "\n")))
			if (*line)
				printf("# %s\n", line);
	}
	fflush(stdout);
}

/* Whether the job is done: its process has ended, or cannot be ended. */
static bool look(struct job *job)
{
	int status;
	long left = ms_until(job->deadline);
	pid_t ended = waitpid(job->pid, &status, WNOHANG);

	take(job);
	if (ended == 0) {
		if (left > 0)
			return false;
		if (!job->killed) {
			note(job, "still running after %d s\n", time_limit);
			report_task(job->pid, job->text + job->length, MAX_TEXT - 1 - job->length);
			job->length = strlen(job->text);
			kill(-job->pid, SIGKILL);
			job->killed = true;
			job->deadline = now();
			job->deadline.tv_sec += 5;
			return false;
		}
		note(job, "and cannot be killed: it is stuck in the kernel\n");
		status = 1 << 8;
	}
	kill(-job->pid, SIGKILL);
	if (WIFSIGNALED(status) && !job->killed)
		note(job, "killed by SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	close(job->pipe);
	if (!job->killed && WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		say(job, true, true);
	else
		say(job, status == 0 && !job->killed, false);
	return true;
}

static const struct test *find(const char *name)
{
	for (size_t i = 0; i < case_count; i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	fprintf(stderr, "client: no case is named %s\n", name);
	exit(2);
}

static void run_all(int jobs)
{
	static struct job running[MAX_JOBS];
	char name[NAME_SIZE + 2];
	bool more = true;
	int busy = 0;

	while (more || busy > 0) {
		for (int i = 0; i < jobs; i++) {
			if (!running[i].pid && more) {
				more = fgets(name, sizeof(name), stdin);
				if (!more)
					break;
				name[strcspn(name, "\n")] = 0;
				start(&running[i], find(name));
				busy++;
			}
		}
		nap(2);
		for (int i = 0; i < jobs; i++) {
			if (running[i].pid && look(&running[i])) {
				running[i].pid = 0;
				busy--;
			}
		}
	}
}

static const char *const need_names[] = { "descriptor", "unrestricted", "chardev", "root", "sound", "slots" };

static void list(void)
{
	for (size_t i = 0; i < case_count; i++) {
		printf("%s", cases[i].name);
		for (size_t n = 0; n < COUNT(need_names); n++)
			if (cases[i].needs & 1u << n)
				printf(" %s", need_names[n]);
		putchar('\n');
	}
}

static void usage(void)
{
	fputs("usage: client --list\n"
	      "       client --probe (status 0: the kernel takes this program's calls)\n"
	      "       client CHANNEL DIR-OR-SOCKET JOBS SECONDS <names, a line each\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		list();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--probe"))
		return raw_getpid() == getpid() ? 0 : 1;
	if (argc != 5)
		usage();
	int jobs = atoi(argv[3]);

	time_limit = atoi(argv[4]);
	if (jobs < 1 || jobs > MAX_JOBS || time_limit < 1)
		usage();
	choose_channel(argv[1], argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	run_all(jobs);
	return 0;
}
