// Does what docs/tutorial.md says, as its reader would: saves its Python files, types its commands into two
// terminals, in order, in a home folder of its own, and compares what is printed with what the page claims.
// Only this is not done for real: apt-get and npm install nothing (this checkout's command is on PATH), pip
// takes what the tests' environment has, and each server listens on a port that is free.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { it } from 'node:test';
import { activatedEnvironment, testPythonEnvironment } from './helpers/python-environment.ts';
import { Claims } from './helpers/page-claims.ts';
import { inRepository } from './helpers/repository.ts';
import { isAlive, ServerProcess } from './helpers/server-process.ts';

const page = readFileSync(inRepository('docs', 'tutorial.md'), 'utf8');

/**
 * What the reader does next, or sees. A block's language says which: `sh` is typed into the terminal that is
 * free, `python` is saved as the file that was named last, `text` is what the commands above it print, `log`
 * what appears where the server runs, and a `picture` is looked at. `keys` is no block, but Ctrl-C in the text.
 */
interface Step {
  readonly kind: string;
  readonly line: number;
  readonly text: string;
  /** The last Python file named before it. */
  readonly file: string;
}

function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  let block: { kind: string; line: number; text: string } | undefined;
  let file = '';
  markdown.split('\n').forEach((text, index) => {
    const line = index + 1;
    const [fence, kind = ''] = /^```(.*)$/.exec(text) ?? [];
    if (block !== undefined) {
      if (fence === undefined) block.text += `${text}\n`;
      else {
        steps.push({ ...block, file });
        block = undefined;
      }
    } else if (fence !== undefined) block = { kind, line, text: '' };
    else {
      file = [...text.matchAll(/`([\w-]+\.py)`/g)].at(-1)?.[1] ?? file;
      if (text.includes('<kbd>C</kbd>')) steps.push({ kind: 'keys', line, text, file });
    }
  });
  assert.equal(block, undefined, 'a block is not closed');
  return steps;
}

/** A fresh machine's home folder: a clone of the repository in it, and the command in `.programs`. */
function makeHome(): string {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'wsgi-ts-tutorial-')));
  const cli = inRepository('dist', 'src', 'cli.js');
  const command = `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`;
  mkdirSync(join(home, '.programs'));
  writeFileSync(join(home, '.programs', 'wsgi-ts'), command, { mode: 0o755 });
  // In a terminal curl shows no progress; and whoever listens on [::1] is not the server meant.
  writeFileSync(join(home, '.curlrc'), 'no-progress-meter\nipv4\n');
  const leftovers = ['__pycache__', 'instance', 'data'];
  cpSync(inRepository('fixtures'), join(home, 'wsgi-ts', 'fixtures'), {
    recursive: true,
    filter: (source) => !leftovers.includes(basename(source)),
  });
  return home;
}

/**
 * What bash reads before the commands of a block: functions in place of the programs that would need the
 * network or root; the first command that fails ends the block; what the next block needs to know is kept.
 */
const preparation = `
  sudo() { case $1 in apt-get | npm) "$@" ;; *) echo "no sudo for $1" >&2; return 1 ;; esac; }
  apt-get() { case $1 in update | install) ;; *) return 1 ;; esac; }
  npm() { case "$1 \${*: -1}" in 'install wsgi-ts') ;; *) return 1 ;; esac; }
  python3() { if [ "$1 $2" = '-m venv' ]; then set -- "$@" --without-pip; fi; command python3 "$@"; }
  pip() { # finds that all is there already
    '${testPythonEnvironment().python}' -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \\
      > "$(echo "$VIRTUAL_ENV"/lib/python3.*/site-packages)/tests.pth"
    python -m pip --disable-pip-version-check --no-input "$@" --no-index --quiet
  }
  set -e -o pipefail
  trap 'pwd > "$TERMINAL/cwd"; env -0 > "$TERMINAL/env"' EXIT
