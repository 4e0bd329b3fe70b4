/* SPDX-License-Identifier: MIT */
/*
 * What the client and the reference device agree on; device/protocol.ts says the same in TypeScript.
 * Built three times: for 64 bits, with -m32, and with -DX32 as a 64-bit program that makes x32 system calls, whose
 * pointers and longs have 32 bits in memory.
 */
#ifndef CONFORMANCE_PROTOCOL_H
#define CONFORMANCE_PROTOCOL_H

#include <stdint.h>
#include <sys/ioctl.h>

#if defined(X32)
typedef uint32_t ptr_t;
typedef int32_t long_t;
typedef uint32_t ulong_t;
#define MODEL "x32"
#elif defined(__i386__)
typedef uint32_t ptr_t;
typedef int32_t long_t;
typedef uint32_t ulong_t;
#define MODEL "32"
#else
typedef uint64_t ptr_t;
typedef int64_t long_t;
typedef uint64_t ulong_t;
#define MODEL "64"
#endif

/* A pointer as a field of an argument. */
#define PTR(p) ((ptr_t)(uintptr_t)(p))

struct rule { uint32_t tid, room, action, value; };
struct setting { uint32_t knob, value; };
struct filling { uint32_t count, seed; };
struct kick { uint32_t what, value; };
struct await_counter { uint32_t counter, least; };
struct stats {
	uint32_t opens, releases, reads, writes, acts, polls, aborts, blocked, held, files;
	uint32_t open_flags, nonblocking, pid, uid, gid, length, tgid;
	char name[16];
};

struct slot_seen { uint32_t flushes, syncs, data_syncs, size; };

enum counter { OPENS, RELEASES, READS, WRITES, ACTS, POLLS, ABORTS, BLOCKED, HELD, FILES };
enum action { NORMAL, FAIL_ERRNO, THROW, REJECT, NEVER, DEAF, DELAY, ASYNC, ILLEGAL, TIMED, ABORT_ERRNO };
enum knob { CAPACITY, AT_EOF, CHUNK, PRI, POLL_BITS, ON_READ, ON_WRITE, ON_ACT, ON_RELEASE, ON_POLL, WAKES };
enum kick_what { KICK_READABLE, KICK_WRITABLE, KICK_URGENT, KICK_HANGUP, KICK_FINISH, KICK_HANGUP_OTHERS, KICK_HANGUP_THIS };

/* The value of an ON_ knob. */
#define DO(action, value) ((uint32_t)(action) | (uint32_t)(value) << 8)

#define C_RULE _IOW('c', 1, struct rule)
#define C_SET _IOW('c', 2, struct setting)
#define C_FILL _IOW('c', 3, struct filling)
#define C_KICK _IOW('c', 4, struct kick)
#define C_STATS _IOR('c', 5, struct stats)
#define C_AWAIT _IOW('c', 6, struct await_counter)
#define C_JOIN _IO('c', 7)
#define C_ACT _IO('c', 8)
#define C_ACT_WAIT _IO('c', 9)
#define C_NONBLOCK _IO('c', 13)

/* Of the nodes "memory" and "read-only": takes a slot, zeroed, whose number is the result. */
#define C_SLOT _IO('c', 10)
/* The next flush or sync of this file fails with the errno. */
#define C_SLOT_FAILS _IO('c', 11)
#define C_SLOT_SEEN _IOR('c', 12, struct slot_seen)
#define SLOT (4 * 4096)

struct mixed {
	uint8_t a;
	uint64_t b;
	uint16_t c;
	long_t d;
	int8_t e;
	ulong_t f;
	int16_t g;
	int64_t h;
	int32_t i;
	uint32_t j;
};
struct pair { uint32_t a, b; };
struct text { char text[32]; };
struct block { uint32_t len, result; ptr_t data; };
struct string_arg { uint32_t len; ptr_t text; };
struct nullable { uint32_t len, was; ptr_t data; };
struct flexible { uint32_t len, sum; uint8_t data[]; };
struct flexible_items { uint16_t count, sum; struct pair items[]; };
struct segment { uint16_t addr, flags, len; ptr_t data; };
struct transfer { ptr_t segments; uint32_t count; };
struct leaf { uint32_t len; ptr_t data; };
struct branch { ptr_t leaf; uint32_t value; };
struct tree { uint32_t value; ptr_t left, right; };

