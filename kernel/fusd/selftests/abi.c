// SPDX-License-Identifier: GPL-2.0-only
/* The messages themselves, the stages of a device's creation, and what is refused. */

#include <grp.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "fusd-selftest.h"
#include "fusd-tables.h"

#define OPS	(FST_BIT(READ) | FST_BIT(WRITE))

#define LAYOUT(struct_name, size)	CHECK_EQ(sizeof(struct struct_name), size)
#define FIELD(struct_name, field, at)	CHECK_EQ(offsetof(struct struct_name, field), at)

static void layouts(void)
{
	LAYOUT(fusd_head, 16);
	LAYOUT(fusd_info, 48);
	LAYOUT(fusd_create, 152);
	LAYOUT(fusd_recover, 88);
	LAYOUT(fusd_request, 80);
	LAYOUT(fusd_reply, 40);
	LAYOUT(fusd_area, 16);
	LAYOUT(fusd_publish, 32);
	LAYOUT(fusd_table, 32);
	LAYOUT(fusd_command, 16);
	LAYOUT(fusd_type, 16);
	LAYOUT(fusd_link, 40);
	LAYOUT(fusd_region, 40);
	LAYOUT(fusd_keep, 24);
	FIELD(fusd_head, id, 8);
	FIELD(fusd_info, features, 24);
	FIELD(fusd_create, features, 24);
	FIELD(fusd_create, policy, 72);
	FIELD(fusd_create, name, 88);
	FIELD(fusd_recover, name, 24);
	FIELD(fusd_request, offset, 32);
	FIELD(fusd_request, file_flags, 48);
	FIELD(fusd_request, pid, 64);
	FIELD(fusd_reply, value, 24);
	FIELD(fusd_publish, events, 24);
	FIELD(fusd_command, type, 8);
	FIELD(fusd_link, count_offset, 20);
	FIELD(fusd_link, count_size, 28);
	FIELD(fusd_region, fd, 36);
	FIELD(fusd_keep, fd, 20);
}

static void info(void)
{
	int fd = fst_control();

	for (int again = 0; again < 3; again++) {
		struct fusd_info info;

		CHECK_ERR(read(fd, &info, sizeof(info) - 1), EMSGSIZE);
		CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
		CHECK_EQ(info.head.len, sizeof(info));
		CHECK_EQ(info.head.type, FUSD_INFO);
		CHECK_EQ(info.head.flags, 0);
		CHECK_EQ(info.head.id, 0);
		CHECK_EQ(info.version, FUSD_VERSION);
		CHECK(info.max_io >= 4 << 20);
		CHECK(info.max_table >= 4096);
		CHECK(info.max_areas >= 43);	/* I2C_RDWR: 42 messages and their array */
		CHECK((info.features & FUSD_FEATURE_RECOVERY) != 0);
		CHECK((info.features & FUSD_FEATURE_REGIONS) != 0);
		CHECK_EQ(info.files, 0);
		CHECK_EQ(info.reserved, 0);
	}
}

static bool there(const char *path)
{
	struct stat stat_of;

	return stat(path, &stat_of) == 0;
}

static void stages(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_create(&device, &create);
	CHECK(!there(device.path));
	struct fusd_info again;
	CHECK_EQ(read(device.fd, &again, sizeof(again)), sizeof(again));
	CHECK_EQ(again.head.type, FUSD_INFO);
	fst_start(&device);
	CHECK(there(device.path));
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	fst_give(&device, &request, "x", 1);
	CHECK_EQ(fst_end(&call), 1);
	CHECK_EQ(byte, 'x');

	fst_send_head(device.fd, FUSD_DESTROY, 0);
	CHECK(!there(device.path));
	CHECK_ERR(read(fd, &byte, 1), ENODEV);
	CHECK_ERR(open(device.path, O_RDWR), ENOENT);
}

static void close_destroys(void)
{
	struct fst_device device;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fst_gone(&device);
	CHECK(!there(device.path));
	CHECK_ERR(write(fd, "x", 1), ENODEV);
	close(fd);
}

