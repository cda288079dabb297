// docs/api.md lists every option of createHandler, and no other; what it links to is there.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createHandler, WsgiTsError, type HandlerOptions } from '../src/index.ts';
import { inRepository } from './helpers/repository.ts';

const file = inRepository('docs', 'api.md');
const page = readFileSync(file, 'utf8');

test('docs/api.md lists the options of createHandler', () => {
  let known: string[] = [];
  try {
    createHandler('app:app', { '?': true } as HandlerOptions);
  } catch (error) {
    assert.ok(error instanceof WsgiTsError);
    known = (/^The options are (.+)\.$/.exec(error.remedy ?? '')?.[1] ?? '').split(', ');
  }
  const [, table = ''] = /### Options\n[^]*?\n(\| options[^]*?)\n\n/.exec(page) ?? [];
  const listed = table
    .split('\n')
    .slice(2)
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g)])
    .map(([, name = '']) => name);
  assert.deepEqual(listed.sort(), known.sort());
});

test('what docs/api.md links to is there', () => {
  const targets = [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
  assert.notEqual(targets.length, 0);
  assert.deepEqual(
    targets.filter((path) => !existsSync(join(dirname(file), path))),
    [],
  );
});
