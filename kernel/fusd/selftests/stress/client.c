// SPDX-License-Identifier: GPL-2.0-only
/* The clients of stress.c: calls by chance, each with its number, and their side of the account. */

#include "account.h"

static unsigned char byte_of(uint32_t client, uint32_t number, uint32_t place)
{
	return client * 31 + number * 7 + place;
}

void str_fill(unsigned char *at, size_t size, uint32_t client, uint32_t number)
{
	for (size_t i = 0; i < size; i++)
		at[i] = byte_of(client, number, i);
}

void str_check(const unsigned char *at, size_t size, uint32_t client, uint32_t number)
{
	for (size_t i = 0; i < size; i++)
		CHECK_EQ(at[i], byte_of(client, number, i));
}

/* After an error: there must be a daemon again, and poll(2) says so. */
static void await_daemon(int fd)
{
	struct pollfd there = { .fd = fd, .events = POLLIN | POLLOUT };

	CHECK_EQ(poll(&there, 1, STR_LIMIT_MS), 1);
}

int str_open(void)
{
	long long until = fst_now() + STR_LIMIT_MS;
	int fd;

	while ((fd = open(str_stage.path, O_RDWR | O_CLOEXEC)) < 0) {
		CHECK_EQ(errno, EIO);
		CHECK(fst_now() < until);
		sched_yield();
	}
	return fd;
}

void str_increment(int fd, uint32_t client)
{
	uint32_t *at = mmap(NULL, STR_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, client * STR_PAGE);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(*at, str_stage.account->increments[client]);
	*at = ++str_stage.account->increments[client];
	CHECK_OK(munmap(at, STR_PAGE));
}

static void call(int fd, uint32_t client, uint32_t number, uint64_t *random)
{
	static unsigned char in[STR_BYTES], out[STR_BYTES];
	const uint8_t ops[] = { FUSD_OP_READ, FUSD_OP_WRITE, FUSD_OP_IOCTL };
	uint32_t size = 1 + fst_below(random, fst_below(random, 8) ? 200 : STR_BYTES - 1);
	struct str_nested nested = { client, number, size, STR_BYTES - size, in, out };
	struct str_entry *entry = &str_stage.account->calls[client][number];
	long long result, wanted = size;

	entry->op = ops[fst_below(random, 3)];
	str_fill(in, size, client, number);
	memset(out, 0, sizeof(out));
	entry->outcome = STR_PENDING;
	if (entry->op == FUSD_OP_READ) {
		result = pread(fd, out, size, str_position(client, number));
		nested.out_count = size;
	} else if (entry->op == FUSD_OP_WRITE) {
		result = pwrite(fd, in, size, str_position(client, number));
		nested.out_count = 0;
	} else {
		nested.out_count = fst_below(random, nested.out_count) % 300 + 1;
		result = ioctl(fd, STR_NESTED, &nested);
		wanted = number;
	}
	if (result == -1) {
		CHECK_EQ(errno, EIO);
		entry->outcome = STR_FAILED;
		await_daemon(fd);
		return;
	}
	CHECK_EQ(result, wanted);
	str_check(out, nested.out_count, client, number);
	entry->outcome = STR_FINE;
}

void str_client(uint32_t client, uint64_t random)
{
	int fd = str_open();

	while (!__atomic_load_n(&str_stage.account->stop, __ATOMIC_ACQUIRE)) {
		CHECK(str_stage.account->used[client] < STR_CALLS);
		call(fd, client, str_stage.account->used[client]++, &random);
		if (!fst_below(&random, 16))
			str_increment(fd, client);
		if (!fst_below(&random, 16)) {
			close(fd);
			fd = str_open();
		}
	}
	close(fd);
	_exit(0);
}
