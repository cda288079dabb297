// A smoke test as people read it in a terminal or the log of a CI job: a line a case as it ends, then what is known of
// those that failed, then the sum. Called by command/smoke.ts. Pure.

import {
  describeAnswer,
  describeFailures,
  failedOf,
  hasPassed,
  summary,
  type Report,
} from './report.ts';
import type { CaseResult } from './run.ts';
import { escapeControls } from '../log/escape.ts';
import type { SmokeCase } from './smoke-case.ts';

/** Columns that names get at most. */
const widestName = 60;

/** Lines of text, coloured or not. */
export class Table {
  readonly #colours: boolean;
  readonly #width: number;

  constructor(cases: readonly Pick<SmokeCase, 'name'>[], colours: boolean) {
    this.#colours = colours;
    this.#width = Math.min(widestName, Math.max(0, ...cases.map(({ name }) => shown(name).length)));
  }

  /** The line of a case. */
  row(result: CaseResult): string {
    const { name, answer, seconds } = result;
    const passed = hasPassed(result);
    const mark = this.#colour(passed ? 'ok  ' : 'FAIL', passed ? 32 : 31);
    const status = answer === null ? '---' : String(answer.status);
    const time = `${(seconds * 1000).toFixed(0)} ms`.padStart(8);
    return `${mark}  ${shown(name).padEnd(this.#width)}  ${status}  ${time}\n`;
  }

  /** What is below the rows. */
  end(report: Report): string {
    const failed = failedOf(report);
    const colour = failed.length > 0 || report.boot !== null ? 31 : 32;
    const details = failed.map((result) => this.#details(result)).join('');
    return `${details}\n${this.#colour(summary(report), colour)}\n`;
  }

  #details(result: CaseResult): string {
    const { answer, output, name } = result;
    const written = output.trimEnd();
    return [
      '',
      this.#colour(`FAIL  ${shown(name)}`, 31),
      ...describeFailures(result).map((failure) => `  ${failure.replaceAll('\n', '\n  ')}`),
      ...(answer === null ? [] : ['  The answer:', indented(describeAnswer(answer))]),
      written === '' ? '  The app wrote nothing.' : `  Written meanwhile:\n${indented(written)}`,
      '',
    ].join('\n');
  }

  #colour(text: string, code: number): string {
    return this.#colours ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

function shown(name: string): string {
  return escapeControls(name).replaceAll('\n', '\\n');
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}
