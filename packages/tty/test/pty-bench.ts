// A driver behind a real pty, with its clock and the programs that have it open. Lives as long as a test.

import { join } from "node:path";
import { type Channel, encode, type NodePermissions, native } from "@devlift/core";
import { expect } from "vitest";
import { FakeClock } from "../../core/test/fake-clock.ts";
import { portCommands } from "../src/commands.ts";
import { servePty } from "../src/index.ts";
import { RAW_AND_SILENT, Termios2 } from "../src/termios.ts";
import { FakeDriver } from "./fake-line.ts";
import { Program, temporaryDirectory, until } from "./machine.ts";

export class PtyBench {
  readonly directory = temporaryDirectory();
  readonly driver = new FakeDriver();
  readonly clock = new FakeClock();
  readonly link = join(this.directory.path, "port");
  readonly programs: Program[] = [];
  channel: Channel | undefined;

  async serve(permissions: NodePermissions = {}): Promise<void> {
    this.channel = await servePty(this.driver, { link: this.link, clock: this.clock, permissions });
  }

  open(): Program {
    const program = new Program(this.link);
    this.programs.push(program);
    return program;
  }

  async openLine(): Promise<Program> {
    const before = this.driver.lines.length;
    const program = this.open();
    await until("a line", () => this.driver.lines.length > before);
    return program;
  }

  async close(): Promise<void> {
    for (const program of this.programs) program.close();
    await this.channel?.close();
    this.directory.remove();
  }
}

export function setTermios(program: Program, changes: Partial<Termios2>): void {
  const value = encode(Termios2, "lp64", { ...RAW_AND_SILENT, ...changes });
  expect(native.ioctl(program.fd, portCommands.TCSETS2.number("lp64"), value)).toBe(0);
}

/** Takes CAP_SYS_ADMIN from a process that has it. @returns what gives it back */
export function dropPrivilege(): () => void {
  if (process.geteuid?.() !== 0) return () => undefined;
  process.seteuid?.(65_534);
  return () => process.seteuid?.(0);
}
