// What an interpreter says of itself when it is run: the slow way to know, taken where files don't tell
// enough, and before a binding is built for it. Called by choose.ts and by the interpreter's search. It runs
// the person's Python, isolated from their code; it must never load it into this process.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WsgiTsError } from '../errors.ts';
import type { Variables } from './site.ts';

/** What there is to know of a Python before a binding is compiled for it. */
export interface InterpreterFacts {
  /** `CPython`, `PyPy` */
  readonly implementation: string;
  /** `3.12.1` */
  readonly version: string;
  /** `3.12`; `3.13t` for a free-threaded one, `3.12d` for one made for debugging. */
  readonly binaryVersion: string;
  readonly freeThreaded: boolean;
  /** An interpreter of this Python, absolute: the one that an environment was made from, where it says so. */
  readonly executable: string;
  /** `sys.base_prefix` */
  readonly basePrefix: string;
  /** The shared library, absolute; null: it was built without one, or that is not installed. */
  readonly library: string | null;
  /** The folder of the headers, absolute, whether there are any or not. */
  readonly include: string;
  readonly hasHeaders: boolean;
}

const script = fileURLToPath(
  new URL('../../../python/wsgi_ts/interpreter_facts.py', import.meta.url),
);

/**
 * Runs an interpreter to learn what its name and its environment's files don't tell. Takes 20 to 50 ms.
 *
 * @throws WsgiTsError ERR_WSGI_PYTHON_FAILED (operator) where it doesn't run, or says something else
 */
export function askInterpreter(executable: string, variables: Variables): InterpreterFacts {
  try {
    // Python 2 knows neither -I nor what it stands for by itself.
    const text = execFileSync(executable, ['-B', '-E', '-s', '-S', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 10_000,
      env: { ...variables },
    });
    return read(JSON.parse(text) as Said);
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string };
    const why = (stderr ?? '').trim().split('\n').at(-1) ?? '';
    throw new WsgiTsError(
      'ERR_WSGI_PYTHON_FAILED',
      'operator',
      `${executable} does not run: ${why === '' ? (message.split('\n', 1)[0] ?? '') : why}`,
      { remedy: 'Choose another one with --python, or mend its installation.', cause },
    );
  }
}

/** The script's words. */
interface Said {
  readonly implementation: string;
  readonly version: string;
  readonly binary_version: string;
  readonly free_threaded: boolean;
  readonly executable: string;
  readonly base_prefix: string;
  readonly library: string | null;
  readonly include: string;
  readonly has_headers: boolean;
}

function read(said: Said): InterpreterFacts {
  const { implementation, version, executable, library, include } = said;
  return {
    ...{ implementation, version, executable, library, include },
    binaryVersion: said.binary_version,
    freeThreaded: said.free_threaded,
    basePrefix: said.base_prefix,
    hasHeaders: said.has_headers,
  };
}