static void one_write(void)
{
	struct {
		struct fusd_create create;
		struct fusd_head start;
	} both = { fst_creation(OPS), fst_head(FUSD_START, 0) };
	struct iovec parts[3] = {
		{ &both.create, 20 }, { (char *)&both.create + 20, sizeof(both.create) - 20 }, { &both.start, 16 },
	};
	char path[FUSD_NAME_MAX + 8];
	int fd = fst_control();

	fst_send(fd, &both, sizeof(both));
	snprintf(path, sizeof(path), "/dev/%s", both.create.name);
	CHECK(there(path));
	close(fd);

	/* writev(2): where the parts end means nothing. */
	fd = fst_control();
	CHECK_EQ(writev(fd, parts, 3), sizeof(both));
	CHECK(there(path));
	close(fd);

	/* The second message is wrong: the first was taken. */
	fd = fst_control();
	both.start.type = FUSD_INFO;
	CHECK_EQ(write(fd, &both, sizeof(both)), sizeof(both.create));
	CHECK_ERR(write(fd, &both.start, sizeof(both.start)), EINVAL);
	fst_send_head(fd, FUSD_START, 0);
	CHECK(there(path));
}

static void wrong_order(void)
{
	struct fusd_create create = fst_creation(OPS), other = fst_creation(OPS);
	struct fusd_recover recover = {
		.head = { .len = sizeof(recover), .type = FUSD_RECOVER }, .version = FUSD_VERSION,
	};
	struct fusd_head start = fst_head(FUSD_START, 0), quiesce = fst_head(FUSD_QUIESCE, 0);
	struct fst_table table = { 0 };
	struct fusd_reply reply = fst_answer(1, 0);
	int fd = fst_control();

	/* Nothing is there yet. */
	CHECK_ERR(write(fd, &start, sizeof(start)), EINVAL);
	CHECK_ERR(fst_upload(fd, &table), EINVAL);
	CHECK_ERR(fst_reply(fd, &reply, NULL, 0), EINVAL);
	/* Created, not started. */
	fst_send(fd, &create, sizeof(create));
	CHECK_ERR(write(fd, &other, sizeof(other)), EINVAL);
	CHECK_ERR(fst_reply(fd, &reply, NULL, 0), ENOENT);
	CHECK_ERR(write(fd, &quiesce, sizeof(quiesce)), EINVAL);
	fst_send(fd, &start, sizeof(start));
	/* Started. */
	CHECK_ERR(write(fd, &start, sizeof(start)), EINVAL);
	CHECK_ERR(write(fd, &other, sizeof(other)), EINVAL);
	CHECK_ERR(fst_upload(fd, &table), EINVAL);
	CHECK_ERR(write(fd, &quiesce, sizeof(quiesce)), EINVAL);	/* without recovery */
	strcpy(recover.name, create.name);
	CHECK_ERR(write(fd, &recover, sizeof(recover)), EINVAL);
}

static void messages(void)
{
	union {
		struct fusd_create create;
		struct fusd_head head;
		unsigned char bytes[512];
	} message = { 0 };
	static const uint16_t unknown[] = { 0, FUSD_OP_READ, FUSD_OP_MAX, FUSD_INFO, 31, 42, 0xffff };
	int fd = fst_control();

	CHECK_EQ(write(fd, &message, 0), 0);
	message.create = fst_creation(OPS);
	for (size_t size = 1; size < sizeof(message.create); size += size < 20 ? 1 : 17)
		CHECK_ERR(write(fd, &message, size), EINVAL);
	/* A length that is not that of the message, be it there or not. */
	static const uint32_t lengths[] = { 0, 15, 16, 151, 153, 160, 512, 0x7fffffff, 0xffffffff };
	for (size_t at = 0; at < sizeof(lengths) / sizeof(*lengths); at++) {
		message.head.len = lengths[at];
		CHECK_ERR(write(fd, &message, sizeof(message)), EINVAL);
	}
	message.create = fst_creation(OPS);
	message.head.flags = 0x8000;
	CHECK_ERR(write(fd, &message, sizeof(message.create)), EINVAL);
	message.head.flags = 0;
	CHECK_ERR(syscall(SYS_write, fd, NULL, sizeof(message.create)), EFAULT);
	/* None of that has left anything behind. */
	fst_send(fd, &message, sizeof(message.create));
	for (size_t at = 0; at < sizeof(unknown) / sizeof(*unknown); at++) {
		struct fusd_head head = fst_head(unknown[at], 0);

		CHECK_ERR(write(fd, &head, sizeof(head)), EINVAL);
	}
	fst_send_head(fd, FUSD_START, 0);
}

