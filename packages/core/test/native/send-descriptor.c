// SPDX-License-Identifier: MIT
/* send-descriptor: sends its standard input through descriptor 3, as fusermount3 does with /dev/fuse. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec data = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	int fd = 0;

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(3, &message, 0) == 1)
		return 0;
	perror("sendmsg");
	return 1;
}
