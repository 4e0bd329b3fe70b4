/* SPDX-License-Identifier: MIT */
/*
 * The same calls on a device of the kernel's and on ours, and what each gave, line by line. A script is words:
 *	rN wN     read, write N bytes           Rx Wx     with a bad pointer, N = 64
 *	RN WN     readv, writev of N bytes in three areas
 *	p         poll of everything, at once   sN        select for reading, N ms
 *	n b       O_NONBLOCK on, off            i         an unknown ioctl
 *	0         read and write of nothing
 */
#ifndef CONFORMANCE_COMPARE_H
#define CONFORMANCE_COMPARE_H

/* What is read from and written to; the same number for a device with one end. */
struct ends {
	int in, out;
};

/* Fails the case when the scripts' lines differ. */
void compare(struct ends kernel, struct ends ours, const char *script);

#endif