/* CREATE with one field changed is refused; nothing of it stays. */
#define REFUSED(field, value, error) do {					\
		struct fusd_create create_ = fst_creation(OPS);			\
		int fd_ = fst_control();					\
		create_.field = (value);					\
		CHECK_ERR(write(fd_, &create_, sizeof(create_)), error);	\
		close(fd_);							\
	} while (0)

static void fields(void)
{
	struct fusd_info info;
	int fd = fst_control();

	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	REFUSED(version, 0, EOPNOTSUPP);
	REFUSED(version, FUSD_VERSION + 1, EOPNOTSUPP);
	REFUSED(features, 1ULL << 63, EOPNOTSUPP);
	REFUSED(ops, OPS | 1, EINVAL);
	REFUSED(ops, OPS | FST_BIT(INTERRUPT) | 1U << 31, EINVAL);
	REFUSED(flags, 1U << 31, EINVAL);
	REFUSED(mode, 01000, EINVAL);
	REFUSED(mode, S_IFCHR | 0600, EINVAL);
	REFUSED(uid, -1, EINVAL);
	REFUSED(gid, -1, EINVAL);
	REFUSED(max_io, info.max_io + 1, EINVAL);
	REFUSED(policy[FUSD_OP_READ], 3, EINVAL);
	REFUSED(reserved, 1, EINVAL);
}

static void names(void)
{
	static const char *const bad[] = {
		"", ".", "..", "/", "/fst", "fst/", "a//b", "../fst", "a/../b", "a/.", "./a", "a\nb", "a\x7f",
	};
	struct fusd_create create = fst_creation(OPS);
	struct fst_device device;
	int fd = fst_control();

	for (size_t at = 0; at < sizeof(bad) / sizeof(*bad); at++) {
		memset(create.name, 0, sizeof(create.name));
		strcpy(create.name, bad[at]);
		if (write(fd, &create, sizeof(create)) != -1)
			fst_fail(__FILE__, __LINE__, "the name \"%s\" is taken", bad[at]);
		CHECK_EQ(errno, EINVAL);
	}
	memset(create.name, 'a', sizeof(create.name));
	CHECK_ERR(write(fd, &create, sizeof(create)), EINVAL);

	/* As long as can be, and in a folder. */
	memset(create.name, 'a', sizeof(create.name) - 1);
	create.name[FUSD_NAME_MAX - 1] = 0;
	memcpy(create.name, "fst/", 4);
	fst_create(&device, &create);
	fst_start(&device);
	CHECK(there(device.path));
	fst_gone(&device);
	CHECK(!there(device.path));
}

static void taken(void)
{
	struct fusd_create create = fst_creation(OPS);
	int one = fst_control(), two = fst_control();

	/* From CREATE on the name is taken. */
	fst_send(one, &create, sizeof(create));
	CHECK_ERR(write(two, &create, sizeof(create)), EEXIST);
	fst_send_head(one, FUSD_START, 0);
	CHECK_ERR(write(two, &create, sizeof(create)), EEXIST);
	close(one);
	fst_send(two, &create, sizeof(create));
	fst_send_head(two, FUSD_START, 0);
}

