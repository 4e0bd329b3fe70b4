// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of usbfs that a daemon leaves to the next one. */

#include <glob.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fusd-selftest.h"

#define SLOT	3

static ssize_t keep(struct fst_device *device, uint32_t slot, int fd)
{
	struct fusd_keep message = { .head = fst_head(FUSD_KEEP, 0), .slot = slot, .fd = fd };

	message.head.len = sizeof(message);
	return write(device->fd, &message, sizeof(message));
}

/* A root hub, of vhci_hcd where the machine has no other. Its first byte is read. */
static int usb(void)
{
	char byte;
	glob_t found;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("modprobe", "modprobe", "vhci_hcd", NULL);
		_exit(127);
	}
	CHECK_EQ(fst_wait(pid), 0);
	CHECK_EQ(glob("/dev/bus/usb/*/001", 0, NULL, &found), 0);
	int fd = CHECK_OK(open(found.gl_pathv[0], O_RDWR));
	CHECK_EQ(read(fd, &byte, 1), 1);
	return fd;
}

static void lasting(struct fst_device *device)
{
	struct fusd_create create = fst_creation(FST_BIT(READ));

	create.recover_ms = 3600 * 1000;
	fst_create(device, &create);
	fst_start(device);
}

static void next_daemon(void)
{
	struct fst_device device, next, last;
	int fd = usb();

	lasting(&device);
	CHECK_OK(keep(&device, SLOT, fd));
	CHECK_OK(close(fd));
	fst_gone(&device);
	CHECK_EQ(fst_recover(&next, device.name), 0);
	fd = CHECK_OK(ioctl(next.fd, FUSD_IOC_KEPT, SLOT));
	/* The same open file, in a descriptor that no program gets by accident. */
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
	/* It stays for one more daemon, until it is let go. */
	fst_gone(&next);
	CHECK_EQ(fst_recover(&last, device.name), 0);
	CHECK_EQ(lseek(CHECK_OK(ioctl(last.fd, FUSD_IOC_KEPT, SLOT)), 0, SEEK_CUR), 5);
	CHECK_OK(keep(&last, SLOT, -1));
	CHECK_ERR(ioctl(last.fd, FUSD_IOC_KEPT, SLOT), ENOENT);
	CHECK_OK(keep(&last, SLOT, -1));
}

static void refused(void)
{
	struct fst_device device, mortal;
	int both[2], fd = usb();

	lasting(&device);
	CHECK_ERR(keep(&device, FUSD_KEEP_SLOTS, fd), EINVAL);
	CHECK_ERR(keep(&device, 0, -2), EINVAL);
	CHECK_ERR(keep(&device, 0, 1000), EBADF);
	/* Whatever could lead back to the device. */
	CHECK_ERR(keep(&device, 0, device.fd), EINVAL);
	CHECK_ERR(keep(&device, 0, CHECK_OK(open(device.path, O_RDWR))), EINVAL);
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, both));
	CHECK_ERR(keep(&device, 0, both[0]), EINVAL);
	CHECK_ERR(keep(&device, 0, CHECK_OK(open("/dev/null", O_RDWR))), EINVAL);
	CHECK_ERR(keep(&device, 0, CHECK_OK(open("/dev", O_RDONLY | O_DIRECTORY))), EINVAL);
	CHECK_ERR(ioctl(device.fd, FUSD_IOC_KEPT, 0), ENOENT);
	CHECK_ERR(ioctl(device.fd, FUSD_IOC_KEPT, FUSD_KEEP_SLOTS), EINVAL);
	CHECK_ERR(ioctl(device.fd, FUSD_IOC_KEPT, -1L), EINVAL);
	CHECK_ERR(ioctl(fst_control(), FUSD_IOC_KEPT, 0), EINVAL);
	/* There is no next daemon. */
	fst_device(&mortal, FST_BIT(READ));
	CHECK_ERR(keep(&mortal, 0, fd), EINVAL);
	/* The device is at its end. */
	fst_send_head(device.fd, FUSD_DESTROY, 0);
	CHECK_ERR(keep(&device, 0, fd), ENODEV);
}

/* A claimed interface tells whether a file of usbfs is open. */
static bool is_claimed(int fd)
{
	/* USBDEVFS_GETDRIVER: whose is it; ENODATA: nobody's */
	struct { unsigned int interface; char driver[256]; } driver = { 0 };

	if (ioctl(fd, _IOW('U', 8, driver), &driver) == 0)
		return true;
	CHECK_EQ(errno, ENODATA);
	return false;
}

static void until(int fd, bool claimed)
{
	/* The last reference goes in work of the kernel's. */
	while (is_claimed(fd) != claimed)
		usleep(1000);
}

static void goes_with_it(void)
{
	struct fusd_create create = fst_creation(FST_BIT(READ));
	struct fst_device device;
	unsigned int interface = 0;
	int looks = usb(), fd = usb();
	/* USBDEVFS_IOCTL of USBDEVFS_DISCONNECT: the hub's driver makes room. */
	struct { int interface; int command; void *data; } leave = { 0, _IO('U', 22), NULL };

	if (is_claimed(looks))
		CHECK_OK(ioctl(fd, _IOWR('U', 18, leave), &leave));
	/* The deadline, and the daemon's own word. */
	for (int turn = 0; turn < 2; turn++) {
		create.recover_ms = turn ? 3600 * 1000 : 10;
		fst_create(&device, &create);
		fst_start(&device);
		CHECK_OK(ioctl(fd, _IOR('U', 15, interface), &interface));
		CHECK_OK(keep(&device, 0, fd));
		CHECK_OK(close(fd));
		CHECK(is_claimed(looks));
		if (turn)
			fst_send_head(device.fd, FUSD_DESTROY, 0);
		else
			fst_gone(&device);
		until(looks, false);
		fd = usb();
	}
	leave.command = _IO('U', 23);
	CHECK_OK(ioctl(fd, _IOWR('U', 18, leave), &leave));
}

static const struct fst_case cases[] = {
	{ "keep: the next daemon has it", next_daemon },
	{ "keep: what is not kept", refused },
	{ "keep: it goes with the device", goes_with_it },
	{},
};

FST_MAIN(cases, NULL)
