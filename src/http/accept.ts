// Which of a few media types a client wants: `Accept` (RFC 9110 §12.5.1). Used by error-page.ts. Pure. Whatever a
// client writes there, the answer is one of those that are offered.

/** One element of `Accept`. */
interface Range {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

/** RFC 9110 §12.4.2: a weight; what is malformed counts as 1. */
const WEIGHT = /;[\t ]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[\t ]*(?:;|$)/i;

/**
 * The one of `offers` that `accept` likes best; of those it likes alike, the first.
 *
 * @param accept - the value of `Accept`; '' for none, which likes all alike
 * @param offers - media types such as `text/html`, at least one
 */
export function preferred<T extends string>(accept: string, offers: readonly [T, ...T[]]): T {
  const ranges = accept.split(',').flatMap(readRange);
  if (ranges.length === 0) return offers[0];
  let [best] = offers;
  let most = 0;
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges);
    if (quality <= most) continue;
    most = quality;
    best = offer;
  }
  return best;
}

function readRange(text: string): Range[] {
  const match = /^[\t ]*([^\s/;]+)\/([^\s/;]+)/.exec(text);
  if (match === null) return [];
  const [, type = '', subtype = ''] = match;
  const quality = Number(WEIGHT.exec(text)?.[1] ?? 1);
  return [{ type: type.toLowerCase(), subtype: subtype.toLowerCase(), quality }];
}

/** The most specific range that fits decides. */
function qualityOf(offer: string, ranges: readonly Range[]): number {
  const [type, subtype] = offer.split('/');
  const fits = (each: Range): number =>
    each.type === type
      ? each.subtype === subtype
        ? 3
        : each.subtype === '*'
          ? 2
          : 0
      : each.type === '*' && each.subtype === '*'
        ? 1
        : 0;
  let best = 0;
  let quality = 0;
  for (const range of ranges) {
    const how = fits(range);
    if (how > best) [best, quality] = [how, range.quality];
  }
  return quality;
}