static void owner(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_device device;
	struct stat is;

	create.mode = 0640;
	create.uid = 4711;
	create.gid = 4712;
	fst_create(&device, &create);
	fst_start(&device);
	CHECK_OK(stat(device.path, &is));
	CHECK(S_ISCHR(is.st_mode));
	CHECK_EQ(is.st_mode & 07777, 0640);
	CHECK_EQ(is.st_uid, 4711);
	CHECK_EQ(is.st_gid, 4712);
}

static void several(void)
{
	struct fst_device devices[8];
	struct fst_call calls[8];
	struct fusd_request requests[8];
	char byte[8];

	for (int at = 0; at < 8; at++) {
		fst_device(&devices[at], OPS);
		fst_begin_read(&calls[at], CHECK_OK(open(devices[at].path, O_RDWR)), &byte[at], 1);
	}
	for (int at = 0; at < 8; at++)
		requests[at] = fst_next(&devices[at], FUSD_OP_READ);
	for (int at = 7; at >= 0; at--) {
		char answer = 'a' + at;

		fst_give(&devices[at], &requests[at], &answer, 1);
		CHECK_EQ(fst_end(&calls[at]), 1);
		CHECK_EQ(byte[at], answer);
	}
	/* The end of one is not that of the others. */
	fst_gone(&devices[0]);
	fst_begin_read(&calls[1], CHECK_OK(open(devices[1].path, O_RDWR)), byte, 1);
	requests[1] = fst_next(&devices[1], FUSD_OP_READ);
	fst_done(&devices[1], &requests[1], 0);
	CHECK_EQ(fst_end(&calls[1]), 0);
}

static void opens(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_device device;

	create.max_opens = 3;
	fst_create(&device, &create);
	fst_start(&device);
	int last = -1;
	for (int at = 0; at < 3; at++)
		last = CHECK_OK(open(device.path, O_RDWR));
	CHECK_ERR(open(device.path, O_RDWR), ENFILE);
	CHECK_OK(close(last));
	CHECK_OK(open(device.path, O_RDWR));
	CHECK_ERR(open(device.path, O_RDWR), ENFILE);
}

static void absent(void)
{
	struct fst_device device;
	char byte;

	/* A device without any operation: what a driver without them gives. */
	fst_device(&device, 0);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	CHECK_ERR(read(fd, &byte, 1), EINVAL);
	CHECK_ERR(write(fd, "x", 1), EINVAL);
	CHECK_ERR(ioctl(fd, 0x4700, 0), ENOTTY);
	CHECK_ERR(lseek(fd, 0, SEEK_SET), ESPIPE);
	CHECK_ERR(fsync(fd), EINVAL);
	CHECK_ERR(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, ENODEV);
	CHECK_OK(close(fd));
	fst_none(&device);
}