`;

/** A terminal: the folder it is in and what was exported outlive each block of commands. */
class Terminal {
  cwd: string;
  #env: Record<string, string>;
  readonly #state: string;

  constructor(home: string) {
    this.cwd = home;
    this.#state = mkdtempSync(join(home, '.terminal-'));
    const startFile = join(this.#state, 'start');
    writeFileSync(startFile, preparation);
    const path = [join(home, '.programs'), testPythonEnvironment().bin, process.env['PATH']];
    this.#env = activatedEnvironment({
      HOME: home,
      PATH: path.join(delimiter),
      VIRTUAL_ENV: undefined,
      BASH_ENV: startFile,
      TERMINAL: this.#state,
    });
  }

  start(commands: string): ServerProcess {
    return new ServerProcess('bash', ['-c', commands], { cwd: this.cwd, env: this.#env });
  }

  /** To be called when what was started last has ended. */
  remember(): void {
    this.cwd = readFileSync(join(this.#state, 'cwd'), 'utf8').trimEnd();
    const variables = readFileSync(join(this.#state, 'env'), 'utf8').split('\0').slice(0, -1);
    this.#env = Object.fromEntries(
      variables.map((text) => [text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1)]),
    );
  }
}

/** Where the entries of a log begin; the lines of a traceback belong to the entry above them. */
const entryStart = /^(?=\[\d{4}-|\d+\.\d+\.\d+\.\d+ - )/m;

/** What a server writes whenever it starts and stops, which the page need not say each time. */
const everyTime =
  /\] \[INFO\] (Starting|Listening|Using|Booting|Handling signal: int|Worker exiting|Shutting|Served)/;

/** A server of the page, from its command until the next one. */
class PageServer {
  readonly process: ServerProcess;
  readonly claims = new Claims();
  readonly #claimed: string[] = [];
  readonly #uses = new Map<string, number>();

  /** @param commands - the page's, of which the last one is the server's */
  constructor(commands: string, terminal: Terminal) {
    // At the level debug the log tells when a worker is ready, besides.
    this.process = terminal.start(commands.replace(/^wsgi-ts/m, '$& --log-level=debug'));
  }

  /** Waits until `workers`, and all that were booted since, are ready. */
  async ready(workers = 1): Promise<void> {
    const booted = this.process.stderr().split(' Booting worker ').length - 1;
    await this.process.waitForReadyWorkers(Math.max(workers, booted));
  }

  /** Waits until each of these entries has been written, in whatever order. */
  async claim(entries: string): Promise<void> {
    for (const entry of entries.split(entryStart)) {
      const claim = this.claims.read(entry);
      // Entries that are claimed in the same words are different ones.
      const count = (this.#uses.get(claim.source) ?? 0) + 1;
      this.#uses.set(claim.source, count);
      const pattern = new RegExp(`^${this.#lessOne(claim.source)}`, 'm');
      const match = await this.process.waitForOutput(pattern, { count });
      this.claims.learn(claim, match);
      this.#claimed.push(match[0]);
    }
  }

  /** A worker that was killed may not have come to count the answer that it had just given. */
  #lessOne(source: string): string {
    if (!this.process.stderr().includes('was sent SIGKILL')) return source;
    return source.replace(
      /Served (\d+)/,
      (_, all: string) => `Served (?:${all}|${Number(all) - 1})`,
    );
  }

  /** Presses Ctrl-C, which a terminal sends to all processes that run in it. */
  async interrupt(): Promise<void> {
    await this.ready();
    const workers = this.process.workerPids();
    process.kill(-this.process.pid, 'SIGINT');
    assert.equal(await this.process.waitForEnd(), 0, this.process.output());
    assert.deepEqual(workers.filter(isAlive), []);
  }

  /** @throws AssertionError when it still runs, or has written what the page doesn't tell. */
  assertAllTold(): void {
    assert.notEqual(this.process.end, undefined, 'nobody has pressed Ctrl-C');
    const untold = [this.process.stdout(), this.process.stderr()]
      .flatMap((text) => text.split(entryStart))
      .filter((entry) => entry !== '' && !/^\S+ \S+ \S+ \[\d+\] \[DEBUG\]/.test(entry));
    for (const entry of this.#claimed) {
      const at = untold.indexOf(entry);
      if (at >= 0) untold.splice(at, 1);
    }
    assert.deepEqual(
      untold.filter((entry) => !everyTime.test(entry)),
      [],
    );
  }
}

/** The reader: does one step after the other. */
class Reader {
  readonly #home = makeHome();
  readonly #terminals = [new Terminal(this.#home), new Terminal(this.#home)] as const;
  #server: PageServer | undefined;
  /** Where the page has the server listen. */
  #port = '';

