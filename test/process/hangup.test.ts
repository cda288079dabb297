// The terminal that a server runs in is closed: on a real pseudo-terminal, which a few lines of Python hold.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-hangup-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/**
 * Runs a command in a terminal of its own until SIGUSR1, which closes the terminal, or SIGUSR2, which doesn't; then
 * prints how the command ended.
 */
const terminal = `
import os, pty, signal, sys, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
pid, fd = pty.fork()
if pid == 0:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1, signal.SIGUSR2])
    os.execvp(sys.argv[1], sys.argv[1:])
if signal.sigwait([signal.SIGUSR1, signal.SIGUSR2]) == signal.SIGUSR1:
    os.close(fd)
    print("closed")
print("ended:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

function inTerminal(name: string, prefix: readonly string[]) {
  const log = join(folder, `${name}.log`);
  const env = activatedEnvironment();
  const cli = [process.execPath, inRepository('dist', 'src', 'cli.js')];
  const apps = ['--chdir', inRepository('fixtures', 'apps'), 'does_nothing:app'];
  const args = ['--bind=127.0.0.1:0', '--log-level=debug', '--error-logfile', log, ...apps];
  const { python } = testPythonEnvironment();
  const command = ['-u', '-c', terminal, ...prefix, ...cli, ...args];
  const driver = new SpawnedProcess(python, command, { cwd: folder, env });
  const tail = new SpawnedProcess('tail', ['-n', '+1', '-F', '-s', '0.1', log], {
    cwd: folder,
    env,
  });
  return { driver, tail };
}

async function masterOf(tail: SpawnedProcess): Promise<number> {
  await tail.waitForOutput(/Worker ready/);
  return Number(/Listening at: \S+ \((\d+)\)/.exec(tail.output())?.[1]);
}

test('a server whose terminal is closed stops, gracefully, and says why', async () => {
  const { driver, tail } = inTerminal('plain', []);
  await masterOf(tail);
  driver.signal('SIGUSR1');
  await driver.waitForOutput(/ended: 0/);
  await tail.waitForOutput(
    /The terminal was closed: stopping\.[^\n]*\n[^\n]*Handling signal: term/,
  );
  await tail.waitForOutput(/Shutting down: Master/);
  // Node would have ended both by SIGABRT.
  assert.doesNotMatch(tail.output(), /SIGABRT/);
  tail.killGroup();
});

test('a HUP that somebody sends while the terminal is there is a reload', async () => {
  const { driver, tail } = inTerminal('reload', []);
  const master = await masterOf(tail);
  process.kill(master, 'SIGHUP');
  await tail.waitForOutput(/Handling signal: hup/);
  process.kill(master, 'SIGTERM');
  await tail.waitForOutput(/Shutting down: Master/);
  driver.signal('SIGUSR2');
  await driver.waitForOutput(/ended: 0/);
  assert.doesNotMatch(tail.output(), /The terminal was closed/);
  tail.killGroup();
});

test('under nohup it goes on, and HUP is a reload', async () => {
  const { driver, tail } = inTerminal('nohup', ['nohup']);
  const master = await masterOf(tail);
  driver.signal('SIGUSR1');
  await driver.waitForOutput(/closed/);
  process.kill(master, 'SIGHUP');
  await tail.waitForOutput(/Handling signal: hup/);
  process.kill(master, 'SIGTERM');
  await tail.waitForOutput(/Shutting down: Master/);
  await driver.waitForOutput(/ended: 0/);
  assert.doesNotMatch(tail.output(), /The terminal was closed/);
  tail.killGroup();
});
