// A server under measurement: started on a port of its own, asked until it answers, and ended with all that it started.
// Nothing is read of what it writes, since every server writes something else: a port that answers is a server that
// is up. Used by the scripts of this folder; never by the tests.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingHttpHeaders } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { activatedEnvironment } from '../../test/helpers/python-environment.ts';
import { inRepository } from '../../test/helpers/repository.ts';
import { children } from './process-tree.ts';

/** How to start a contender. */
export interface Recipe {
  readonly name: string;
  /** Program and arguments, for a port of 127.0.0.1. */
  readonly command: (port: number) => readonly string[];
  /** Directory that it is started in. */
  readonly cwd: string;
  /** The whole environment; the tests' own where it isn't given. */
  readonly env?: Readonly<Record<string, string>>;
}

/** wsgi-ts, built, serving an app of a folder below fixtures/. */
export function wsgiTs(name: string, folder: string, ...args: string[]): Recipe {
  const cli = [process.execPath, inRepository('dist', 'src', 'cli.js')];
  return {
    name,
    command: (port) => [...cli, '--bind', `127.0.0.1:${port}`, ...args],
    cwd: inRepository('fixtures', folder),
  };
}

/** What is asked of a contender. */
export interface Question {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** What it answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A contender that serves. */
export class Contender {
  readonly name: string;
  readonly port: number;
  /** Milliseconds from its start to its first answer. */
  readonly startedIn: number;
  readonly #child: ChildProcess;
  readonly #output: () => string;

  constructor(recipe: Recipe, port: number, child: ChildProcess, output: () => string, ms: number) {
    this.name = recipe.name;
    this.port = port;
    this.startedIn = ms;
    this.#child = child;
    this.#output = output;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The process that was started; its workers are below it. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The process that serves: the first one below, or the process itself where there is none. */
  get worker(): number {
    return children(this.pid)[0] ?? this.pid;
  }

  /** The end of what it has written. */
  get output(): string {
    return this.#output();
  }

  /** Asks it once, on a connection of its own. */
  ask(question: Question): Promise<Answer> {
    return ask(this.port, question);
  }

  /** Ends it and all that it started, the hard way where it does not end within five seconds. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await Promise.race([ended, pause(5000, undefined, { ref: false })]);
    }
    killGroup(this.#child);
  }
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? NaN), 'SIGKILL');
  } catch {
    // ESRCH: nobody is left.
  }
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) killGroup(child);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(130));
}

/**
 * Asks a port of this machine.
 *
 * @throws Error with the code of the socket, or when there is no answer within thirty seconds
 */
function ask(port: number, { path, method, headers, body }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path, agent: false, timeout: 30_000 },
        method: method ?? 'GET',
        headers: { ...headers, ...(body && { 'Content-Length': body.length }) },
      },
      (response) => {
        const blocks: Buffer[] = [];
        response.on('data', (block: Buffer) => blocks.push(block));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0, headers: fields } = response;
          resolve({ status, headers: fields, body: Buffer.concat(blocks) });
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${path} within 30 s`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Starts a contender and waits for its first answer, whatever it is.
 *
 * @param path - what is asked until there is an answer
 * @throws Error with its output, when it ends, or does not answer within twenty seconds
 */
export async function start(recipe: Recipe, path = '/'): Promise<Contender> {
  const port = await freePort();
  const [program = '', ...args] = recipe.command(port);
  const env = recipe.env ?? activatedEnvironment();
  const began = performance.now();
  const child = spawn(program, args, { cwd: recipe.cwd, env, stdio: 'pipe', detached: true });
  running.add(child);
  let output = '';
  let ended: string | undefined;
  child.once('error', (error) => (ended = `could not be started (${error.message})`));
  child.once('exit', (code, signal) => {
    running.delete(child);
    ended ??= `ended (${code ?? signal ?? ''})`;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000);
    });
  }
  for (;;) {
    try {
      await ask(port, { path });
      const elapsed = performance.now() - began;
      return new Contender(recipe, port, child, () => output, elapsed);
    } catch (error) {
      // ECONNRESET: some listen before somebody accepts, and one that stops listening again resets who waited.
      const { code = '' } = error as NodeJS.ErrnoException;
      const early = ['ECONNREFUSED', 'ECONNRESET'].includes(code);
      if (early && ended === undefined && performance.now() - began < 20_000) {
        await pause(1);
        continue;
      }
      killGroup(child);
      const why = ended ?? `did not answer (${(error as Error).message})`;
      throw new Error(`${recipe.name} ${why}:\n${output}`, { cause: error });
    }
  }
}
