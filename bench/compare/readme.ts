// The part of README.md between two marks: the chart, and a short table that has the rows where a peer wins, too.

import { readFileSync } from 'node:fs';
import { inRepository } from '../../test/helpers/repository.ts';
import { median } from '../measuring/statistics.ts';
import { bestPeer, figure } from './report.ts';
import { valuesOf, writeWhole, type BenchResult, type ScenarioResult } from './results.ts';

/** The rows: a scenario, what is shown of it, and the unit. */
const shown: readonly (readonly [id: string, title: string, unit: string])[] = [
  ['flask', 'Flask, one worker', 'requests/s'],
  ['flask-threads', 'Flask, 16 threads', 'requests/s'],
  ['flask-2-workers', 'Flask, two workers', 'requests/s'],
  ['django', 'Django: template, ORM, session', 'requests/s'],
  ['mixed', 'Flask, 1 view in 200 sleeps 100 ms', 'requests/s'],
  ['json-post', 'Flask, JSON in and out', 'requests/s'],
  ['upload', 'an upload of 10 MB', 'requests/s'],
  ['from-file', 'a file of 10 MB', 'requests/s'],
  ['nothing', 'an app that does nothing', 'requests/s'],
  ['one-connection', 'Flask, one connection: half are faster than', 'ms'],
  ['start', 'start of one worker', 'ms'],
  ['memory', 'four workers with Flask', 'MiB'],
];

function line(result: ScenarioResult, title: string, unit: string): string {
  const { metric } = result;
  // Of a table with variants, the first one's.
  const isFirst = ({ name }: { name: string }): boolean =>
    result.id !== 'start' || name.endsWith('1 worker');
  const narrowed = { ...result, entries: result.entries.filter(isFirst) };
  const own = narrowed.entries.find(({ server }) => server === 'wsgi-ts');
  const peer = bestPeer(narrowed);
  const value = (name: string | undefined): number =>
    median(name === undefined ? [] : valuesOf(result, name, metric));
  const [ours, theirs] = [value(own?.name), value(peer?.name)];
  const name = peer?.name.split(',')[0] ?? '';
  const cells = [title, `${figure(ours, metric)} ${unit}`, `${figure(theirs, metric)} (${name})`];
  return `| ${[...cells, figure(ours / theirs)].join(' | ')} |`;
}

/** Writes it. */
export function fillReadme(name: string, result: BenchResult): void {
  const path = inRepository('README.md');
  const text = readFileSync(path, 'utf8');
  const [begin, end] = ['<!-- bench -->', '<!-- end of bench -->'];
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${path} lacks ${begin} … ${end}`);
  const { processor, cores } = result.machine;
  const rows = shown.flatMap(([id, title, unit]) => {
    const found = result.scenarios.find((scenario) => scenario.id === id);
    return found === undefined ? [] : [line(found, title, unit)];
  });
  const part = [
    begin,
    '',
    '![Requests a second of each server, by scenario](docs/bench.svg)',
    '',
    '<!-- prettier-ignore -->',
    '| | wsgi-ts | best other server | ratio |',
    '| --- | --: | --: | --: |',
    ...rows,
    '',
    `Measured on ${name} (${processor}, ${cores} cores); of times and memory, less is better. All rows, all servers, and what`,
    `was not reached: [bench/results/${name}-bench.md](bench/results/${name}-bench.md). Your machine: \`make bench\`.`,
    '',
    end,
  ];
  writeWhole(path, before + part.join('\n') + after);
}
