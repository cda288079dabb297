// A Python traceback's text, taken apart: for the page that shows why an app can't be loaded. Used by
// failure-page.ts. Pure. Text that has another form (an app may print its exceptions in a way of its own) gives
// fewer frames, never an error.

/** One line of the person's program that was under way. */
export interface Frame {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The function, `<module>`, or '' for a file that could not be compiled. */
  readonly name: string;
  /** What the traceback shows of it: the line, with the marks below it. */
  readonly source: readonly string[];
}

/** What is known of a traceback. */
export interface Traceback {
  /** Those of the exception that was raised last, the outermost first. */
  readonly frames: readonly Frame[];
  /** `ImportError`, with its module's name where Python shows it; '' where there is none. */
  readonly type: string;
}

/** With the bars in front that the parts of an exception group have. */
const FRAME = /^[\s|+-]*File "(.+)", line (\d+)(?:, in (.+))?$/;

/** Reads what `traceback.format_exception` of Python 3.8 to 3.14 writes. */
export function parseTraceback(text: string): Traceback {
  let frames: Frame[] = [];
  let source: string[] = [];
  let type = '';
  for (const line of text.split('\n')) {
    const [, file, number, name = ''] = FRAME.exec(line) ?? [];
    if (file !== undefined) {
      // Behind an exception's own line comes the next one of a chain.
      if (type !== '') frames = [];
      type = '';
      source = [];
      frames.push({ file, line: Number(number), name, source });
    } else if (/^\s+\S/.test(line)) {
      if (type === '') source.push(line.slice(4));
    } else if (type === '') {
      type = /^([\p{L}_][\p{L}\p{N}_.]*)(?::|$)/u.exec(line)?.[1] ?? '';
    }
  }
  return { frames, type };
}
