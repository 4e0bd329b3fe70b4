// SPDX-License-Identifier: GPL-2.0-only
/* ioctl(2) by tables: what is gathered of the caller's memory, what is written to it, and what is refused. */

#include <sys/wait.h>

#include "fusd-selftest.h"
#include "fusd-tables.h"

#define CALLER	(sizeof(long) == 8 ? 0 : FUSD_IOCTL_32BIT)

static void start(struct fst_device *device, const struct fst_table *table, uint32_t max_io)
{
	struct fusd_create create = fst_creation(FST_BIT(IOCTL));

	create.max_io = max_io;
	fst_create(device, &create);
	CHECK_OK(fst_upload(device->fd, table));
	fst_start(device);
}

static int opened(struct fst_device *device, const struct fst_table *table)
{
	start(device, table, 0);
	return CHECK_OK(open(device->path, O_RDWR));
}

/* The request that this ioctl makes, with so many bytes each way. */
static struct fusd_request asked(struct fst_device *device, uint32_t size, uint32_t out_size)
{
	struct fusd_request request = fst_next(device, FUSD_OP_IOCTL);

	CHECK_EQ(request.size, size);
	CHECK_EQ(request.out_size, out_size);
	CHECK_EQ(request.head.flags, CALLER);
	return request;
}

enum { NONE = 0x4700, VALUE, IN = 0x40084702, OUT = 0x80084703, INOUT = 0xc0084704 };

static void constant(void)
{
	struct fst_table table = { 0 };
	struct fst_device device;
	struct fst_call call;
	char bytes[9] = "abcdefgh";

	fst_type(&table, 8);
	fst_command(&table, NONE, FUSD_ARG_NONE, 0);
	fst_command(&table, VALUE, FUSD_ARG_NONE, 0);
	fst_command(&table, IN, FUSD_ARG_IN, 0);
	fst_command(&table, OUT, FUSD_ARG_OUT, 0);
	fst_command(&table, INOUT, FUSD_ARG_INOUT, 0);
	int fd = opened(&device, &table);

	fst_begin_ioctl(&call, fd, VALUE, -5L);
	struct fusd_request request = asked(&device, 0, 0);
	CHECK_EQ(request.cmd, VALUE);
	CHECK_EQ(request.arg, (unsigned long)-5L);
	fst_done(&device, &request, 77);
	CHECK_EQ(fst_end(&call), 77);

	fst_begin_ioctl(&call, fd, IN, bytes);
	request = asked(&device, 8, 0);
	CHECK_EQ(request.cmd, IN);
	CHECK_EQ(request.arg, (unsigned long)bytes);
	CHECK(!memcmp(device.data, "abcdefgh", 8));
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);

	fst_begin_ioctl(&call, fd, OUT, bytes);
	request = asked(&device, 0, 8);
	fst_give_result(&device, &request, 3, "ABCDEFGH", 8);
	CHECK_EQ(fst_end(&call), 3);
	CHECK(!strcmp(bytes, "ABCDEFGH"));

	fst_begin_ioctl(&call, fd, INOUT, bytes);
	request = asked(&device, 8, 8);
	CHECK(!memcmp(device.data, "ABCDEFGH", 8));
	fst_give_result(&device, &request, 0, "01234567", 8);
	CHECK_EQ(fst_end(&call), 0);
	CHECK(!strcmp(bytes, "01234567"));

	/* More than was asked for is refused; an error leaves the memory as it was. */
	fst_begin_ioctl(&call, fd, INOUT, bytes);
	request = asked(&device, 8, 8);
	struct fusd_reply reply = fst_answer(request.head.id, 0);
	CHECK_ERR(fst_reply(device.fd, &reply, "123456789", 9), EINVAL);
	fst_done(&device, &request, -EDOM);
	CHECK_ERR(fst_end(&call), EDOM);
	CHECK(!strcmp(bytes, "01234567"));
	/* Less is the first of it. */
	fst_begin_ioctl(&call, fd, INOUT, bytes);
	request = asked(&device, 8, 8);
	fst_give_result(&device, &request, 0, "xyz", 3);
	CHECK_EQ(fst_end(&call), 0);
	CHECK(!strcmp(bytes, "xyz34567"));
}

