// SPDX-License-Identifier: MIT
/*
 * receive-datagram PATH|@NAME [COUNT]: binds a datagram socket there, prints "bound", then the datagrams that come, one or COUNT. Plays
 * the service manager for sdNotify(), as Node has no such sockets.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);
	char data[256];
	ssize_t n;
	int fd, left;

	if (argc < 2 || argc > 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, argv[1]);
	if (address.sun_path[0] == '@') {
		address.sun_path[0] = '\0';
		length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(argv[1]));
	}

	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0) {
		perror(argv[1]);
		return 1;
	}
	puts("bound");
	fflush(stdout);

	for (left = argc == 3 ? atoi(argv[2]) : 1; left > 0; left--) {
		n = recv(fd, data, sizeof(data), 0);
		if (n < 0) {
			perror("recv");
			return 1;
		}
		fwrite(data, 1, (size_t)n, stdout);
	}
	return 0;
}