  async follow(step: Step, before?: Step, next?: Step): Promise<void> {
    const claimed = next?.kind === 'text' ? next.text : undefined;
    switch (step.kind) {
      case 'sh':
        if (this.#server?.process.end !== undefined) this.leaveServer();
        if (step.text.includes('--bind=')) await this.#serve(step.text, claimed);
        else await this.#type(step.text, claimed);
        return;
      case 'python':
        assert.notEqual(step.file, '', 'what is the file called?');
        writeFileSync(join(this.#terminals[0].cwd, step.file), step.text);
        return;
      case 'keys':
        assert.ok(this.#server, 'there is no server to stop');
        await this.#server.interrupt();
        this.#terminals[0].remember();
        return;
      case 'log':
        assert.ok(this.#server, 'there is no server that could have written this');
        await this.#server.claim(this.#here(step.text));
        return;
      case 'text':
        assert.equal(before?.kind, 'sh', 'which commands print this?');
        return;
      case 'picture':
        return;
      default:
        assert.fail(`a block of an unknown kind: ${step.kind}`);
    }
  }

  /** Turns to what comes after a server. */
  leaveServer(): void {
    this.#server?.assertAllTold();
    this.#server = undefined;
  }

  /** Ends what a failure has left, and takes the home folder away. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server?.process.end === undefined) this.#server?.process.killGroup();
    await this.#server?.process.waitForEnd();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #serve(commands: string, claimed: string | undefined): Promise<void> {
    assert.ok(this.#server === undefined, 'the server before it still runs');
    this.#port = /--bind=\S*:(\d+)/.exec(commands)?.[1] ?? '';
    this.#server = new PageServer(commands.replace(`:${this.#port}`, ':0'), this.#terminals[0]);
    await this.#server.process.waitForOutput(/Listening at: .+ \(\d+\)\n/);
    await this.#server.ready(Number(/--workers=(\d+)/.exec(commands)?.[1] ?? 1));
    if (claimed !== undefined) await this.#server.claim(this.#here(claimed));
  }

  async #type(commands: string, claimed: string | undefined): Promise<void> {
    const terminal = this.#terminals[this.#server === undefined ? 0 : 1];
    await using started = terminal.start(this.#here(commands));
    const end = await started.waitForEnd();
    terminal.remember();
    const printed = started.output();
    assert.equal(end !== 0, /^Error: /m.test(claimed ?? ''), printed);
    if (claimed === undefined) return;
    const claims = this.#server?.claims ?? new Claims();
    const claim = claims.read(this.#here(claimed));
    const match = new RegExp(`^${claim.source}$`).exec(`${printed.trimEnd()}\n`);
    assert.ok(match, `this was printed instead:\n${printed}`);
    claims.learn(claim, match);
  }

  /** The page's home folder and port, as they are here. */
  #here(text: string): string {
    const port = this.#server?.process.port;
    const moved = text.replaceAll('/home/you', this.#home);
    return port === undefined ? moved : moved.replaceAll(`:${this.#port}`, `:${port}`);
  }
}

it('docs/tutorial.md does what it says, from its first command to its last', async () => {
  await using reader = new Reader();
  const steps = stepsOf(page);
  const seen: string[] = [];
  for (const [index, step] of steps.entries()) {
    try {
      await reader.follow(step, steps[index - 1], steps[index + 1]);
    } catch (error) {
      const what = (error as Error).message;
      throw new Error(`docs/tutorial.md:${step.line}: ${what}`, { cause: error });
    }
    seen.push(step.kind);
  }
  reader.leaveServer();
  // Counted in another way than they were found: no block is passed over.
  const fences = page.match(/^\s*(`{3}|~{3})/gm)?.length ?? 0;
  assert.equal(seen.filter((kind) => kind !== 'keys').length, fences / 2);
});

it("docs/tutorial.md has the app of fixtures/tutorial, and the README's command", () => {
  const app = stepsOf(page).find(({ kind, file }) => kind === 'python' && file === 'app.py');
  assert.equal(app?.text, readFileSync(inRepository('fixtures', 'tutorial', 'app.py'), 'utf8'));
  assert.match(page, /^wsgi-ts --workers=4 --bind=0\.0\.0\.0:5000 app:app$/m);
});
