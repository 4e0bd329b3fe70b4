// SPDX-License-Identifier: MIT
/* ioctl(2) that fails, that is answered later, that waits, and that is interrupted. */
#include <signal.h>
#include <sys/mman.h>
#include "ioctl-arguments.h"

enum { PAGE = 4096 };

static void fails_with(const struct test *t)
{
	int fd = dev(O_RDWR);

	set(ON_ACT, DO(t->a, t->b));
	FAILS(IOCTL(fd, C_ACT, 5), t->a == FAIL_ERRNO ? (int)t->b : EIO);
	SAME(counted(ACTS), 1);
	set(ON_ACT, DO(NORMAL, 0));
	GIVES(IOCTL(fd, C_ACT, 5), 5);
}

/* "Not implemented" is ENOTTY for an ioctl, whatever the daemon says (fuse_send_ioctl() in fs/fuse/ioctl.c). */
static void enosys(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	set(ON_ACT, DO(FAIL_ERRNO, ENOSYS));
	FAILS(IOCTL(fd, C_ACT, 5), ENOTTY);
	/* The kernel must not have concluded that there are no ioctls at all. */
	set(ON_ACT, DO(NORMAL, 0));
	GIVES(IOCTL(fd, C_ACT, 5), 5);
}

/* A call that failed has changed nothing, even when its handler had begun to. */
static void spoilt(const struct test *t)
{
	struct pair *pair = NEW(struct pair);

	*pair = (struct pair){ (uint32_t)t->b, 99 };
	FAILS(IOCTL(dev(O_RDWR), (unsigned long)t->a, pair), (int)t->b);
	SAME(pair->a, t->b);
	SAME(pair->b, 99);
}

