// Packs the modules of a server's two programs into a few files each: dist/src/cli.js and dist/src/worker/worker.js take
// the place of what tsc has made of the same sources, and dist/src/bundle/ holds what they import. `npm run build` calls
// it, behind tsc: a hundred modules that are found and read one by one take longer than the app. All else in dist is
// tsc's: what programs import (the exports of package.json), and what tests look at. Dependencies are left where npm
// installs and updates them.

import { readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { rolldown, type Plugin } from 'rolldown';
import { inRepository } from '../test/helpers/repository.ts';

const source = inRepository('src');
const target = inRepository('dist', 'src');
const { dependencies } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** Stands for the way from a file to dist/src until it is known which file. */
const mark = '__SOURCES__';

/** Some modules find files beside them by import.meta.url: it goes on saying where each of them would be. */
const ownPlaces: Plugin = {
  name: 'own places',
  transform(code, id) {
    const path = relative(source, id).replace(/\.ts$/, '.js');
    if (path.startsWith('..') || !code.includes('import.meta.url')) return null;
    const own = `new URL('${mark}/${path}', import.meta.url).href`;
    // Lines stay where they are, so the source maps hold.
    return { code: code.replaceAll('import.meta.url', own), map: null };
  },
  renderChunk(code, { fileName }) {
    const up = relative(dirname(fileName), '.');
    return { code: code.replaceAll(mark, up === '' ? '.' : up), map: null };
  },
};

rmSync(join(target, 'bundle'), { recursive: true, force: true });
for (const [entry, chunks] of [
  ['cli', '[name].js'],
  ['worker/worker', 'worker-[name].js'],
] as const) {
  const program = await rolldown({
    input: { [entry]: join(source, `${entry}.ts`) },
    platform: 'node',
    external: Object.keys(dependencies),
    transform: { target: 'es2023' },
    plugins: [ownPlaces],
  });
  await program.write({ dir: target, sourcemap: true, chunkFileNames: `bundle/${chunks}` });
}
