// A result as a picture: a panel for each of some scenarios, a bar for each server. An SVG that needs no script and no
// font, and follows the reader's light or dark page.

import { median } from '../measuring/statistics.ts';
import { figure } from './report.ts';
import { valuesOf, type BenchResult, type EntryResult, type ScenarioResult } from './results.ts';
import { servers } from './servers.ts';

/** Scenarios with a panel, in order, and their titles there. */
const panels: readonly (readonly [id: string, title: string])[] = [
  ['flask', 'Flask, 1 worker'],
  ['flask-threads', 'Flask, 16 threads'],
  ['flask-2-workers', 'Flask, 2 workers'],
  ['django', 'Django: template, ORM, session'],
  ['mixed', 'Flask, 1 view in 200 sleeps 100 ms'],
  ['json-post', 'Flask, JSON in and out'],
  ['from-file', 'File of 10 MB'],
  ['nothing', 'WSGI app that does nothing'],
];

const [panelWidth, gap, rowHeight, labelWidth, valueWidth] = [400, 32, 19, 118, 62];

const style = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 13px; }
  .quiet, .quiet text { fill: #59636e; }
  .ours { fill: #1a7f64; } .peer { fill: #a9b4bf; } .limit { fill: none; stroke: #59636e; stroke-dasharray: 3 3; }
  .bold { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .quiet, .quiet text { fill: #9198a1; }
    .ours { fill: #3fb68f; } .peer { fill: #4d5763; } .limit { stroke: #9198a1; }
  }`;

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function bar(entry: EntryResult, value: number, longest: number, y: number): string {
  const { kind } = servers[entry.server];
  const room = panelWidth - labelWidth - valueWidth;
  const width = Math.max(1, (value / longest) * room).toFixed(1);
  const name =
    kind === 'limit' ? (entry.server === 'node' ? 'node:http' : 'no server') : entry.name;
  const bold = kind === 'ours' ? ' class="bold"' : '';
  const shape = `x="${labelWidth}" y="${y + 3}" width="${width}" height="${rowHeight - 6}"`;
  return [
    `<text${bold} x="${labelWidth - 8}" y="${y + 14}" text-anchor="end">${escape(name)}</text>`,
    `<rect class="${kind}" rx="2" ${shape}/>`,
    `<text${bold} x="${labelWidth + Number(width) + 6}" y="${y + 14}">${figure(value)}</text>`,
  ].join('');
}

/** Best first; what is no server last. */
function ranked(result: ScenarioResult): { entry: EntryResult; value: number }[] {
  return result.entries
    .filter(({ name, server }) => name === servers[server].name)
    .map((entry) => ({ entry, value: median(valuesOf(result, entry.name, 'rate')) }))
    .filter(({ value }) => !Number.isNaN(value))
    .toSorted((one, other) => {
      const isLimit = (each: { entry: EntryResult }): number =>
        servers[each.entry.server].kind === 'limit' ? 1 : 0;
      return isLimit(one) - isLimit(other) || other.value - one.value;
    });
}

/** Draws it. */
export function drawChart(result: BenchResult): string {
  const drawn = panels.flatMap(([id, title]) => {
    const found = result.scenarios.find((scenario) => scenario.id === id);
    const bars = found === undefined ? [] : ranked(found);
    return bars.length === 0 ? [] : [{ title, bars }];
  });
  const parts: string[] = [];
  let top = 56;
  for (let at = 0; at < drawn.length; at += 2) {
    const pair = drawn.slice(at, at + 2);
    pair.forEach(({ title, bars }, column) => {
      const longest = Math.max(...bars.map(({ value }) => value));
      parts.push(
        `<g transform="translate(${column * (panelWidth + gap) + 8} ${top})">`,
        `<text class="title" y="0">${escape(title)}</text>`,
        ...bars.map(({ entry, value }, row) => bar(entry, value, longest, 8 + row * rowHeight)),
        '</g>',
      );
    });
    top += Math.max(...pair.map(({ bars }) => bars.length)) * rowHeight + 48;
  }
  const { processor, cores, versions } = result.machine;
  const [width, height] = [2 * panelWidth + gap + 16, top];
  const below = `${processor}, ${cores} cores; Python ${versions['Python'] ?? ''}, Node ${versions['Node'] ?? ''}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>Requests a second of each server</title><style>${style}\n</style>`,
    '<text class="title" x="8" y="20">Requests a second: more is better. Outlined: the same app with no server, or no Python.</text>',
    ...parts,
    `<g class="quiet"><text x="8" y="${height - 14}">${escape(below)}</text></g>`,
    '</svg>',
    '',
  ].join('\n');
}
