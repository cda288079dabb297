// What the apps of the scenarios need: a database with a session for Django, a file of 10 MB, a body of 2 KB. Its names
// and contents are fixed; the files are made anew for each run of the bench, below .bench/data.

import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inRepository } from '../../test/helpers/repository.ts';
import { peerVariables, workFolder, type PeerEnvironment } from './environment.ts';

export const dataFolder = join(workFolder, 'data');

/** A file of ten million bytes: what is sent up and down. */
export const bigFile = join(dataFolder, 'file');
const content = Buffer.alloc(10_000_000, 'ten million bytes of a file\n');
export const big = {
  length: content.length,
  digest: createHash('sha256').update(content).digest('hex'),
} as const;

/** A file of 2 KB of JSON: the lines of an order. */
export const orderFile = join(dataFolder, 'order.json');
const lines = Array.from({ length: 32 }, (_, index) => ({
  name: `article ${String(index).padStart(2, '0')}`,
  count: (index % 7) + 1,
  price: 100 + index,
  note: 'as before',
}));

/** What the order's view makes of it. */
export const orderAnswer = {
  count: lines.reduce((sum, { count }) => sum + count, 0),
  total: lines.reduce((sum, { count, price }) => sum + count * price, 0),
  names: lines.map(({ name }) => name).sort(),
};

const session = 'benchbenchbenchbenchbenchbenchbe';

/** Cookie of somebody who has voted. */
export const cookie = `sessionid=${session}`;

/** Variables of the polls. */
export const pollsVariables = {
  POLLS_DATA_DIR: join(dataFolder, 'polls'),
  POLLS_SECRET_KEY: 'a secret of the bench, of fifty characters at the least',
};

/** Makes the files. */
export function makeData(peers: PeerEnvironment): void {
  rmSync(dataFolder, { recursive: true, force: true });
  mkdirSync(pollsVariables.POLLS_DATA_DIR, { recursive: true });
  writeFileSync(bigFile, content);
  writeFileSync(orderFile, JSON.stringify({ lines }));
  const manage = (args: readonly string[], input = ''): string =>
    execFileSync(peers.python, ['manage.py', ...args], {
      cwd: inRepository('fixtures', 'polls'),
      env: peerVariables({ ...pollsVariables, BENCH_SESSION: session }),
      stdio: ['pipe', 'pipe', 'pipe'],
      input,
      encoding: 'utf8',
    });
  manage(['migrate', '--verbosity=0']);
  manage(['loaddata', '--verbosity=0', 'questions']);
  manage(['shell'], readFileSync(inRepository('bench', 'apps', 'session.py'), 'utf8'));
}