static void control(void)
{
	struct fst_device device;
	struct pollfd there = { .events = POLLIN | POLLOUT };
	char byte;

	fst_device(&device, OPS);
	CHECK_OK(fcntl(device.fd, F_SETFL, O_NONBLOCK));
	CHECK_ERR(read(device.fd, device.message, device.room), EAGAIN);
	there.fd = device.fd;
	CHECK_EQ(poll(&there, 1, 0), 1);
	CHECK_EQ(there.revents, POLLOUT);
	struct fst_call call;
	fst_begin_read(&call, CHECK_OK(open(device.path, O_RDWR)), &byte, 1);
	there.events = POLLIN;
	CHECK_EQ(poll(&there, 1, -1), 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	fst_none(&device);
	fst_done(&device, &request, -EDOM);
	CHECK_ERR(fst_end(&call), EDOM);
	CHECK_ERR(lseek(device.fd, 0, SEEK_SET), ESPIPE);
	CHECK_ERR(ioctl(device.fd, 0x4700, 0), ENOTTY);
	/* After the end of the device the descriptor is of no more use. */
	fst_send_head(device.fd, FUSD_DESTROY, 0);
	CHECK_ERR(read(device.fd, device.message, device.room), ENODEV);
	struct fusd_create create = fst_creation(OPS);
	CHECK_ERR(write(device.fd, &create, sizeof(create)), EINVAL);
	there.events = 0;
	CHECK_EQ(poll(&there, 1, -1), 1);
	CHECK_EQ(there.revents, POLLERR);
}

static void tries(void *argument)
{
	struct fusd_create create = fst_creation(OPS);
	bool allowed = *(bool *)argument;

	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(4712, 4712, 4712));
	CHECK_OK(setresuid(4711, 4711, 4711));
	int fd = fst_control();
	create.uid = 4711;
	create.gid = 4712;
	CHECK_ERR(write(fd, &create, sizeof(create)), EPERM);
	strcpy(create.name, "user/4712/fst");
	CHECK_ERR(write(fd, &create, sizeof(create)), EPERM);
	strcpy(create.name, "user/4711/fst");
	create.uid = 0;
	CHECK_ERR(write(fd, &create, sizeof(create)), EPERM);
	create.uid = 4711;
	create.gid = 0;
	CHECK_ERR(write(fd, &create, sizeof(create)), EPERM);
	create.gid = 4712;
	if (!allowed) {
		CHECK_ERR(write(fd, &create, sizeof(create)), EPERM);
		return;
	}
	fst_send(fd, &create, sizeof(create));
	fst_send_head(fd, FUSD_START, 0);
	CHECK(there("/dev/user/4711/fst"));
}

static void unprivileged(void)
{
	/* Whoever may open /dev/fusd. */
	for (int allowed = 0; allowed < 2; allowed++) {
		bool may = allowed;

		fst_allow_unprivileged(allowed);
		CHECK_OK(chmod("/dev/fusd", 0666));
		CHECK_EQ(fst_wait(fst_fork(NULL, tries, &may)), 0);
	}
	fst_allow_unprivileged(false);
}

/* A program of the other width: reads and writes. */
static int role_client(char **arguments)
{
	int fd = open(arguments[0], O_RDWR);
	char text[16] = "";

	if (write(fd, "from twin", 9) != 9 || read(fd, text, sizeof(text)) != 7)
		return 1;
	return strcmp(text, "to twin") ? 2 : 42;
}

static void answer_twin(struct fst_device *device, const struct fusd_request *request)
{
	if (request->head.type == FUSD_OP_WRITE) {
		CHECK_EQ(request->size, 9);
		CHECK(!memcmp(device->data, "from twin", 9));
		fst_done(device, request, 9);
	} else {
		fst_give(device, request, "to twin", 7);
	}
}

static void twin(void)
{
	struct fst_device device;

	fst_device(&device, OPS);
	fst_serve(&device, answer_twin);
	CHECK_EQ(fst_run_twin("client", device.path), 42);
}

static const struct fst_role roles[] = { { "client", role_client }, {} };

static const struct fst_case cases[] = {
	{ "abi: sizes and offsets are the same for both widths", layouts },
	{ "abi: INFO, as often as it is asked", info },
	{ "abi: CREATE, START, DESTROY, and the node in between", stages },
	{ "abi: close(2) of the control descriptor destroys", close_destroys },
	{ "abi: several messages in one write(2) or writev(2)", one_write },
	{ "abi: messages in the wrong order are EINVAL", wrong_order },
	{ "abi: messages of wrong lengths and kinds are EINVAL", messages },
	{ "abi: each field of CREATE is checked", fields },
	{ "abi: names", names },
	{ "abi: a name is taken once", taken },
	{ "abi: mode, owner and group of the node", owner },
	{ "abi: several devices in a daemon", several },
	{ "abi: no more open files than max_opens", opens },
	{ "abi: operations that the device has not", absent },
	{ "abi: the control descriptor's own calls", control },
	{ "abi: daemons without privilege", unprivileged },
	{ "abi: a program of the other width", twin },
	{},
};

FST_MAIN(cases, roles)
