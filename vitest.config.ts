// The projects of the test runner, one for each tier of tools/test that is vitest's.
import { defineConfig } from "vitest/config";

const everywhere = ["packages/**/test/**/*.test.ts", "examples/test/**/*.test.ts", "tools/**/test/**/*.test.ts"];
const inVm = "**/*.vm.test.ts";
const inDebian = "**/*.debian.test.ts";
const bootingVm = "**/*.boot.test.ts";
const ofKernel = "**/*.kernel.test.ts";
const onFuse = "**/*.fuse.test.ts";
const withSound = "**/*.sound.test.ts";
// Templates are tested as what is made of them: tools/new-driver/test.
const templates = "tools/new-driver/{common,plain,usb,tty}/**";
const never = ["**/node_modules/**", "**/dist/**", "**/build/**", templates];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: everywhere,
          exclude: [...never, inVm, inDebian, bootingVm, onFuse, ofKernel, withSound],
          // A bound for what is stuck, not a measure of this machine.
          testTimeout: 60_000,
        },
      },
      // The conformance suite makes eight calls at once; what runs beside it would wait in vain.
      { test: { name: "fuse", include: [onFuse], exclude: never, fileParallelism: false, testTimeout: 60_000 } },
      // What plays in real time must not wait for a processor.
      {
        test: {
          name: "sound",
          include: [withSound],
          exclude: never,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "kernel",
          include: [ofKernel],
          exclude: never,
          fileParallelism: false,
          // The first time, the kernels' headers and 150 MB of sources are fetched.
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "boot",
          include: [bootingVm],
          exclude: never,
          fileParallelism: false,
          // One machine runs at a time, so a test may have to wait for another checkout's.
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
        },
      },
      {
        test: {
          name: "debian",
          include: [inDebian],
          exclude: never,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "vm",
          include: [inVm],
          exclude: never,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
