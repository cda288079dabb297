// A copy of one of the examples, as if `npm install` and `pip install` had been run in it: what its package.json names is
// there, from this repository. A test may change its files.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inRepository } from './repository.ts';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The copy. */
export class Example {
  /** Absolute. */
  readonly folder: string;
  /** What `npm run` knows there. */
  readonly scripts: Readonly<Record<string, string>>;
  readonly #top = mkdtempSync(join(tmpdir(), 'wsgi-ts-example-'));

  /** @param name - of a folder in `examples/` */
  constructor(name: string) {
    this.folder = join(this.#top, name);
    cpSync(inRepository('examples', name), this.folder, { recursive: true });
    const text = readFileSync(join(this.folder, 'package.json'), 'utf8');
    const { scripts, dependencies, devDependencies } = JSON.parse(text) as Manifest;
    this.scripts = scripts;
    for (const dependency of Object.keys({ ...dependencies, ...devDependencies })) {
      const target = join(this.folder, 'node_modules', dependency);
      mkdirSync(dirname(target), { recursive: true });
      if (dependency === 'wsgi-ts') install(target);
      else symlinkSync(inRepository('node_modules', dependency), target);
    }
  }

  /** Absolute path of something in it. */
  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** A folder beside it for temporary files of the programs that are run. */
  temporary(): string {
    const folder = join(this.#top, 'tmp');
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Takes it away. */
  remove(): void {
    rmSync(this.#top, { recursive: true, force: true });
  }
}

/** What the published package has, as files of their own: bundlers go by the place that a link leads to. */
function install(target: string): void {
  for (const part of ['package.json', join('dist', 'src'), join('python', 'wsgi_ts')])
    cpSync(inRepository(part), join(target, part), { recursive: true });
  symlinkSync(inRepository('node_modules'), join(target, 'node_modules'));
}
