# Prints the text of mmap.ts each time that it is another one: it looks at memory, and calls nobody.

import mmap
import struct
import sys
import time

SIZE = 4096

with open(sys.argv[1] if len(sys.argv) > 1 else "/dev/mmap", "rb") as device:
    memory = mmap.mmap(device.fileno(), SIZE, prot=mmap.PROT_READ)

shown = 0
while True:
    (number,) = struct.unpack_from("i", memory)
    text = memory[4:].split(b"\0")[0]
    # Odd, or another one by now: it is being changed.
    if number != shown and number % 2 == 0 and memory[:4] == struct.pack("i", number):
        print(text.decode(), end="", flush=True)
        shown = number
    time.sleep(0.01)
