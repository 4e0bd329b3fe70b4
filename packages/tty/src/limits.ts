// How much may wait, and how long, behind whatever front a port has. Constants.

/** Milliseconds that output may take after the last close: tty_port_init()'s closing_wait. */
export const CLOSING_WAIT_MS = 30_000;

/** Bytes that may wait for programs from a line that does not heed throttle(): TTYB_DEFAULT_MEM_LIMIT. */
export const BACKLOG_LIMIT = 640 * 1024;

/** Bytes that programs can leave unread before the line is to stop: N_TTY_BUF_SIZE. */
export const INPUT_LIMIT = 4096;
