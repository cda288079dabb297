// What is compared, as a table: an app, how many serve it, what they are asked, and what must be answered. The goals
// are in goals.ts, by these names.

import { inRepository } from '../../test/helpers/repository.ts';
import type { Load } from '../measuring/wrk.ts';
import { has, json, sha256, text, type Check } from './checks.ts';
import { big, bigFile, cookie, orderAnswer, orderFile, pollsVariables } from './data.ts';
import type { ServerKey } from './servers.ts';

/** What a round gives, and a table may be sorted by. */
export type Metric = 'rate' | 'processor' | 'p50' | 'p99' | 'milliseconds' | 'memory';

/** Where an app is. */
export interface App {
  readonly target: string;
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Another column of the same scenario: what it has in place of the scenario's own. */
export interface Variant {
  /** Follows the server's name. */
  readonly name: string;
  /** All of the scenario's where it isn't said. */
  readonly servers?: readonly ServerKey[];
  readonly workers?: number;
  readonly threads?: number;
  readonly connections?: number;
  readonly accessLog?: boolean;
}

/** One table of the result. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  /** `load`: wrk; `start`: time to the first answer; `memory`: four workers, each server by itself. */
  readonly kind: 'load' | 'start' | 'memory';
  /** What it is about. */
  readonly metric: Metric;
  readonly note?: string;
  readonly app: App;
  readonly workers: number;
  readonly threads: number;
  readonly load: Load;
  readonly checks: readonly Check[];
  /** All that serve WSGI where it isn't said. */
  readonly servers?: readonly ServerKey[];
  /** Measures that stand beside them. */
  readonly limits?: readonly ServerKey[];
  readonly variants?: readonly Variant[];
}

const tutorial: App = { target: 'app:app', directory: inRepository('fixtures', 'tutorial') };
const nothing: App = { target: 'does_nothing:app', directory: inRepository('fixtures', 'apps') };
const views: App = { target: 'views:app', directory: inRepository('bench', 'apps') };

const greeting: Check = {
  path: '/',
  expected: text('text/html; charset=utf-8', 'Hello from Flask App\n'),
};
const hello: Check = { path: '/', expected: text('text/plain', 'Hello, World!\n') };
const done = (path: string): Check => ({
  path,
  expected: text('text/html; charset=utf-8', 'done\n'),
});

const flask = { kind: 'load', metric: 'rate', app: tutorial, checks: [greeting] } as const;
const root: Load = { connections: 32, path: '/' };

const polls: App = {
  ...{ target: 'polls.wsgi:application', directory: inRepository('fixtures', 'polls') },
  env: pollsVariables,
};
const bigAnswers: App = {
  ...{ target: 'big_answers:app', directory: inRepository('bench', 'apps') },
  env: { BENCH_FILE: bigFile },
};
const single = { kind: 'load', metric: 'rate', workers: 1, threads: 1 } as const;
const download = (path: string): Pick<Scenario, 'app' | 'load' | 'checks'> => ({
  app: bigAnswers,
  load: { connections: 8, path },
  checks: [{ path, expected: sha256('application/octet-stream', big.digest) }],
});
const order = { file: orderFile, type: 'application/json' };
const upload = { file: bigFile, type: 'application/octet-stream' };

