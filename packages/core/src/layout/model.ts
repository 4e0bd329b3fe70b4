// The three C data models of x86 callers. Only little-endian hosts are supported: all that Devlift runs on are.

/**
 * Sizes and alignments of a calling program: `lp64` is a 64-bit program, `ilp32` a 32-bit one (i386), `x32` one that
 * runs in 64-bit mode with 32-bit pointers. The kernel names the last two FUSE_IOCTL_COMPAT and FUSE_IOCTL_COMPAT_X32.
 */
export type DataModel = "lp64" | "ilp32" | "x32";

interface Widths {
  /** Bytes of `long`. */
  readonly long: 4 | 8;
  /** Bytes of a pointer. */
  readonly pointer: 4 | 8;
  /** Alignment of a 64-bit integer inside a struct: 4 on i386 (System V ABI, Intel386 supplement, table 2.1). */
  readonly align64: 4 | 8;
  /** Bytes of the kernel's `__kernel_long_t`, which for x32 is long long (arch/x86 posix_types_x32.h). */
  readonly kernelLong: 4 | 8;
}

export const WIDTHS: Readonly<Record<DataModel, Widths>> = {
  lp64: { long: 8, pointer: 8, align64: 8, kernelLong: 8 },
  ilp32: { long: 4, pointer: 4, align64: 4, kernelLong: 4 },
  x32: { long: 4, pointer: 4, align64: 8, kernelLong: 8 },
};

export const DATA_MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];
