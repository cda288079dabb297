// Whether a SIGHUP is a reload or the end of the terminal; the terminal is made up here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Terminal, isHangup } from '../../../src/master/hangup.ts';

test('the signal tells of the terminal only where there was one, and it has just gone', () => {
  for (const [atStart, now, goneFor, expected] of [
    [true, false, null, true],
    [true, false, 100, true],
    [true, false, 60_000, false],
    [true, true, null, false],
    [false, false, null, false],
  ] as const)
    assert.equal(isHangup({ atStart, now, goneFor }), expected);
});

function terminal({ talks = true, variables = {} } = {}) {
  const world = { there: true, now: 0 };
  const probe = { talks: () => talks, controls: () => world.there, clock: () => world.now };
  const lines: string[] = [];
  const logger = { warning: (line: string) => lines.push(line) };
  const made = new Terminal(variables, probe);
  made.close(); // the test looks by itself
  return { world, lines, made, meant: () => made.meant('SIGHUP', logger) };
}

test('a terminal that is closed makes it SIGTERM, with a line', () => {
  const { world, lines, meant } = terminal();
  assert.equal(meant(), 'SIGHUP');
  world.there = false;
  assert.equal(meant(), 'SIGTERM');
  assert.match(lines.join('\n'), /^The terminal was closed: stopping\.[^\n]*$/);
});

test('the signal may come a little later, but a server that outlived its terminal is reloaded', () => {
  const { world, made, meant } = terminal();
  world.there = false;
  made.look();
  world.now = 1000;
  made.look();
  assert.equal(meant(), 'SIGTERM');
  world.now = 6000;
  assert.equal(meant(), 'SIGHUP');
});

test('under nohup, and where nothing is a terminal, HUP is HUP', () => {
  for (const facts of [{ variables: { _: '/usr/bin/nohup' } }, { talks: false }]) {
    const { world, lines, meant } = terminal(facts);
    world.there = false;
    assert.equal(meant(), 'SIGHUP');
    assert.deepEqual(lines, []);
  }
});

test('other signals are what they are', () => {
  const { world, made } = terminal();
  world.there = false;
  assert.equal(made.meant('SIGUSR1', { warning: () => undefined }), 'SIGUSR1');
});
