// Clients of fixtures/apps/kept_answers.py that ask and don't read, for tests of what becomes of the answer.
// Where a test needs a client that is really behind, it connects by a unix socket: TCP's buffers hold megabytes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fixture, requestBytes } from './fixture-server.ts';
import type { Gate } from './gate.ts';
import { connect } from './raw-client.ts';
import type { RawClient } from './raw-client.ts';
import type { ServerProcess } from './server-process.ts';

/** Bytes of a block. */
export const block = 65_536;
/** More than the kernel holds of an answer on its way through two unix sockets, and Node besides. */
export const underWay = 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-slow-'));
const paths = new Map<string, string>();
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The server of fixtures/apps/kept_answers.py with these options, on a unix socket. */
export async function onUnixSocket(
  ...args: string[]
): Promise<{ readonly server: ServerProcess; readonly path: string }> {
  const key = args.join(' ');
  const path = paths.get(key) ?? join(folder, String(paths.size));
  paths.set(key, path);
  return { server: await fixture('kept_answers', '--bind', `unix:${path}`, ...args), path };
}

/** The SHA-256 of so many blocks of fixtures/apps/kept_answers.py. */
export function digestOf(blocks: number): string {
  const hash = createHash('sha256');
  for (let number = 0; number < blocks; number++) hash.update(Buffer.alloc(block, number % 251));
  return hash.digest('hex');
}

export function digest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Asks for so many blocks and reads nothing. */
export async function askWithoutReading(
  target: number | string,
  gate: Gate,
  blocks: number,
  path = '/',
): Promise<RawClient> {
  const client = await connect(target);
  client.socket.pause();
  await client.send(requestBytes(`${path}?blocks=${String(blocks)}&${gate.query}`));
  assert.equal(await gate.said(), 'begun');
  return client;
}

/** What the app has given so far; asked of a thread that is free. */
export async function done(target: number | string): Promise<string> {
  using client = await connect(target);
  await client.send(requestBytes('/done'));
  return (await client.readResponse()).text;
}

/** Lets the worker's loop and a free thread turn: whoever could go on has done so. */
export async function turn(target: number | string): Promise<void> {
  for (let count = 0; count < 50; count++) await done(target);
}

/** How many nameless files of ours a process holds. */
export function spoolFiles(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/fd`).filter((fd) => {
    try {
      return /\/wsgi-ts-[0-9a-f]{24} \(deleted\)$/.test(
        readlinkSync(`/proc/${String(pid)}/fd/${fd}`),
      );
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

/** A file is closed by the loop's next turns: lets it turn until none is left. */
export async function noFileIsLeft(server: ServerProcess, target: number | string): Promise<void> {
  const [worker = 0] = server.workerPids();
  for (let turns = 0; turns < 20 && spoolFiles(worker) > 0; turns++) await turn(target);
  assert.equal(spoolFiles(worker), 0);
}

/** The data of chunks, as far as they go. */
export function unchunk(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(pieces);
}
