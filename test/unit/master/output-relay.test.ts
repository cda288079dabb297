// The relay with real pipes: each is a named one, so that both ends can be opened here. The outer pipe is the
// master's standard output, the inner ones are the workers'.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OutputRelay, openRelays } from '../../../src/master/output-relay.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-relay-'));
after(() => {
  rmSync(folder, { recursive: true });
});

interface Pipe {
  readonly path: string;
  readonly readEnd: number;
  readonly writeEnd: number;
}

let pipes = 0;
function makePipe(writeFlags = 0): Pipe {
  const path = join(folder, String(pipes++));
  execFileSync('mkfifo', [path]);
  // Without O_NONBLOCK the first open would wait for the other end.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { path, readEnd, writeEnd: openSync(path, constants.O_WRONLY | writeFlags) };
}

/** Whoever reads the master's output. */
class Reader {
  text = '';
  readonly #socket: Socket;
  #wake = (): void => undefined;

  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.#socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.#wake();
    });
  }

  /** Reads on until all of it is there. */
  async until(isThere: (text: string) => boolean): Promise<void> {
    while (!isThere(this.text)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Writes to a non-blocking end until it takes no more for some turns of the event loop; says how much it took. */
async function fill(fd: number, bytes: number): Promise<number> {
  let [written, idle] = [0, 0];
  while (written < bytes && idle < 2000) {
    try {
      written += writeSync(fd, Buffer.alloc(Math.min(65536, bytes - written), 'x'));
      idle = 0;
    } catch {
      idle++;
      await turn();
    }
  }
  return written;
}

suite('the relay', () => {
  test('forwards what a worker wrote that is gone', async () => {
    const [outer, inner] = [makePipe(), makePipe()];
    const reader = new Reader(outer.readEnd);
    const relay = new OutputRelay(outer.writeEnd);
    writeSync(inner.writeEnd, 'one\ntwo\n');
    closeSync(inner.writeEnd);
    relay.attach(inner.readEnd);
    await relay.end();
    await reader.until((text) => text === 'one\ntwo\n');
    reader.close();
  });

  test('forwards half a line at once', async () => {
    const [outer, inner] = [makePipe(), makePipe()];
    const reader = new Reader(outer.readEnd);
    const relay = new OutputRelay(outer.writeEnd);
    relay.attach(inner.readEnd);
    writeSync(inner.writeEnd, 'Password: ');
    await reader.until((text) => text === 'Password: ');
    closeSync(inner.writeEnd);
    await relay.end();
    reader.close();
  });

  test('settles when the last words are written, though the pipe is held open', async () => {
    const [outer, inner] = [makePipe(), makePipe()];
    const reader = new Reader(outer.readEnd);
    const relay = new OutputRelay(outer.writeEnd);
    const relayed = relay.attach(inner.readEnd);
    writeSync(inner.writeEnd, 'last words\n');
    await relayed.settle();
    writeSync(outer.writeEnd, 'then the master\n');
    writeSync(inner.writeEnd, 'a child of the worker\n');
    await relay.end();
    await reader.until((text) => text.endsWith('worker\n'));
    assert.equal(reader.text, 'last words\nthen the master\na child of the worker\n');
    closeSync(inner.writeEnd);
    reader.close();
  });

  test('settles also when the pipe has ended long ago', async () => {
    const [outer, inner] = [makePipe(), makePipe()];
    const reader = new Reader(outer.readEnd);
    const relay = new OutputRelay(outer.writeEnd);
    const relayed = relay.attach(inner.readEnd);
    writeSync(inner.writeEnd, 'x');
    closeSync(inner.writeEnd);
    await reader.until((text) => text === 'x');
    await relayed.settle();
    await relay.end();
    reader.close();
  });

  test('holds little while nobody reads, and loses nothing when somebody does', async () => {
    const outer = makePipe();
    const relay = new OutputRelay(outer.writeEnd);
    const workers = [makePipe(constants.O_NONBLOCK), makePipe(constants.O_NONBLOCK)];
    for (const { readEnd } of workers) relay.attach(readEnd);
    let taken = 0;
    for (const { writeEnd } of workers) {
      taken += await fill(writeEnd, 50 * 1024 * 1024);
      closeSync(writeEnd);
    }
    assert.ok(taken < 2 * 1024 * 1024, `${taken} bytes were taken`);
    const reader = new Reader(outer.readEnd);
    await relay.end();
    await reader.until((text) => text.length === taken);
    reader.close();
  });

  test('keeps the order of megabytes', async () => {
    const [outer, inner] = [makePipe(), makePipe(constants.O_NONBLOCK)];
    const relay = new OutputRelay(outer.writeEnd);
    relay.attach(inner.readEnd);
    const reader = new Reader(outer.readEnd);
    const text = Array.from({ length: 300_000 }, (_, index) => `line ${index}\n`).join('');
    for (let offset = 0; offset < text.length;) {
      try {
        offset += writeSync(inner.writeEnd, text.slice(offset, offset + 10_000));
      } catch {
        await turn();
      }
    }
    closeSync(inner.writeEnd);
    await reader.until((received) => received.length === text.length);
    assert.ok(reader.text === text);
    await relay.end();
    reader.close();
  });

  test('waits for room in a descriptor that somebody has made non-blocking', async () => {
    const [outer, inner] = [makePipe(constants.O_NONBLOCK), makePipe()];
    const before = await fill(outer.writeEnd, 10_000_000);
    const relay = new OutputRelay(outer.writeEnd);
    relay.attach(inner.readEnd);
    writeSync(inner.writeEnd, 'waits');
    closeSync(inner.writeEnd);
    const ended = relay.end();
    await turn();
    const reader = new Reader(outer.readEnd);
    await ended;
    await reader.until((text) => text.length === before + 5);
    assert.ok(reader.text.endsWith('xwaits'));
    reader.close();
  });

  test('survives that its reader leaves, and serves the next one', async () => {
    const [outer, inner] = [makePipe(), makePipe()];
    const relay = new OutputRelay(outer.writeEnd);
    const relayed = relay.attach(inner.readEnd);
    closeSync(outer.readEnd);
    writeSync(inner.writeEnd, 'for nobody\n');
    await relayed.settle();
    const reader = new Reader(openSync(outer.path, constants.O_RDONLY | constants.O_NONBLOCK));
    writeSync(inner.writeEnd, 'for the next one\n');
    await reader.until((text) => text === 'for the next one\n');
    closeSync(inner.writeEnd);
    await relay.end();
    reader.close();
  });

  test('leaves the descriptor blocking', async () => {
    const [outer, inner] = [makePipe(), makePipe()];
    const reader = new Reader(outer.readEnd);
    const relay = new OutputRelay(outer.writeEnd);
    relay.attach(inner.readEnd);
    for (const fd of [outer.writeEnd, inner.writeEnd]) {
      const [, flags = ''] =
        /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
      assert.equal(Number.parseInt(flags, 8) & constants.O_NONBLOCK, 0);
    }
    closeSync(inner.writeEnd);
    await relay.end();
    reader.close();
  });
});

suite('which output is relayed', () => {
  test('a pipe is, a file is not', () => {
    const file = openSync(join(folder, 'file'), 'w');
    const { writeEnd } = makePipe();
    assert.deepEqual(openRelays(file, file), { stdout: null, stderr: null });
    const { stdout, stderr } = openRelays(writeEnd, file);
    assert.ok(stdout instanceof OutputRelay);
    assert.equal(stderr, null);
  });

  test('one pipe that is both has one relay, two pipes have two', () => {
    const [one, two] = [makePipe(), makePipe()];
    const same = openRelays(one.writeEnd, openSync(one.path, 'w'));
    assert.equal(same.stdout, same.stderr);
    const different = openRelays(one.writeEnd, two.writeEnd);
    assert.notEqual(different.stdout, different.stderr);
  });
});
