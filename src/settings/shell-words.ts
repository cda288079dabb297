// A text split into words as a shell would, by the rules of Python's `shlex.split`, with which gunicorn splits
// GUNICORN_CMD_ARGS. Called by the command for the variables that hold arguments. Pure: nothing is expanded.

/** The words of `text`; or null where a quote is not closed, or nothing follows the last backslash. */
export function splitWords(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null; // null: between words; '' is a word as well, as in `-c ''`
  let rest = text;
  while (rest !== '') {
    const part = nextPart(rest);
    if (part === null) return null;
    const { length, meaning } = part;
    rest = rest.slice(length);
    if (meaning !== null) word = (word ?? '') + meaning;
    else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  return word === null ? words : [...words, word];
}

/** What comes next, and what it adds to the word; null for what ends a word. */
function nextPart(text: string): { length: number; meaning: string | null } | null {
  const [blanks] = /^[ \t\r\n]+/.exec(text) ?? [];
  if (blanks !== undefined) return { length: blanks.length, meaning: null };
  const plain = /^[^ \t\r\n'"\\]+/.exec(text)?.[0];
  if (plain !== undefined) return { length: plain.length, meaning: plain };
  if (text.startsWith('\\')) {
    const [escaped] = text.slice(1);
    return escaped === undefined ? null : { length: 1 + escaped.length, meaning: escaped };
  }
  const [single, within] = /^'([^']*)'/.exec(text) ?? [];
  if (single !== undefined) return { length: single.length, meaning: within ?? '' };
  const [double, content = ''] = /^"((?:[^"\\]|\\[^])*)"/.exec(text) ?? [];
  if (double === undefined) return null;
  // In double quotes a backslash is one, unless it stands before another or a quote.
  return { length: double.length, meaning: content.replace(/\\(["\\])/g, '$1') };
}
