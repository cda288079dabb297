// Which of the three forms of an error page a client likes best, by its `Accept` (RFC 9110 §12.5.1). Used by
// error-page.ts. Pure. It must never throw, whatever a client sends, and takes time in proportion to its length.

/** The forms in which a page of the server's own can be sent. */
export type PageForm = 'text' | 'html' | 'json';

/** In the order that counts where the client likes several alike. */
const FORMS: readonly { readonly form: PageForm; readonly type: string }[] = [
  { form: 'text', type: 'text/plain' },
  { form: 'html', type: 'text/html' },
  { form: 'json', type: 'application/json' },
];

const RANGE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110 §12.4.2; any number of digits, since clients write more than three. */
const WEIGHT = /^(?:0(?:\.\d*)?|1(?:\.0*)?)$/;

/** What a client says of a form: the most specific range that covers it. */
interface Opinion {
  readonly weight: number;
  /** 0: nothing covers it, 1: `*`/`*`, 2: its type, 3: itself, 4: itself with its charset. */
  readonly precedence: number;
  /** Where in the list it was said. */
  readonly position: number;
}

const NO_OPINION: Opinion = { weight: 0, precedence: 0, position: 0 };

/**
 * The form to send to a client whose `Accept` is `accept` ('': it sent none). Text where it accepts none of them:
 * an answer that it didn't ask for tells it more than a 406.
 */
export function choosePageForm(accept: string): PageForm {
  if (accept === '' || accept === '*/*') return 'text';
  const opinions = FORMS.map(() => NO_OPINION);
  let position = 0;
  for (const { range, precedence, weight } of rangesOf(accept)) {
    position++;
    FORMS.forEach(({ type }, index) => {
      const before = opinions[index] ?? NO_OPINION;
      if (precedence <= before.precedence || !covers(range, type)) return;
      opinions[index] = { weight, precedence, position };
    });
  }
  let best = 0;
  opinions.forEach((opinion, index) => {
    if (isBetter(opinion, opinions[best] ?? NO_OPINION)) best = index;
  });
  return FORMS[best]?.form ?? 'text';
}

/** The list's elements that are well-formed and could cover a form. */
function* rangesOf(accept: string): Iterable<{ range: string } & Omit<Opinion, 'position'>> {
  for (const element of split(accept, ',')) {
    const [range = '', ...parameters] = split(element.toLowerCase(), ';');
    const said = RANGE.test(range) ? read(parameters) : null;
    if (said === null) continue;
    const kind = range === '*/*' ? 1 : range.endsWith('/*') ? 2 : 3;
    yield { range, weight: said.weight, precedence: kind === 3 && said.charset ? 4 : kind };
  }
}

/** What the parameters of a range say; null: a weight that is none, or a parameter that no form has. */
function read(parameters: readonly string[]): { weight: number; charset: boolean } | null {
  let charset = false;
  for (const parameter of parameters) {
    if (parameter === '') continue; // RFC 9110 §5.6.6
    if (parameter.startsWith('q=')) {
      const value = parameter.slice(2);
      // What follows the weight is not the range's.
      return WEIGHT.test(value) ? { weight: Number(value), charset } : null;
    }
    if (parameter !== 'charset=utf-8' && parameter !== 'charset="utf-8"') return null;
    charset = true;
  }
  return { weight: 1, charset };
}

/** `text` in its parts, without the blanks around them; in a quoted string `separator` separates nothing. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted && character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}

function covers(range: string, type: string): boolean {
  return (
    range === '*/*' ||
    range === type ||
    (range.endsWith('/*') && type.startsWith(range.slice(0, -1)))
  );
}

/** Clients that weigh two alike name first what they like better, whatever the RFC says of it. */
function isBetter(one: Opinion, other: Opinion): boolean {
  if (one.weight !== other.weight) return one.weight > other.weight;
  if (one.precedence !== other.precedence) return one.precedence > other.precedence;
  return one.position < other.position;
}