/** All scenarios. What they send is there once `makeData` has run. */
export const scenarios: readonly Scenario[] = [
  {
    ...{ ...flask, id: 'flask', title: 'Flask tutorial, 1 worker, 32 connections' },
    ...{ workers: 1, threads: 1, load: root, limits: ['ceiling'] },
  },
  {
    ...{ ...flask, id: 'flask-threads', title: 'Flask tutorial, 16 threads, 32 connections' },
    ...{ workers: 1, threads: 16, load: root },
    variants: [{ name: '' }, { name: '1 thread', servers: ['wsgi-ts'], threads: 1 }],
  },
  {
    ...{ ...flask, id: 'flask-2-workers', title: 'Flask tutorial, 2 workers, 64 connections' },
    ...{ workers: 2, threads: 1, load: { ...root, connections: 64 } },
    note: 'The load needs a processor too: on two cores the CPU time of a request decides.',
  },
  {
    ...{ ...single, id: 'django', title: 'Django: a template, ORM queries on SQLite, a session' },
    app: polls,
    load: { connections: 32, path: '/1/', cookie: cookie },
    checks: [
      {
        path: '/1/',
        headers: { Cookie: cookie },
        expected: has('text/html; charset=utf-8', ['Tea or coffee?', 'You have voted.']),
      },
    ],
    limits: ['ceiling'],
  },
  {
    ...{ ...single, id: 'nothing', title: 'WSGI app that does nothing, 1 worker, 32 connections' },
    ...{ app: nothing, load: root, checks: [hello], limits: ['node'] },
  },
  {
    ...{ ...single, id: 'sleep', title: 'View that sleeps 10 ms, 16 threads, 32 connections' },
    ...{ app: views, threads: 16, load: { connections: 32, path: '/sleep/10' } },
    checks: [done('/sleep/10')],
    note: '16 threads can do 1,600 a second. gevent has no threads: its 32 clients all sleep at the same time.',
  },
  {
    ...{
      ...single,
      id: 'mixed',
      title: '1 request in 200 sleeps 100 ms, 16 threads, 32 connections',
    },
    ...{ app: views, threads: 16 },
    load: { connections: 32, path: '/now', seldom: { path: '/sleep/100', every: 200 } },
    checks: [done('/now'), done('/sleep/100')],
    note: 'Latencies are those of the 199 others.',
  },
  {
    ...{ ...single, id: 'json-post', title: 'JSON POST of 2 KB to Flask, 32 connections' },
    app: views,
    load: { connections: 32, path: '/order', method: 'POST', body: order },
    checks: [
      {
        ...{ path: '/order', method: 'POST', headers: { 'Content-Type': order.type } },
        ...{ file: order.file, expected: json(orderAnswer) },
      },
    ],
  },
  {
    ...{ ...single, id: 'upload', title: 'Upload of 10 MB to Flask, 8 connections' },
    app: views,
    load: { connections: 8, path: '/upload', method: 'POST', body: upload },
    checks: [
      {
        ...{ path: '/upload?digest=yes', method: 'POST', file: upload.file },
        ...{ headers: { 'Content-Type': upload.type } },
        expected: json({ length: big.length, sha256: big.digest }),
      },
    ],
  },
  {
    ...{ ...single, ...download('/memory'), id: 'from-memory' },
    title: 'Answer of 10 MB from memory, 8 connections',
  },
  {
    ...{ ...single, ...download('/generator'), id: 'from-generator' },
    title: 'Answer of 10 MB from a generator, 8 connections',
  },
  {
    ...{ ...single, ...download('/file'), id: 'from-file', limits: ['node'] },
    title: 'Answer of 10 MB from a file, 8 connections',
  },
  {
    ...{ ...flask, id: 'connections', title: 'Flask tutorial, 1 to 1,024 connections' },
    ...{ workers: 1, threads: 1, load: root },
    servers: ['wsgi-ts', 'granian', 'bjoern', 'gthread'],
    variants: [1, 8, 32, 256, 1024].map((connections) => ({
      ...{ name: `${connections} connection${connections === 1 ? '' : 's'}`, connections },
    })),
  },
  {
    ...{ ...flask, id: 'one-connection', title: 'Flask tutorial, one connection' },
    ...{ metric: 'p50', workers: 1, threads: 1, load: { ...root, connections: 1 } },
  },
  {
    ...{ ...flask, id: 'access-log', title: 'Flask tutorial, access log off and to a file' },
    ...{ workers: 1, threads: 1, load: root, servers: ['wsgi-ts', 'gthread'] },
    variants: [{ name: '' }, { name: 'access log', accessLog: true }],
  },
  {
    ...{ ...flask, id: 'start', title: 'From the command to the first answer of Flask' },
    ...{ kind: 'start', metric: 'milliseconds', workers: 1, threads: 1, load: root },
    variants: [
      { name: '1 worker', workers: 1 },
      { name: '4 workers', workers: 4 },
    ],
  },
  {
    ...{ ...flask, id: 'memory', title: 'Memory of 4 workers with Flask' },
    ...{ kind: 'memory', metric: 'memory', workers: 4, threads: 1, load: root },
  },
];
