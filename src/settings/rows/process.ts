// The settings of the processes themselves: whose they are, what they are called, what they leave. Part of the
// table (table.ts). Data only.

import { group, umask, user } from '../process-values.ts';
import { row } from '../setting.ts';
import { flag, optional, text } from '../value-types.ts';

export const processRows = {
  daemon: row({
    name: 'daemon',
    flags: ['-D', '--daemon'],
    type: flag,
    default: ['false'],
    section: 'Server Mechanics',
    doc: 'Run in the background',
    details:
      'The command ends when a worker serves, with exit code 0, or when none can, with the reason and exit ' +
      'code 1, 3 or 4. What it logs and prints goes nowhere, unless `--error-logfile` names a file or `-R` is given. A ' +
      'service manager or a container wants a server in the foreground.',
  }),
  enableStdioInheritance: row({
    name: 'enable_stdio_inheritance',
    flags: ['-R', '--enable-stdio-inheritance'],
    type: flag,
    default: ['false'],
    section: 'Logging',
    doc: 'Let a daemon keep its standard output and standard error',
    details: 'Only where they are not a terminal, as in `wsgi-ts -D -R app:app > server.log 2>&1`.',
  }),
  user: row({
    name: 'user',
    flags: ['-u', '--user'],
    metavar: 'USER',
    type: optional(user),
    default: [],
    section: 'Server Mechanics',
    doc: 'The user whose rights the workers have, by name or number',
    details:
      'The master keeps its own rights, which must be those of root, and so may listen on port 80. A worker gives up ' +
      "its rights before the app is imported. Log files and unix sockets become the user's.",
  }),
  group: row({
    name: 'group',
    flags: ['-g', '--group'],
    metavar: 'GROUP',
    type: optional(group),
    default: [],
    section: 'Server Mechanics',
    doc: 'The group whose rights the workers have, by name or number',
    details: "Without it, the first group of `--user`. The master's other groups are given up too.",
  }),
  initgroups: row({
    name: 'initgroups',
    flags: ['--initgroups'],
    type: flag,
    default: ['false'],
    section: 'Server Mechanics',
    doc: 'Give the workers all groups that --user is a member of',
  }),
  umask: row({
    name: 'umask',
    flags: ['-m', '--umask'],
    metavar: 'INT',
    type: umask,
    default: ['0'],
    section: 'Server Mechanics',
    doc: 'The bits that the mode of new files, and of unix sockets, shall lack',
    details:
      '`022`, `0o22` and `0x12` are the same as `18`. With 0 anybody may connect to a unix socket, and files get the ' +
      'mode that they get without this setting: the umask that the server was started with counts, or 022 with ' +
      '`--daemon`.',
  }),
  reusePort: row({
    name: 'reuse_port',
    flags: ['--reuse-port'],
    type: flag,
    default: ['false'],
    section: 'Server Mechanics',
    doc: 'Let other servers of this user listen on the same port',
    details:
      'Sets `SO_REUSEPORT`: the system spreads connections over all servers there. The workers of one server share ' +
      'its socket.',
  }),
  procName: row({
    name: 'proc_name',
    flags: ['-n', '--name'],
    metavar: 'STRING',
    type: optional(text('a name')),
    default: [],
    section: 'Process Naming',
    doc: 'The name in the titles of the processes; the app by default',
    details:
      '`ps` and `top` show `wsgi-ts: master [NAME]` and `wsgi-ts: worker [NAME]`. A title of the master longer than the command ' +
      'line is cut off.',
  }),
};
