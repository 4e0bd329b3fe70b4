// SPDX-License-Identifier: MIT
#include "hostile.h"
#include "harness.h"

/* Another client's work, beside the attack: everything as it should be. */
void bystander(int fd, int rounds)
{
	struct pair *pair = NEW(struct pair);
	char *bytes = memory_new(4);

	for (int i = 0; i < rounds; i++) {
		GIVES(io->write(fd, "work", 4), 4);
		GIVES(io->read(fd, bytes, 4), 4);
		*pair = (struct pair){ 1, 2 };
		GIVES(io->ioctl(fd, S_PAIR, (uintptr_t)pair), 7);
		SAME(pair->a, 2);
	}
}

int bystander_file(void)
{
	int fd = dev(O_RDWR);

	join(fd, 1);
	return fd;
}
