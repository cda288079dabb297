// The libraries with compiled parts that the compatibility matrix uses inside a server, by the routes of
// fixtures/frameworks/libraries.py, and the right answer of each: computed here or taken from a standard, never
// from an earlier run. Called by serving.ts. It knows no Python and starts nothing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Browser } from '../../test/helpers/browser.ts';
import { inRepository } from '../../test/helpers/repository.ts';
import type { Package } from './environments.ts';

type Result = Readonly<Record<string, unknown>>;

interface Library {
  readonly module: string;
  /** Throws where a result is wrong; `version` has been looked at already. */
  readonly check: (result: Result) => void;
}

function equal(result: Result, expected: Result): void {
  const shown = Object.fromEntries(Object.keys(expected).map((name) => [name, result[name]]));
  const [got, wanted] = [shown, expected].map((value) => JSON.stringify(value));
  assert.deepEqual(shown, expected, `${got ?? ''} instead of ${wanted ?? ''}`);
}

function matching(result: Result, name: string, pattern: RegExp): void {
  assert.match(String(result[name]), pattern);
}

/** The matrix product of libraries.py, by the definition. */
function product(): { sum: number; trace: number; corner: number } {
  const size = 300;
  const left = (row: number, column: number): number => (row + 2 * column) % 7;
  const right = (row: number, column: number): number => (3 * row + column) % 5;
  const numbers = Array.from({ length: size }, (_, index) => index);
  const cell = (row: number, column: number): number =>
    numbers.reduce((sum, at) => sum + left(row, at) * right(at, column), 0);
  const sum = numbers.reduce(
    (all, row) => numbers.reduce((some, column) => some + cell(row, column), all),
    0,
  );
  const trace = numbers.reduce((some, at) => some + cell(at, at), 0);
  return { sum, trace, corner: cell(0, size - 1) };
}

const known: Readonly<Record<string, Library>> = {
  numpy: {
    module: 'numpy',
    check: (result) => {
      equal(result, { ...product(), solved: [2, 3] });
    },
  },
  lxml: {
    module: 'lxml.etree',
    check: (result) => {
      equal(result, { names: ['Sencha 煎茶', 'Assam'], sum: 20 });
      matching(result, 'refused', /tag mismatch: tea line 1 and shop/);
    },
  },
  'psycopg2-binary': {
    module: 'psycopg2',
    check: (result) => {
      const dsn = { user: 'ada', password: 'secret', dbname: 'shop', host: 'db.example' };
      equal(result, {
        dsn: { ...dsn, port: '5433', sslmode: 'require' },
        // The libpq that it is linked with is the one that it was compiled for: its own.
        libpq_now: result['libpq'],
      });
      matching(result, 'refused', /Connection refused/);
    },
  },
  cryptography: {
    module: 'cryptography.fernet',
    check: (result) => {
      equal(result, {
        decrypted: 'hello',
        round_trip: 'Grüße',
        forged: false,
        // FIPS 180-4's example: the digest of "abc".
        sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      });
    },
  },
  pydantic: {
    module: 'pydantic',
    check: (result) => {
      equal(result, {
        order: { sku: 'TEA-003', quantity: 2, gift: true },
        errors: [
          ['sku', 'string_pattern_mismatch'],
          ['quantity', 'greater_than'],
        ],
      });
    },
  },
  SQLAlchemy: {
    module: 'sqlalchemy',
    check: (result) => {
      equal(result, { names: ['Sencha 煎茶'], total: 1940 });
    },
  },
  Pillow: {
    module: 'PIL.Image',
    check: (result) => {
      equal(result, {
        signature: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('hex'),
        format: 'PNG',
        size: [64, 48],
        pixels: [
          [200, 30, 60],
          [255, 255, 255],
          [0, 0, 255],
        ],
        red: 32 * 16,
      });
    },
  },
};

/** Each with what pip is given for it; wheels only. */
export const libraries: readonly Package[] = readFileSync(
  inRepository('fixtures', 'frameworks', 'requirements', 'libraries.txt'),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => {
    const distribution = /^[\w.-]+/.exec(line)?.[0] ?? line;
    const module = known[distribution]?.module;
    if (module === undefined) throw new Error(`libraries.txt: ${line} has no check`);
    return { distribution, module, requirement: [line], binary: true };
  });

/**
 * Asks for a library's route and compares. `python` has a route, too, which says its version alone.
 *
 * @param version - the one that is installed
 * @throws Error when status or result are not the right ones
 */
export async function checkLibrary(
  visitor: Browser,
  distribution: string,
  version: string,
): Promise<void> {
  const { status, text } = await visitor.get(`/libraries/${distribution}`);
  assert.equal(status, 200, `it is answered with ${status}: ${text.slice(0, 300)}`);
  const result = JSON.parse(text) as Result;
  equal(result, { version });
  known[distribution]?.check(result);
}
