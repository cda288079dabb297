// The settings of the development server: serving the app anew when a file changes. Part of the table (table.ts).
// Data only.

import { resolve } from 'node:path';
import { WsgiTsError } from '../../errors.ts';
import { row } from '../setting.ts';
import { choice, flag, type ValueType } from '../value-types.ts';

/** Files or patterns; relative ones start where the command was started, as with gunicorn. The values are absolute. */
const filesOrPatterns: ValueType<readonly string[]> = {
  use: 'repeated',
  parse: (texts, world) =>
    texts.map((given) => {
      if (given.trim() === '' || given.includes('\0'))
        throw new WsgiTsError('ERR_WSGI_SETTING', 'operator', `'${given}' is not a file`);
      return resolve(world.cwd, given);
    }),
};

export const reloadRows = {
  reload: row({
    name: 'reload',
    flags: ['--reload'],
    type: flag,
    default: [],
    section: 'Debugging',
    doc: 'Serve the app anew whenever one of its files changes; for development only',
    details:
      'What is watched: the folders of `--chdir` and `--pythonpath`, and in them Python files, templates and ' +
      'configuration ([development.md](development.md) lists them). While the app cannot be loaded, each request is ' +
      'answered with the traceback, which shows source code to everybody who can reach the server.',
  }),
  reloadEngine: row({
    name: 'reload_engine',
    flags: ['--reload-engine'],
    metavar: 'STRING',
    type: choice(['auto', 'poll', 'inotify']),
    default: ['auto'],
    section: 'Debugging',
    doc: 'How --reload notices changes: auto, poll or inotify',
    details:
      '`auto` and `inotify` are told of changes by the system. `poll` looks by itself, three times a second: for ' +
      'folders whose changes the system does not tell of, such as network drives and mounts of some containers.',
  }),
  reloadExtraFiles: row({
    name: 'reload_extra_files',
    flags: ['--reload-extra-file'],
    metavar: 'FILES',
    type: filesOrPatterns,
    default: [],
    section: 'Debugging',
    doc: 'A further file for --reload to watch, or a pattern; may be given more than once',
    details:
      'A text with `*`, `?` or `[` is a pattern; `**` stands for any number of folders. As in a shell, `*` does not ' +
      "match a dot at a name's beginning. Quote it, or the shell will expand it.",
  }),
};
