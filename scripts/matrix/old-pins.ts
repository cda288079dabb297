// The tutorial's exercise with the pins that it once had (Flask 1.1.1 and what goes with it, of 2019), served
// with the newest Python that those packages still run on: the Pythons are tried from the newest down, each
// without a server first. Called by matrix.ts. That a Python is too new for the packages is no failure.

import { inRepository } from '../../test/helpers/repository.ts';
import { prepareEnvironment, run } from './environments.ts';
import { oldPins } from './frameworks.ts';
import { inOneLine } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { Python } from './pythons.ts';
import { tryFramework } from './serving.ts';

/** The row of the old pins. */
export interface OldPinsRow {
  /** The newest Python that runs them, and what became of it; null: none does. */
  readonly tried: { readonly python: Python; readonly outcome: Outcome } | null;
  /** Those that are too new, with what happens there without a server. */
  readonly tooNew: readonly { readonly python: Python; readonly reason: string }[];
}

const request = `
from app import app
answer = app.test_client().get("/")
assert (answer.status_code, answer.data) == (200, b"Hello from Flask App\\n"), answer.data`;

/** Finds the newest Python for them, of those given (newest first), and serves the exercise with it. */
export async function tryOldPins(
  pythons: readonly Python[],
  say: (line: string) => void,
): Promise<OldPinsRow> {
  const tooNew: { python: Python; reason: string }[] = [];
  for (const python of pythons) {
    const name = `${python.id}-${oldPins.key}`;
    const environment = prepareEnvironment(python, name, [oldPins.package], say);
    const plain = environment.plain(oldPins.package.distribution);
    const cwd = inRepository('fixtures', oldPins.folder);
    const { status, output } = run(environment.python, ['-c', request], { cwd });
    if (plain.state === 'works' && status === 0) {
      const { framework } = await tryFramework(python, environment, oldPins, []);
      return { tried: { python, outcome: framework }, tooNew };
    }
    tooNew.push({ python, reason: plain.state === 'works' ? inOneLine(output) : plain.reason });
  }
  return { tried: null, tooNew };
}