static void unknown(void)
{
	struct fst_table table = { 0 };
	struct fst_device device;

	fst_type(&table, 8);
	fst_command(&table, IN, FUSD_ARG_IN, 0);
	table.commands[fst_command(&table, OUT, FUSD_ARG_OUT, 0)].model =
		FST_MODEL == FUSD_MODEL_64 ? FUSD_MODEL_32 : FUSD_MODEL_64;
	table.commands[fst_command(&table, INOUT, FUSD_ARG_OUT, 0)].model = FUSD_MODEL_X32;
	int fd = opened(&device, &table);

	CHECK_ERR(ioctl(fd, NONE, 0), ENOTTY);
	CHECK_ERR(ioctl(fd, 0x5401, 0), ENOTTY);
	CHECK_ERR(ioctl(fd, 0x40094702, 0), ENOTTY);
	/* A row is for callers of its model alone. */
	CHECK_ERR(ioctl(fd, OUT, 0), ENOTTY);
	CHECK_ERR(ioctl(fd, INOUT, 0), ENOTTY);
	fst_none(&device);
}

/* linux/i2c-dev.h */
#define I2C_RDWR	0x0707
#define I2C_M_RD	1

struct message {
	uint16_t addr, flags, len;
	void *buf;
};

struct messages {
	struct message *msgs;
	uint32_t nmsgs;
};

/* The rows of I2C_RDWR, where pointers have so many bytes. */
static void i2c_rows(struct fst_table *table, uint8_t model, uint32_t pointer)
{
	uint32_t data = fst_type(table, 2 * pointer), message = fst_type(table, 8 + pointer);
	uint32_t byte = fst_type(table, 1);
	struct fusd_link *link = fst_link(table, data, message, 0);

	link->count_offset = pointer;
	link->count_size = 4;
	link->max = 42;
	link = fst_link(table, message, byte, 8);
	link->count_offset = 4;
	link->count_size = 2;
	link->max = 8192;
	link->mask_offset = 2;
	link->mask_size = 2;
	link->mask = I2C_M_RD;
	link->passing = FUSD_ARG_IN;
	link->passing_if = FUSD_ARG_INOUT;
	table->commands[fst_command(table, I2C_RDWR, FUSD_ARG_IN, data)].model = model;
}

static void i2c_table(struct fst_table *table)
{
	memset(table, 0, sizeof(*table));
	i2c_rows(table, FUSD_MODEL_64, 8);
	i2c_rows(table, FUSD_MODEL_32, 4);
}

static void i2c(void)
{
	char out[4] = "abc", one[6] = "-----", two[4] = "+++";
	struct message all[4] = {
		{ 0x50, 0, 3, out }, { 0x50, I2C_M_RD, 5, one }, { 0x51, 0, 0, NULL }, { 0x51, I2C_M_RD, 3, two },
	};
	struct messages list = { all, 4 };
	struct fst_table table;
	struct fst_device device;
	struct fst_call call;

	i2c_table(&table);
	int fd = opened(&device, &table);
	fst_begin_ioctl(&call, fd, I2C_RDWR, &list);
	/* Level by level: the argument, its messages, their buffers. */
	struct fusd_request request = asked(&device, sizeof(list) + sizeof(all) + 3 + 5 + 3, 5 + 3);
	CHECK(!memcmp(device.data, &list, sizeof(list)));
	CHECK(!memcmp(device.data + sizeof(list), all, sizeof(all)));
	CHECK(!memcmp(device.data + sizeof(list) + sizeof(all), "abc-----+++", 11));
	fst_give_result(&device, &request, 4, "01234567", 8);
	CHECK_EQ(fst_end(&call), 4);
	CHECK(!strcmp(out, "abc") && !strcmp(one, "01234") && !strcmp(two, "567"));

	list.nmsgs = 0;
	fst_begin_ioctl(&call, fd, I2C_RDWR, &list);
	request = asked(&device, sizeof(list), 0);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	list.nmsgs = 43;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EINVAL);
	list.nmsgs = 0xffffffff;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EINVAL);
	list.nmsgs = 4;
	all[0].len = 8193;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EINVAL);
	all[0].len = 3;
	/* EFAULT at every level. */
	CHECK_ERR(ioctl(fd, I2C_RDWR, NULL), EFAULT);
	list.msgs = (void *)16;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EFAULT);
	list.msgs = NULL;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EFAULT);
	list.msgs = all;
	all[3].buf = (void *)16;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EFAULT);
	all[3].buf = NULL;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EFAULT);
	all[3].buf = (void *)-16L;
	CHECK_ERR(ioctl(fd, I2C_RDWR, &list), EFAULT);
	fst_none(&device);
}

