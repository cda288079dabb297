// A small file that others read while it is written: it appears whole at once, or not at all. Used for the pid file and the
// ready file on the master's main thread, and for the reports of a smoke test.

import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** One such file. Where its path leads is settled when this is made: a reload may change the working directory. */
export class WholeFile {
  /** As it was given. */
  readonly name: string;
  /** From the root. */
  readonly path: string;

  constructor(name: string, directory = process.cwd()) {
    this.name = name;
    this.path = resolve(directory, name);
  }

  /** Puts it there with `text`, in the place of what is there. @throws Error of the system's; nothing is left then */
  put(text: string): void {
    renameDraft(this.path, text, (draft) => {
      renameSync(draft, this.path);
    });
  }

  /** Whether {@link put} could. @throws Error of the system's */
  try(): void {
    renameDraft(this.path, '', unlinkSync);
  }
}

function renameDraft(path: string, text: string, finish: (draft: string) => void): void {
  // A name that nobody can guess, and no file that is there: whoever may write to the folder would have a root
  // write through a link of theirs.
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}`);
  const fd = openSync(draft, 'wx', 0o644);
  try {
    writeFileSync(fd, text);
    // Everybody may read it, whatever --umask says. A pid file stays the master's, also with --user: who may write a pid
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
