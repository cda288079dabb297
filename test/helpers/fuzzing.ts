// How long the fuzz tests go on, and where from. `make fuzz` says how long in WSGI_TS_FUZZ_SECONDS; who wants to see
// a failure again copies the seed that it printed into WSGI_TS_FUZZ_SEED, and with the path that it printed in
// WSGI_TS_FUZZ_PATH gets there at once.

import fc from 'fast-check';
import type { IAsyncProperty } from 'fast-check';

/** Of all fuzz tests together. */
const seconds = Number(process.env['WSGI_TS_FUZZ_SECONDS'] ?? 10);
const seed = process.env['WSGI_TS_FUZZ_SEED'];
const path = process.env['WSGI_TS_FUZZ_PATH'];

/** Runs of one seed: what must be run again, at most, to come to the failure without its path. */
const runsOfOneSeed = 10;

/**
 * Looks for an input that breaks a property, and shrinks it however long that takes.
 *
 * @param share - of the seconds of all fuzz tests
 * @returns how many inputs were tried
 * @throws Error with the smallest one, its seed and path
 */
export async function fuzz<T>(share: number, property: IAsyncProperty<T>): Promise<number> {
  const parameters = { numRuns: runsOfOneSeed, includeErrorInReport: true };
  if (seed !== undefined) {
    const place = { seed: Number(seed), ...(path === undefined ? {} : { path }) };
    await fc.assert(property, { ...parameters, ...place });
    return 1;
  }
  const end = performance.now() + seconds * 1000 * share;
  let next = Date.now() & 0x3fffffff;
  let tried = 0;
  do {
    await fc.assert(property, { ...parameters, seed: next++ });
    tried += runsOfOneSeed;
  } while (performance.now() < end);
  return tried;
}