static int role_i2c(char **arguments)
{
	char one[6] = "-----";
	struct message all[1] = { { 0x50, I2C_M_RD, 5, one } };
	struct messages list = { all, 1 };
	int fd = open(arguments[0], O_RDWR);

	return ioctl(fd, I2C_RDWR, &list) == 1 && !strcmp(one, "twins") ? 42 : 1;
}

static void answer_twin(struct fst_device *device, const struct fusd_request *request)
{
	uint32_t pointer = sizeof(long) == 8 ? 4 : 8;

	CHECK_EQ(request->head.flags, sizeof(long) == 8 ? FUSD_IOCTL_32BIT : 0);
	CHECK_EQ(request->size, 2 * pointer + 8 + pointer + 5);
	CHECK_EQ(request->out_size, 5);
	CHECK(!memcmp(device->data + request->size - 5, "-----", 5));
	fst_give_result(device, request, 1, "twins", 5);
}

static void twin(void)
{
	struct fst_table table;
	struct fst_device device;

	i2c_table(&table);
	start(&device, &table, 0);
	fst_serve(&device, answer_twin);
	CHECK_EQ(fst_run_twin("i2c", device.path), 42);
}

/* Three levels, all ways of passing: */
struct leaf {
	char *text;
	uint32_t size;
};

struct branch {
	struct leaf *leaves;
	uint64_t count;
	char *name;	/* 4 bytes or NULL */
};

struct tree {
	struct branch *branches;
	char *title;	/* 2 bytes */
	uint8_t count;
};

enum { TREE = 0xc0004710 };

static void levels(void)
{
	struct fst_table table = { 0 };
	uint32_t tree = fst_type(&table, sizeof(struct tree)), branch = fst_type(&table, sizeof(struct branch));
	uint32_t leaf = fst_type(&table, sizeof(struct leaf)), byte = fst_type(&table, 1);
	struct fst_device device;
	struct fst_call call;
	struct fusd_link *link;

	link = fst_link(&table, tree, branch, offsetof(struct tree, branches));
	link->count_offset = offsetof(struct tree, count);
	link->count_size = 1;
	link->max = 255;
	link->passing = FUSD_ARG_OUT;	/* has links: is read, too */
	link = fst_link(&table, tree, byte, offsetof(struct tree, title));
	link->max = 2;			/* PARENT: in and out */
	link = fst_link(&table, branch, leaf, offsetof(struct branch, leaves));
	link->count_offset = offsetof(struct branch, count);
	link->count_size = 8;
	link->max = 100;
	link->passing = FUSD_ARG_IN;
	link = fst_link(&table, branch, byte, offsetof(struct branch, name));
	link->max = 4;
	link->flags = FUSD_LINK_NULLABLE;	/* PARENT: out */
	link = fst_link(&table, leaf, byte, offsetof(struct leaf, text));
	link->count_offset = offsetof(struct leaf, size);
	link->count_size = 4;
	link->max = 1000;
	link->passing = FUSD_ARG_OUT;
	fst_command(&table, TREE, FUSD_ARG_INOUT, tree);
	int fd = opened(&device, &table);

	char texts[3][4] = { "aaa", "bbb", "ccc" }, name[5] = "name", title[3] = "tt";
	struct leaf first[2] = { { texts[0], 1 }, { texts[1], 2 } }, second[1] = { { texts[2], 3 } };
	struct branch branches[3] = { { first, 2, NULL }, { NULL, 0, name }, { second, 1, NULL } };
	struct tree whole = { branches, title, 3 };
	size_t in = sizeof(whole) + sizeof(branches) + 2 + sizeof(first) + sizeof(second);
	size_t out = sizeof(whole) + sizeof(branches) + 2 + 4 + 6;

	fst_begin_ioctl(&call, fd, TREE, &whole);
	struct fusd_request request = asked(&device, in, out);
	unsigned char *at = device.data;
	CHECK(!memcmp(at, &whole, sizeof(whole)));
	CHECK(!memcmp(at += sizeof(whole), branches, sizeof(branches)));
	CHECK(!memcmp(at += sizeof(branches), "tt", 2));
	CHECK(!memcmp(at += 2, first, sizeof(first)));
	CHECK(!memcmp(at += sizeof(first), second, sizeof(second)));
	unsigned char answer[512];
	whole.count = 200;
	branches[1].count = 9;
	memcpy(answer, &whole, sizeof(whole));
	memcpy(answer + sizeof(whole), branches, sizeof(branches));
	memcpy(answer + sizeof(whole) + sizeof(branches), "TTNAMEabbccc", 12);
	whole.count = 3;
	branches[1].count = 0;
	fst_give_result(&device, &request, 0, answer, out);
	CHECK_EQ(fst_end(&call), 0);
	CHECK_EQ(whole.count, 200);
	CHECK_EQ(branches[1].count, 9);
	CHECK(!strcmp(title, "TT") && !strcmp(name, "NAME"));
	CHECK(!strcmp(texts[0], "aaa") && !strcmp(texts[1], "bbb") && !strcmp(texts[2], "ccc"));
	/* NULL where the row does not allow it. */
	whole.count = 0;
	whole.title = NULL;
	CHECK_ERR(ioctl(fd, TREE, &whole), EFAULT);
}

