// What became of one cell of the compatibility matrix, and how it is said in a line. Used by all of
// scripts/matrix; pure but for the names of this machine's folders, which it takes out of what it quotes:
// the page is committed, and must never say where somebody's folders are.

import { homedir, tmpdir } from 'node:os';
import { repositoryRoot } from '../../test/helpers/repository.ts';

/** One cell: it works, it fails, or there was nothing to try, and why. */
export type Outcome =
  | { readonly state: 'works'; readonly version: string }
  | { readonly state: 'fails'; readonly reason: string }
  | { readonly state: 'unavailable'; readonly reason: string };

const longest = 200;

/** `✓ 3.1.3`, `✗ GET / is answered with 500`, `not available: …`. */
export function describe(outcome: Outcome): string {
  if (outcome.state === 'works') return `✓ ${outcome.version}`;
  return `${outcome.state === 'fails' ? '✗' : 'not available:'} ${outcome.reason}`;
}

/** The failure that an error, or what a program has printed, stands for. */
export function failure(cause: unknown): Outcome {
  return {
    state: 'fails',
    reason: inOneLine(cause instanceof Error ? cause.message : String(cause)),
  };
}

/**
 * What matters of a long message: the first line that a log calls an error, else the last line of a Python
 * traceback, else its beginning. No folder of this machine is in it.
 */
export function inOneLine(message: string): string {
  const logged = /\[(?:ERROR|CRITICAL)\] (.+)/.exec(message)?.[1];
  const raised = /^Traceback [^]*\n(\w[\w.]*(?:Error|Exception)\b.*)/m.exec(message)?.[1];
  const said = (logged ?? raised ?? message).replaceAll(/\s+/g, ' ').trim();
  const anonymous = [
    [repositoryRoot, ''],
    [`${homedir()}/`, '~/'],
    [`${tmpdir()}/`, ''],
  ].reduce((text, [folder = '', name = '']) => text.replaceAll(folder, name), said);
  return anonymous.length > longest ? `${anonymous.slice(0, longest - 1)}…` : anonymous;
}
