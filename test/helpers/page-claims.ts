// What a page of the documentation claims is printed, as a pattern for what is really printed. Times,
// durations and versions may be any; a process id may be any, too, but is the same one wherever the page has
// the same; a line `…` stands for any number of lines. Everything else is meant as it is written.

/** Times, durations, versions and process ids, where the page writes them. */
const variable = new RegExp(
  [
    String.raw`(\[\d{4}-[^\]]*\]`, // [2019-12-04 15:58:37 +0000]
    String.raw`\[\d\d\/\w{3}\/[^\]]*\]`, // [04/Dec/2019:15:58:37 +0000]
    String.raw`\d+\.\d ms`,
    String.raw`(?<=waited )\d+\.\d`,
    String.raw`(?<=wsgi-ts |version |curl\/)\d+\.\d+\.\d+`,
    String.raw`(?<=\[|\(|pid: ?|worker )\d{4})`,
  ].join('|'),
);

/** A claim's pattern; the groups in it are the process ids that the page tells of for the first time. */
export interface Claim {
  /** Source of a regular expression that matches whole lines. */
  readonly source: string;
  readonly newPids: readonly string[];
}

/** The claims about one run of a program: what one of them has taught holds for those that follow. */
export class Claims {
  /** The page's process ids and the real ones. */
  readonly #pids = new Map<string, string>();

  /** Lines of the page, as a pattern. */
  read(lines: string): Claim {
    const newPids: string[] = [];
    const variableSource = (text: string): string => {
      if (!/^\d+$/.test(text)) return shapeOf(text);
      const known = this.#pids.get(text);
      if (known !== undefined) return known;
      const group = newPids.indexOf(text) + 1;
      if (group > 0) return `\\${group}`;
      newPids.push(text);
      return String.raw`(\d+)`;
    };
    const source = lines
      .trimEnd()
      .split('\n')
      .map((line, index, all) => {
        // At the end all that there is, up to the next entry of a log.
        if (line === '…' && index === all.length - 1) return String.raw`(?:(?!\[\d{4}-).*\n)*`;
        if (line === '…') return String.raw`(?:.*\n)*?`;
        // Split by a pattern with one group, every other part is what the group has matched.
        const parts = line.split(variable);
        const sources = parts.map((part, at) =>
          at % 2 === 0 ? escape(part) : variableSource(part),
        );
        return `${sources.join('')}\\n`;
      });
    return { source: source.join(''), newPids };
  }

  /** Takes in what a claim's pattern has matched. */
  learn({ newPids }: Claim, match: RegExpExecArray): void {
    newPids.forEach((pid, index) => this.#pids.set(pid, match[index + 1] ?? ''));
  }
}

/** The form of a time, duration or version: any digits, any month, either sign of the offset. */
function shapeOf(text: string): string {
  return escape(text)
    .replaceAll(/\d+/g, String.raw`\d+`)
    .replace(/[A-Z][a-z]{2}/, String.raw`\w{3}`)
    .replace(String.raw`\+`, '[+-]');
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