/* A count of each width, at the start of 16 bytes with the pointer. */
struct counted {
	union {
		uint8_t one;
		uint16_t two;
		uint32_t four;
		uint64_t eight;
	} count;
	char *bytes;
};

enum { COUNTED = 0x4720 };

static void counts(void)
{
	static const uint8_t widths[] = { 1, 2, 4, 8 };
	struct fst_table table = { 0 };
	struct fst_device device;
	struct fst_call call;
	uint32_t types[9];
	char bytes[200];

	for (int at = 0; at < 8; at++)
		types[at] = fst_type(&table, sizeof(struct counted));
	types[8] = fst_type(&table, 1);
	for (int at = 0; at < 8; at++) {
		struct fusd_link *link = fst_link(&table, types[at], types[8], offsetof(struct counted, bytes));

		link->count_size = widths[at / 2];
		link->max = 100;
		if (at % 2)
			link->flags = FUSD_LINK_SIGNED;
		fst_command(&table, COUNTED + at, FUSD_ARG_IN, types[at]);
	}
	int fd = opened(&device, &table);
	memset(bytes, 'x', sizeof(bytes));
	for (int at = 0; at < 8; at++) {
		/* What lies beside a narrow count is not of it. */
		struct counted counted = { .count.eight = 0x5555555555555555, .bytes = bytes };

		for (unsigned int count = 0; count <= 101; count += count == 0 ? 99 : 1) {
			memcpy(&counted.count, &(uint64_t){ count }, widths[at / 2]);
			if (count > 100) {
				CHECK_ERR(ioctl(fd, COUNTED + at, &counted), EINVAL);
				continue;
			}
			fst_begin_ioctl(&call, fd, COUNTED + at, &counted);
			struct fusd_request request = asked(&device, sizeof(counted) + count, 0);
			fst_done(&device, &request, 0);
			CHECK_EQ(fst_end(&call), 0);
		}
		memset(&counted.count, 0xff, widths[at / 2]);
		CHECK_ERR(ioctl(fd, COUNTED + at, &counted), EINVAL);
		memset(&counted.count, 0, sizeof(counted.count));
		((char *)&counted.count)[widths[at / 2] - 1] = 0x80;
		CHECK_ERR(ioctl(fd, COUNTED + at, &counted), EINVAL);
	}
	fst_none(&device);
}

struct tailed {
	uint16_t count;
	uint16_t flags;
	uint32_t items[];
};

enum { TAILED = 0x4730, MASKED };

static void tails(void)
{
	struct fst_table table = { 0 };
	uint32_t head = fst_type(&table, sizeof(struct tailed)), item = fst_type(&table, 4);
	struct fusd_link *link = fst_link(&table, head, item, sizeof(struct tailed));
	struct fst_device device;
	struct fst_call call;
	union {
		struct tailed head;
		uint32_t words[8];
	} whole = { .words = { 0, 1, 2, 3, 4, 5, 6, 7 } };

	link->count_size = 2;
	link->max = 7;
	link->flags = FUSD_LINK_TAIL;
	link->mask = 0x8001;
	link->mask_offset = 2;
	link->mask_size = 2;
	link->passing = FUSD_ARG_IN;
	link->passing_if = FUSD_ARG_OUT;
	fst_command(&table, TAILED, FUSD_ARG_IN, head);
	int fd = opened(&device, &table);

	whole.head.count = 3;
	whole.head.flags = 0x7ffe;
	fst_begin_ioctl(&call, fd, TAILED, &whole);
	struct fusd_request request = asked(&device, 4 + 12, 0);
	CHECK(!memcmp(device.data, &whole, 16));
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	for (int bit = 0; bit < 16; bit += 15) {
		whole.head.flags = 1 << bit;
		fst_begin_ioctl(&call, fd, TAILED, &whole);
		request = asked(&device, 4, 12);
		fst_give_result(&device, &request, 0, (uint32_t[]){ 91, 92, 93 }, 12);
		CHECK_EQ(fst_end(&call), 0);
		CHECK(whole.words[1] == 91 && whole.words[3] == 93 && whole.words[4] == 4);
	}
	whole.head.count = 8;
	CHECK_ERR(ioctl(fd, TAILED, &whole), EINVAL);
}