/* A driver that puts into a field what it cannot hold. */
static void misfit(const struct test *t)
{
	struct pair *pair = NEW(struct pair);
	int fd = dev(O_RDWR);

	(void)t;
	*pair = (struct pair){ 3, 4 };
	FAILS(IOCTL(fd, S_MISFIT, pair), EIO);
	SAME(pair->a, 3);
	SAME(pair->b, 4);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void later(const struct test *t)
{
	set(ON_ACT, DO(t->a, t->b));
	GIVES(IOCTL(dev(O_RDWR), C_ACT, 12345), 12345);
}

static void waits(const struct test *t)
{
	struct call *call = start_ioctl(dev(O_RDWR | (int)t->a), C_ACT_WAIT, 0);

	await_count(BLOCKED, 1);
	TRUE(!call->done);
	fill(5, 1);
	GIVES(finish(call), 5);
	SAME(counted(ACTS), 1);
}

static void nonblocking(const struct test *t)
{
	int fd = dev(O_RDWR | O_NONBLOCK);
	struct call *call;

	(void)t;
	FAILS(IOCTL(fd, C_ACT_WAIT, 0), EAGAIN);
	SAME(counted(BLOCKED), 0);
	fill(2, 1);
	GIVES(IOCTL(fd, C_ACT_WAIT, 0), 2);
	/* A read tells that the flag has changed. */
	MUST(io->setfl(fd, 0));
	GIVES(io->read(fd, memory_new(2), 2), 2);
	call = start_ioctl(fd, C_ACT_WAIT, 0);
	await_count(BLOCKED, 1);
	fill(3, 1);
	GIVES(finish(call), 3);
}

/* The flag counts as it is at the call. */
static void nonblocking_by_fcntl(const struct test *t)
{
	int fd = dev(O_RDWR | (int)t->a);
	struct call *call;

	MUST(io->setfl(fd, (int)t->a ^ O_NONBLOCK));
	call = start_ioctl(fd, C_ACT_WAIT, 0);
	while (!call->done && counted(BLOCKED) == 0)
		nap(1);
	TRUE(call->done == (t->a == 0));
}

static void interrupted(const struct test *t)
{
	struct call *call;
	int fd = dev(O_RDWR);

	on_signal(SIGUSR1, t->b ? SA_RESTART : 0);
	if (t->a != NORMAL)
		set(ON_ACT, DO(t->a, ETIMEDOUT));
	call = start_ioctl(fd, t->a == NORMAL ? C_ACT_WAIT : C_ACT, 0);
	await_count(BLOCKED, 1);
	if (t->b && channel_is("fusd") && t->a != ABORT_ERRNO) {
		/* The call begins anew, as that of a kernel driver would. */
		set(ON_ACT, DO(NORMAL, 0));
		thread_signal(call->thread, SIGUSR1);
		if (t->a == NORMAL)
			fill(5, 1);
		GIVES(finish(call), t->a == NORMAL ? 5 : 0);
	} else {
		thread_signal(call->thread, SIGUSR1);
		FAILS(finish(call), t->a == ABORT_ERRNO ? ETIMEDOUT : EINTR);
	}
	if (t->a != NORMAL)
		await_count(ABORTS, 1);
	if (t->a == DEAF)
		kick(KICK_FINISH, 0);
	set(ON_ACT, DO(NORMAL, 0));
	GIVES(IOCTL(fd, C_ACT, 6), 6);
}

/* An ignored signal does not free anybody. */
static void ignored_signal(const struct test *t)
{
	struct call *call;

	(void)t;
	signal(SIGUSR1, SIG_IGN);
	call = start_ioctl(dev(O_RDWR), C_ACT_WAIT, 0);
	await_count(BLOCKED, 1);
	thread_signal(call->thread, SIGUSR1);
	fill(4, 1);
	GIVES(finish(call), 4);
}

static struct block *take(size_t size)
{
	struct block *b = memory_new(sizeof(*b));

	*b = (struct block){ (uint32_t)size, 0, PTR(patterned(memory_guarded(size), size)) };
	return b;
}

static void *data_of(const struct block *b)
{
	return (void *)(uintptr_t)b->data;
}

static void takes(const struct test *t)
{
	struct block *b = take(100);
	struct call *call = start_ioctl(dev(O_RDWR), S_TAKE, (uintptr_t)b);

	(void)t;
	await_count(BLOCKED, 1);
	TRUE(is_untouched(data_of(b), 100));
	fill(100, 7);
	GIVES(finish(call), 100);
	PATTERN(data_of(b), 100, 0, 7);
}

static void takes_nothing(const struct test *t)
{
	struct block *b = take(100);

	(void)t;
	FAILS(IOCTL(dev(O_RDWR | O_NONBLOCK), S_TAKE, b), EAGAIN);
	TRUE(is_untouched(data_of(b), 100));
}

/* NULL is refused before the driver has given anything away. */
static void takes_for_nobody(const struct test *t)
{
	struct block *b = take(100);
	int fd = dev(O_RDWR);

	(void)t;
	b->data = 0;
	fill(100, 7);
	FAILS(IOCTL(fd, S_TAKE, b), EFAULT);
	FAILS(IOCTL(fd, S_TAKE, NULL), EFAULT);
	SAME(counted(HELD), 100);
}

static void takes_until_interrupted(const struct test *t)
{
	struct block *b = take(100);
	int fd = dev(O_RDWR);
	struct call *call;

	(void)t;
	on_signal(SIGUSR1, 0);
	call = start_ioctl(fd, S_TAKE, (uintptr_t)b);
	await_count(BLOCKED, 1);
	thread_signal(call->thread, SIGUSR1);
	FAILS(finish(call), EINTR);
	TRUE(is_untouched(data_of(b), 100));
	/* Nobody takes for one who is gone. */
	fill(100, 7);
	SAME(counted(HELD), 100);
	GIVES(IOCTL(fd, S_TAKE, b), 100);
}

/* The argument counts as it was when the call was made; where it is written to must still be there. */
static void memory_goes(const struct test *t)
{
	char *pages = memory_new(1 << 20);
	struct block *b = take(100);
	int fd = dev(O_RDWR);
	struct call *call;

	(void)t;
	b->data = PTR(pages);
	call = start_ioctl(fd, S_TAKE, (uintptr_t)b);
	await_count(BLOCKED, 1);
	MUST(mprotect(pages, 1 << 20, PROT_NONE));
	fill(100, 7);
	FAILS(finish(call), EFAULT);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void argument_changes(const struct test *t)
{
	struct block *b = take(100), before = *b;
	struct call *call = start_ioctl(dev(O_RDWR), S_TAKE, (uintptr_t)b);

	(void)t;
	await_count(BLOCKED, 1);
	*b = (struct block){ 200, 1, PTR(memory_bad()) };
	fill(100, 7);
	GIVES(finish(call), 100);
	PATTERN(data_of(&before), 100, 0, 7);
	/* The struct is written back, and is what it was then. */
	SAME(b->len, 100);
	SAME(b->data, before.data);
}

static void many_wait(const struct test *t)
{
	struct block *blocks[8];
	struct call *calls[8];
	int fd = dev(O_RDWR);
	bool seen[8] = { false };

	for (long i = 0; i < t->a; i++) {
		blocks[i] = take(10);
		calls[i] = start_ioctl(fd, S_TAKE, (uintptr_t)blocks[i]);
	}
	await_count(BLOCKED, (unsigned)t->a);
	fill((unsigned)(10 * t->a), 0);
	for (long i = 0; i < t->a; i++) {
		GIVES(finish(calls[i]), 10);
		/* Each gets a piece of its own. */
		for (long piece = 0; piece < t->a; piece++) {
			if (*(uint8_t *)data_of(blocks[i]) != pattern_at((size_t)piece * 10, 0))
				continue;
			TRUE(!seen[piece]);
			seen[piece] = true;
			PATTERN(data_of(blocks[i]), 10, (size_t)piece * 10, 0);
		}
	}
	for (long i = 0; i < t->a; i++)
		TRUE(seen[i]);
}

/* One that waits stands in nobody's way. */
static void waits_alone(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	(void)t;
	set(ON_ACT, DO(DEAF, 0));
	call = start_ioctl(fd, C_ACT, 9);
	await_count(BLOCKED, 1);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
	GIVES(io->write(fd, "x", 1), 1);
	TRUE(!call->done);
	kick(KICK_FINISH, 0);
	GIVES(finish(call), 9);
}

/* The file lives until its call has ended. */
static void closed_meanwhile(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call = start_ioctl(fd, C_ACT_WAIT, 0);

	(void)t;
	await_count(BLOCKED, 1);
	MUST(io->close(fd));
	SAME(counted(RELEASES), 0);
	fill(3, 1);
	GIVES(finish(call), 3);
	await_count(RELEASES, 1);
}

static void hung_up(const struct test *t)
{
	int fd = dev(O_RDWR), error = t->a ? (int)t->a : EIO;
	struct call *parked = start_ioctl(fd, C_ACT_WAIT, 0), *running;

	await_count(BLOCKED, 1);
	set(ON_ACT, DO(NEVER, 0));
	running = start_ioctl(fd, C_ACT, 0);
	await_count(BLOCKED, 2);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	FAILS(finish(parked), error);
	/* The driver's handler hears of it, and what it throws then is its errno. */
	TRUE(finish(running) < 0);
	TRUE(errno == error || errno == EINTR);
	FAILS(IOCTL(fd, S_NONE, 0), error);
}

static const struct { const char *name; long action; } freed[] = {
	{ "parked", NORMAL }, { "pending", NEVER }, { "deaf", DEAF }, { "own-errno", ABORT_ERRNO },
};

CASES
{
	for (size_t i = 0; i < errno_count; i++)
		add_with(fails_with, NEEDS_NOTHING, FAIL_ERRNO, errnos[i], "ioctl/error/%s", errno_slug(errnos[i]));
	add_with(fails_with, NEEDS_NOTHING, FAIL_ERRNO, ENOTTY, "ioctl/error/enotty");
	add_with(fails_with, NEEDS_NOTHING, FAIL_ERRNO, EINTR, "ioctl/error/eintr");
	add_with(fails_with, NEEDS_NOTHING, FAIL_ERRNO, EFAULT, "ioctl/error/efault");
	add(enosys, NEEDS_NOTHING, "ioctl/error/enosys");
	add_with(fails_with, NEEDS_NOTHING, THROW, 0, "ioctl/error/throws");
	add_with(fails_with, NEEDS_NOTHING, REJECT, 0, "ioctl/error/rejects");
	add_with(fails_with, NEEDS_NOTHING, ILLEGAL, 0, "ioctl/error/illegal-answer");
	add_with(spoilt, NEEDS_NOTHING, S_SPOILS, EBUSY, "ioctl/error/argument-stays");
	add_with(spoilt, NEEDS_NOTHING, S_SPOILS_LATER, EBUSY, "ioctl/error/argument-stays-later");
	add(misfit, NEEDS_NOTHING, "ioctl/error/answer-does-not-fit");
	add_with(later, NEEDS_NOTHING, ASYNC, 0, "ioctl/later/promise");
	add_with(later, NEEDS_NOTHING, DELAY, 20, "ioctl/later/timer");
	add(waits, NEEDS_NOTHING, "ioctl/wait/until-there-is-something");
	add(nonblocking, NEEDS_NOTHING, "ioctl/wait/nonblocking");
	add_with(nonblocking_by_fcntl, NEEDS_NOTHING, 0, 0, "ioctl/fcntl/nonblocking");
	add_with(nonblocking_by_fcntl, NEEDS_NOTHING, O_NONBLOCK, 0, "ioctl/fcntl/blocking-again");
	for (size_t i = 0; i < COUNT(freed); i++) {
		add_with(interrupted, NEEDS_NOTHING, freed[i].action, 0, "ioctl/interrupt/%s", freed[i].name);
		add_with(interrupted, NEEDS_NOTHING, freed[i].action, 1, "ioctl/interrupt/%s-sa-restart", freed[i].name);
	}
	add(ignored_signal, NEEDS_NOTHING, "ioctl/interrupt/ignored-signal");
	add(takes, NEEDS_UNRESTRICTED, "ioctl/wait/with-data");
	add(takes_nothing, NEEDS_UNRESTRICTED, "ioctl/wait/with-data-nonblocking");
	add(takes_for_nobody, NEEDS_UNRESTRICTED, "ioctl/wait/with-data-null");
	add(takes_until_interrupted, NEEDS_UNRESTRICTED, "ioctl/interrupt/with-data");
	add(memory_goes, NEEDS_UNRESTRICTED, "ioctl/wait/memory-goes");
	add(argument_changes, NEEDS_UNRESTRICTED, "ioctl/wait/argument-changes");
	add_with(many_wait, NEEDS_UNRESTRICTED, 2, 0, "ioctl/wait/2-callers");
	add_with(many_wait, NEEDS_UNRESTRICTED, 8, 0, "ioctl/wait/8-callers");
	add(waits_alone, NEEDS_NOTHING, "ioctl/wait/in-nobodys-way");
	add(closed_meanwhile, NEEDS_NOTHING, "ioctl/wait/file-closed");
	add_with(hung_up, NEEDS_NOTHING, 0, 0, "ioctl/hangup/default");
	add_with(hung_up, NEEDS_NOTHING, ENODEV, 0, "ioctl/hangup/enodev");
}
