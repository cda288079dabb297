// Which known name was meant by one that is not known: for "Did you mean …?". Used by the command line and for the
// names of a config file. Pure.

/** As many are shown at most. */
const most = 3;

/** What a name that `word` begins counts as at most, however long it is. */
const farthestBeginning = 2.5;

/**
 * The known names that are near to `word`, the nearest first: those that it begins, or that differ in few letters.
 *
 * @param known - may hold a name more than once
 */
export function nearest(word: string, known: Iterable<string>): string[] {
  const wanted = letters(word);
  if (wanted.length < 2) return [];
  const rated = [...new Set(known)].flatMap((name) => {
    const candidate = letters(name);
    const begins = candidate.startsWith(wanted) && wanted.length >= 3;
    const distance = Math.min(distanceOf(wanted, candidate), begins ? farthestBeginning : Infinity);
    const allowed = Math.min(3, Math.max(1, Math.floor(wanted.length / 3)));
    return begins || distance <= allowed ? [{ name, distance }] : [];
  });
  const best = Math.min(...rated.map(({ distance }) => distance));
  return rated
    .filter(({ distance }) => distance === best)
    .slice(0, most)
    .map(({ name }) => name);
}

/** Hyphens and underscores are what people mix up first. */
function letters(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** How many letters have to be put in, taken out, changed, or swapped with their neighbour. */
function distanceOf(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 3) return Infinity;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      const above = row[j] ?? 0;
      let cost = Math.min(above + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      next.push(cost);
    }
    before = row;
    row = next;
  }
  return row.at(-1) ?? 0;
}