struct variant { uint32_t kind; union { uint32_t number; struct pair pair; uint8_t bytes[12]; } value; };
struct named { uint32_t mode; uint16_t bits; int16_t small; };
/* Of __kernel_long_t, which x32 has with 64 bits. */
#ifdef X32
struct times { int64_t sec, usec; };
#else
struct times { long sec, usec; };
#endif
struct signed_length { int32_t len; uint32_t sum; ptr_t data; };
struct wide_length { uint64_t len; uint32_t sum; ptr_t data; };
struct byte_length { uint32_t size, sum; ptr_t items; };
struct list { uint32_t value; ptr_t next; };
struct twins { uint32_t len, sum; ptr_t from, to; };

#define SEGMENT_READ 1
#define MAX_BLOCK (1 << 20)

#define S_NONE _IO('c', 32)
#define S_VALUE _IO('c', 33)
#define S_MINUS _IO('c', 34)
#define S_ADDRESS _IO('c', 35)
#define S_RESULT _IO('c', 36)
#define S_IN(size) _IOC(_IOC_WRITE, 'c', 48, size)
#define S_OUT(size) _IOC(_IOC_READ, 'c', 49, size)
#define S_INOUT(size) _IOC(_IOC_READ | _IOC_WRITE, 'c', 50, size)
#define S_MIXED _IOWR('c', 64, struct mixed)
#define S_PAIR _IOWR('c', 65, struct pair)
#define S_TEXT _IOWR('c', 66, struct text)
#define S_WRONG_WAY _IOR('c', 67, struct pair)
#define S_SPOILS _IOWR('c', 68, struct pair)
#define S_SPOILS_LATER _IOWR('c', 69, struct pair)
#define S_VARIANT _IOWR('c', 70, struct variant)
#define S_NAMED _IOWR('c', 71, struct named)
#define S_TIMES _IOWR('c', 72, struct times)
#define S_MISFIT _IOWR('c', 73, struct pair)
#define S_LEGACY_NONE 0x5520
#define S_LEGACY_VALUE 0x5521
#define S_LEGACY_IN 0x5522
#define S_LEGACY_OUT 0x5523
#define S_LEGACY_INOUT 0x5524
#define S_LEGACY_LARGE 0x5525
#define S_LEGACY_TOO_LARGE 0x5526
#define S_LEGACY_TERMIOS 0x5401
#define S_LEGACY_ADDRESS 0x5527
#define S_BLOCK_IN _IOWR('c', 80, struct block)
#define S_BLOCK_OUT _IOWR('c', 81, struct block)
#define S_BLOCK_INOUT _IOWR('c', 82, struct block)
#define S_STRING _IOWR('c', 83, struct string_arg)
#define S_NULLABLE _IOWR('c', 84, struct nullable)
#define S_FLEXIBLE 0x5530
#define S_FLEXIBLE_ITEMS 0x5531
#define S_TRANSFER _IOW('c', 85, struct transfer)
#define S_TREE _IOWR('c', 86, struct tree)
#define S_SIGNED_LENGTH _IOWR('c', 87, struct signed_length)
#define S_WIDE_LENGTH _IOWR('c', 88, struct wide_length)
#define S_BYTE_LENGTH _IOWR('c', 89, struct byte_length)
#define S_LIST _IOWR('c', 90, struct list)
#define S_TWINS _IOWR('c', 91, struct twins)
#define S_BLOCK_LATER _IOWR('c', 92, struct block)
#define S_TAKE _IOWR('c', 93, struct block)
#define S_INLINE_255 0x5540
#define S_INLINE_256 0x5541

#endif
