// A small file that others read while it is written: it appears whole at once, or not at all. Used for the pid file and the
// ready file, on the master's main thread.

import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Puts a file with `text` at `path`, in the place of what is there. @throws Error of the system's; nothing is left then */
export function putWholeFile(path: string, text: string): void {
  renameDraft(path, text, (draft) => {
    renameSync(draft, path);
  });
}

/** Whether {@link putWholeFile} could. @throws Error of the system's */
export function tryWholeFile(path: string): void {
  renameDraft(path, '', unlinkSync);
}

function renameDraft(path: string, text: string, finish: (draft: string) => void): void {
  // A name that nobody can guess, and no file that is there: whoever may write to the folder would have a root
  // write through a link of theirs.
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}`);
  const fd = openSync(draft, 'wx', 0o644);
  try {
    writeFileSync(fd, text);
    // Everybody may read it, whatever --umask says. It stays the master's, also with --user: who may write a pid
    // here has a root's script send signals to a process of their choice.
    fchmodSync(fd, 0o644);
    finish(draft);
  } catch (error) {
    unlinkSync(draft);
    throw error;
  } finally {
    closeSync(fd);
  }
}