static void memory(void)
{
	char *page = mmap(NULL, 2 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fst_table table = { 0 };
	struct fst_device device;
	struct fst_call call;

	CHECK(page != MAP_FAILED);
	CHECK_OK(munmap(page + 4096, 4096));
	fst_type(&table, 8);
	fst_command(&table, IN, FUSD_ARG_IN, 0);
	fst_command(&table, OUT, FUSD_ARG_OUT, 0);
	fst_command(&table, INOUT, FUSD_ARG_INOUT, 0);
	int fd = opened(&device, &table);
	CHECK_ERR(ioctl(fd, IN, NULL), EFAULT);
	CHECK_ERR(ioctl(fd, INOUT, (void *)-8L), EFAULT);
	CHECK_ERR(ioctl(fd, IN, page + 4092), EFAULT);
	fst_none(&device);
	/* Memory that cannot be written. */
	fst_begin_ioctl(&call, fd, INOUT, page);
	struct fusd_request request = asked(&device, 8, 8);
	fst_give_result(&device, &request, 0, "12345678", 8);
	CHECK_ERR(fst_end(&call), EFAULT);
}

/* Links of 1000 items, with 1000 areas below them, and of a megabyte. */
struct many {
	struct leaf *items;
	uint32_t count;
};

static void limits(void)
{
	static struct leaf items[100000];
	struct fst_table table = { 0 };
	uint32_t many = fst_type(&table, sizeof(struct many)), item = fst_type(&table, sizeof(struct leaf));
	uint32_t byte = fst_type(&table, 1);
	struct fusd_link *link = fst_link(&table, many, item, 0);
	struct fst_device device;
	struct fusd_info info;
	struct fst_call call;
	char text[1];

	link->count_offset = offsetof(struct many, count);
	link->count_size = 4;
	link->max = 0xffffffff;
	link = fst_link(&table, item, byte, 0);
	link->count_offset = offsetof(struct leaf, size);
	link->count_size = 4;
	link->max = 0xffffffff;
	fst_command(&table, IN, FUSD_ARG_IN, many);
	start(&device, &table, 1 << 20);
	int fd = CHECK_OK(open(device.path, O_RDWR)), control = fst_control();
	CHECK_EQ(read(control, &info, sizeof(info)), sizeof(info));

	/* The argument and the array are areas, too. */
	struct many whole = { items, info.max_areas - 2 };
	CHECK(whole.count < 99999);
	for (size_t at = 0; at < 100000; at++)
		items[at] = (struct leaf){ text, 1 };
	fst_begin_ioctl(&call, fd, IN, &whole);
	struct fusd_request request = asked(&device, sizeof(whole) + whole.count * (sizeof(*items) + 1), 0);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	whole.count++;
	CHECK_ERR(ioctl(fd, IN, &whole), ENOMEM);
	/* Bytes: sums and products that do not fit into 32 bit, too. */
	static char *large;
	large = calloc(1, 1 << 20);
	items[0] = (struct leaf){ large, (1 << 20) - sizeof(whole) - sizeof(*items) };
	whole.count = 1;
	fst_begin_ioctl(&call, fd, IN, &whole);
	request = asked(&device, 1 << 20, 0);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	items[0].size++;
	CHECK_ERR(ioctl(fd, IN, &whole), ENOMEM);
	items[0].size = 0xffffffff;
	CHECK_ERR(ioctl(fd, IN, &whole), ENOMEM);
	whole.count = 0x10000000;
	CHECK_ERR(ioctl(fd, IN, &whole), ENOMEM);
	whole.count = 0xffffffff;
	CHECK_ERR(ioctl(fd, IN, &whole), ENOMEM);
	fst_none(&device);
}

static void *flipping(void *argument)
{
	struct messages *list = argument;

	for (unsigned int at = 0;; at++) {
		__atomic_store_n(&list->nmsgs, at % 4, __ATOMIC_RELAXED);
		__atomic_store_n(&list->msgs[0].len, at % 7, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What a request says of its own sizes is true, whatever the caller's memory does meanwhile. */
static void answer_consistent(struct fst_device *device, const struct fusd_request *request)
{
	struct messages list;
	struct message all[4];
	size_t size = sizeof(list);

	memcpy(&list, device->data, sizeof(list));
	CHECK(list.nmsgs < 4);
	memcpy(all, device->data + size, list.nmsgs * sizeof(*all));
	size += list.nmsgs * sizeof(*all);
	for (uint32_t at = 0; at < list.nmsgs; at++)
		size += all[at].len;
	CHECK_EQ(request->size, size);
	fst_done(device, request, 0);
}

static void snapshot(void)
{
	/* The flipper goes on when this function has ended. */
	static char bytes[8];
	static struct message all[4] = { { 0, 0, 1, bytes }, { 0, 0, 2, bytes }, { 0, 0, 3, bytes }, { 0, 0, 4, bytes } };
	static struct messages list = { all, 1 };
	struct fst_table table;
	struct fst_device device;
	pthread_t flipper;

	i2c_table(&table);
	int fd = opened(&device, &table);
	fst_serve(&device, answer_consistent);
	CHECK_EQ(pthread_create(&flipper, NULL, flipping, &list), 0);
	for (int times = 0; times < 1000; times++)
		CHECK_OK(ioctl(fd, I2C_RDWR, &list));
}

static void retry(void)
{
	struct fst_table table = { 0 };
	struct fst_device device;
	struct fst_call call;
	char one[4] = "one", two[4] = "two", three[6] = "three";

	fst_command(&table, NONE, FUSD_ARG_RETRY, 0);
	fst_command(&table, VALUE, FUSD_ARG_NONE, 0);
	int fd = opened(&device, &table);
	fst_begin_ioctl(&call, fd, NONE, one);
	struct fusd_request request = asked(&device, 0, 0);
	CHECK_EQ(request.arg, (unsigned long)one);
	struct fusd_area areas[] = {
		{ (unsigned long)one, 3 }, { (unsigned long)two, 2 }, { (unsigned long)three, 4 }, { (unsigned long)one, 1 },
	};
	struct fusd_reply reply = fst_answer(request.head.id, 2);
	reply.head.flags = FUSD_REPLY_RETRY;
	reply.value = 1;
	CHECK_ERR(fst_reply(device.fd, &reply, areas, sizeof(areas)), EINVAL);
	reply.value = 2;
	CHECK_ERR(fst_reply(device.fd, &reply, areas, sizeof(areas) - 1), EINVAL);
	CHECK_EQ(fst_reply(device.fd, &reply, areas, sizeof(areas)), sizeof(reply) + sizeof(areas));
	request = asked(&device, 5, 5);
	CHECK(!memcmp(device.data, "onetw", 5));
	CHECK_EQ(request.cmd, NONE);
	/* Again, with others. */
	reply = fst_answer(request.head.id, 1);
	reply.head.flags = FUSD_REPLY_RETRY;
	CHECK_EQ(fst_reply(device.fd, &reply, areas + 2, sizeof(*areas)), sizeof(reply) + sizeof(*areas));
	request = asked(&device, 4, 0);
	CHECK(!memcmp(device.data, "thre", 4));
	reply = fst_answer(request.head.id, 0);
	reply.head.flags = FUSD_REPLY_RETRY;
	reply.value = 2;
	CHECK_EQ(fst_reply(device.fd, &reply, areas + 2, 2 * sizeof(*areas)), sizeof(reply) + 2 * sizeof(*areas));
	request = asked(&device, 0, 5);
	fst_give_result(&device, &request, 9, "THREO", 5);
	CHECK_EQ(fst_end(&call), 9);
	CHECK(!strcmp(one, "One") && !strcmp(two, "two") && !strcmp(three, "THREe"));

	/* Memory that is not there, and more than there may be. */
	static const struct fusd_area bad[] = {
		{ 16, 4 }, { -16ULL, 4 }, { -4ULL, 8 }, { 1ULL << 63, 1 }, { 0, 1 },
	};
	for (size_t at = 0; at < sizeof(bad) / sizeof(*bad); at++) {
		fst_begin_ioctl(&call, fd, NONE, one);
		request = asked(&device, 0, 0);
		reply = fst_answer(request.head.id, 1);
		reply.head.flags = FUSD_REPLY_RETRY;
		CHECK_EQ(fst_reply(device.fd, &reply, &bad[at], sizeof(*bad)), sizeof(reply) + sizeof(*bad));
		CHECK_ERR(fst_end(&call), EFAULT);
	}
	fst_begin_ioctl(&call, fd, NONE, one);
	request = asked(&device, 0, 0);
	areas[0].len = 1ULL << 40;
	reply = fst_answer(request.head.id, 1);
	reply.head.flags = FUSD_REPLY_RETRY;
	CHECK_EQ(fst_reply(device.fd, &reply, areas, sizeof(*areas)), sizeof(reply) + sizeof(*areas));
	CHECK_ERR(fst_end(&call), ENOMEM);

	/* Others may not. */
	fst_begin_ioctl(&call, fd, VALUE, 0);
	request = asked(&device, 0, 0);
	reply = fst_answer(request.head.id, 0);
	reply.head.flags = FUSD_REPLY_RETRY;
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
}

/* Milliseconds or so that a process has spent in the kernel. */
static unsigned long in_kernel(pid_t pid)
{
	unsigned long ticks = 0;
	char path[64], line[512], *rest;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
	size = CHECK_OK(read(fd, line, sizeof(line) - 1));
	close(fd);
	line[size] = 0;
	rest = strrchr(line, ')');
	CHECK(rest && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %lu", &ticks) == 1);
	return ticks * 10;
}

#define HUGE_SIZE	(16 << 20)
#define MANY_LINKS	2000

struct huge {
	uint32_t count, reserved;
	uint64_t items;	/* for either width */
};

static void walks(void *argument)
{
	void *items = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct huge huge = { .count = HUGE_SIZE / 8 - 100, .items = (uintptr_t)items };

	CHECK(items != MAP_FAILED);
	ioctl(CHECK_OK(open(argument, O_RDWR)), NONE, &huge);
}

/* Two million items with two thousand pointers each, all of which lead to nothing: minutes of work, but SIGKILL ends it. */
static void endless(void)
{
	const size_t size = sizeof(struct fusd_table) + sizeof(struct fusd_command) + 3 * sizeof(struct fusd_type) +
			    (1 + MANY_LINKS) * sizeof(struct fusd_link);
	struct fusd_create create = fst_creation(FST_BIT(IOCTL));
	struct fusd_table *table = calloc(1, size);
	struct fusd_command *command = (void *)(table + 1);
	struct fusd_type *types = (void *)(command + 1);
	struct fusd_link *links = (void *)(types + 3);
	struct fst_device device;

	*table = (struct fusd_table){ fst_head(FUSD_TABLE, 0), 1, 3, 1 + MANY_LINKS, 0 };
	table->head.len = size;
	*command = (struct fusd_command){ .cmd = NONE, .model = FST_MODEL, .passing = FUSD_ARG_IN };
	types[0] = (struct fusd_type){ .size = sizeof(struct huge), .links = 1 };
	types[1] = (struct fusd_type){ .size = 8, .link = 1, .links = MANY_LINKS };
	types[2] = (struct fusd_type){ .size = 1 };
	links[0] = (struct fusd_link){ .offset = offsetof(struct huge, items), .type = 1, .max = HUGE_SIZE,
				       .count_size = 4, .passing = FUSD_ARG_IN };
	for (int i = 1; i <= MANY_LINKS; i++)
		links[i] = (struct fusd_link){ .type = 2, .max = 1, .passing = FUSD_ARG_IN, .flags = FUSD_LINK_NULLABLE };
	create.max_io = HUGE_SIZE;
	fst_create(&device, &create);
	fst_send(device.fd, table, size);
	fst_start(&device);
	pid_t pid = fst_fork(&device, walks, device.path);
	unsigned long before = in_kernel(pid);
	/* More than what comes before takes, however slow the machine is: it is at it. */
	while (in_kernel(pid) < before + 300)
		usleep(1000);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK(WIFSIGNALED(fst_wait(pid)));
	fst_none(&device);
}

/* The table of I2C_RDWR with one field of it changed. */
#define GARBAGE(field, value) do {				\
		struct fst_table table_;			\
		i2c_table(&table_);				\
		table_.field = (value);				\
		CHECK_ERR(fst_upload(fd, &table_), EINVAL);	\
	} while (0)

static void garbage(void)
{
	struct fusd_create create = fst_creation(FST_BIT(IOCTL));
	struct fst_table table;
	struct fst_device device;

	fst_create(&device, &create);
	int fd = device.fd;
	GARBAGE(head.reserved, 1);
	GARBAGE(commands[0].model, 3);
	GARBAGE(commands[0].passing, FUSD_ARG_PARENT);
	GARBAGE(commands[0].passing, 6);
	GARBAGE(commands[1].passing, FUSD_ARG_RETRY);	/* with a type */
	GARBAGE(commands[0].type, 6);
	GARBAGE(commands[0].type, 0xffffffff);
	GARBAGE(commands[0].reserved, 1);
	GARBAGE(commands[0].reserved2, 1);
	GARBAGE(commands[0].model, FUSD_MODEL_32);	/* twice the same */
	GARBAGE(types[0].size, 0);
	GARBAGE(types[0].size, 11);			/* the count is outside */
	GARBAGE(types[0].links, 5);
	GARBAGE(types[0].link, 4);
	GARBAGE(types[0].link, 0xffffffff);
	GARBAGE(types[0].reserved, 1);
	GARBAGE(links[0].type, 0);			/* itself */
	GARBAGE(links[1].type, 0);			/* back */
	GARBAGE(links[0].type, 6);
	GARBAGE(links[0].offset, 9);
	GARBAGE(links[0].offset, 0xfffffffc);
	GARBAGE(links[0].count_offset, 13);
	GARBAGE(links[0].count_offset, 0xffffffff);
	GARBAGE(links[0].count_size, 3);
	GARBAGE(links[0].count_size, 16);
	GARBAGE(links[1].mask_offset, 15);
	GARBAGE(links[1].mask_offset, 0xfffffffe);
	GARBAGE(links[1].mask_size, 5);
	GARBAGE(links[1].passing, FUSD_ARG_RETRY);
	GARBAGE(links[1].passing, 6);
	GARBAGE(links[1].passing_if, 6);
	GARBAGE(links[1].flags, 0x80);
	GARBAGE(links[1].reserved[6], 1);
	/* Counts of rows that are not there. */
	i2c_table(&table);
	struct fusd_table head = table.head;
	head.head = fst_head(FUSD_TABLE, 0);
	head.head.len = sizeof(head);
	CHECK_ERR(write(fd, &head, sizeof(head)), EINVAL);
	head.commands = 0x10000000;
	head.types = 0x10000000;
	head.links = 0;
	CHECK_ERR(write(fd, &head, sizeof(head)), EINVAL);
	/* A good one is still taken, and replaces the one before. */
	CHECK_OK(fst_upload(fd, &table));
	memset(&table, 0, sizeof(table));
	fst_command(&table, NONE, FUSD_ARG_NONE, 0);
	CHECK_OK(fst_upload(fd, &table));
	fst_start(&device);
	struct messages list = { NULL, 0 };
	CHECK_ERR(ioctl(CHECK_OK(open(device.path, O_RDWR)), I2C_RDWR, &list), ENOTTY);
}

static const struct fst_role roles[] = { { "i2c", role_i2c }, {} };

static const struct fst_case cases[] = {
	{ "ioctl: arguments of constant size, each way", constant },
	{ "ioctl: what is not in the table is ENOTTY", unknown },
	{ "ioctl: I2C_RDWR", i2c },
	{ "ioctl: I2C_RDWR of a program of the other width", twin },
	{ "ioctl: three levels, each passed in its way", levels },
	{ "ioctl: counts of each width, signed and not", counts },
	{ "ioctl: tails and masks", tails },
	{ "ioctl: memory that is not there", memory },
	{ "ioctl: too many areas, too many bytes", limits },
	{ "ioctl: one snapshot", snapshot },
	{ "ioctl: areas that only the daemon knows", retry },
	{ "ioctl: a table without an end, and SIGKILL", endless },
	{ "ioctl: tables of garbage", garbage },
	{},
};

FST_MAIN(cases, roles)
