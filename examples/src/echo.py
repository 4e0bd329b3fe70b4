#!/usr/bin/env python3
# Gives back what was written to it last: echo.ts again, with nothing but Python's standard library.
# Shows: a driver in any language that reads and writes files. docs/fusd-protocol.md has the messages.
#
#   python3 examples/src/echo.py &
#   echo HI THERE > /dev/echo; cat /dev/echo; cat /dev/echo

import errno
import os
import struct
import sys

OPEN, RELEASE, READ, WRITE = 1, 2, 3, 4
CREATE, START, REPLY = 32, 34, 35
NO_REPLY = 1
MAX_IO = 65536

HEAD = struct.Struct("=IHHQ")  # length, type, flags, id
CREATION = struct.Struct("=IIQ10I16s64s")
REQUEST = struct.Struct("=IHHQ4Q8I")
ANSWER = struct.Struct("=qQII")

written = b""
at = {}  # how far each open file has read, by its number


def message(kind, body=b"", request=0):
    return HEAD.pack(HEAD.size + len(body), kind, 0, request) + body


def answer(kind, file, size, data):
    """What one request gets: a result, and bytes for the program."""
    global written
    if kind == OPEN:
        at[file] = 0
        return 0, b""
    if kind == RELEASE:
        at.pop(file, None)
        return 0, b""
    if kind == READ:
        given = written[at[file] : at[file] + size]
        at[file] += len(given)
        return len(given), given
    if kind == WRITE:
        written = data
        return len(data), b""
    return -errno.EINVAL, b""


name = sys.argv[1] if len(sys.argv) > 1 else "echo"
fusd = os.open("/dev/fusd", os.O_RDWR)
ops = 1 << OPEN | 1 << RELEASE | 1 << READ | 1 << WRITE
# version, ops, features; flags, mode, uid, gid, max_io, five limits that are not wanted; policies; name
os.write(fusd, message(CREATE, CREATION.pack(1, ops, 0, 0, 0o666, 0, 0, MAX_IO, 0, 0, 0, 0, 0, b"", name.encode())))
os.write(fusd, message(START))
print(f"/dev/{name}", flush=True)

while True:
    request = os.read(fusd, REQUEST.size + MAX_IO)
    _, kind, flags, number, file, _, _, _, _, _, size, *_ = REQUEST.unpack_from(request)
    result, data = answer(kind, file, size, request[REQUEST.size :])
    if not flags & NO_REPLY:
        os.write(fusd, message(REPLY, ANSWER.pack(result, 0, 0, 0) + data, number))
