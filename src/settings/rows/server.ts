// The settings of the app, the processes and their sockets. Part of the table (table.ts). Data only.

import { isOn } from '../../binding/site.ts';
import { row } from '../setting.ts';
import {
  addresses,
  commaList,
  directory,
  environmentPairs,
  flag,
  integer,
  isAutomatic,
  optional,
  seconds,
  text,
  workerCount,
} from '../value-types.ts';

export const serverRows = {
  app: row({
    name: 'wsgi_app',
    flags: [],
    metavar: 'app',
    type: optional(text('an app')),
    default: [],
    section: 'Application',
    doc: 'The WSGI app, as MODULE:VARIABLE',
    details:
      'MODULE is a Python module, with dots where it is in a package; VARIABLE is what to serve in it: ' +
      'a name (`application` when left out), `object.attribute`, or a call of a factory with literal ' +
      "arguments, as in `'shop:create_app(debug=False)'`.",
  }),
  bind: row({
    name: 'bind',
    flags: ['-b', '--bind'],
    metavar: 'ADDRESS',
    env: { variable: 'PORT', texts: (port) => [`0.0.0.0:${port}`] },
    type: addresses,
    default: ['127.0.0.1:8000'],
    section: 'Server Socket',
    doc: 'An address to listen at; may be given more than once',
    details:
      '`HOST`, `HOST:PORT`, `:PORT` (every IPv4 interface), `[::1]:PORT`, `unix:PATH`, or `fd://N` for a ' +
      'socket that was inherited. The port is 8000 where none is given; 0 lets the system choose one.',
  }),
  backlog: row({
    name: 'backlog',
    flags: ['--backlog'],
    metavar: 'INT',
    type: integer({ min: 1 }),
    default: ['2048'],
    section: 'Server Socket',
    doc: 'How many connections may wait to be accepted',
    details: 'The system may have a lower limit of its own: `net.core.somaxconn` on Linux.',
  }),
  workers: row({
    name: 'workers',
    flags: ['-w', '--workers'],
    metavar: 'INT',
    env: { variable: 'WEB_CONCURRENCY', texts: (count) => [count] },
    type: workerCount,
    default: ['1'],
    section: 'Worker Processes',
    doc: 'The number of worker processes, or auto',
    details:
      'Python runs on one core in each of them: start with the number of cores. `auto` does so, by what a container ' +
      'leaves of them (its quota of CPU), as far as its memory goes; the log says what it came to, and why.',
    explain: (texts, world) => {
      if (!isAutomatic(texts)) return null;
      const { workers, reason } = world.automaticWorkers();
      return `Workers: ${workers}, since ${reason}`;
    },
  }),
  threads: row({
    name: 'threads',
    flags: ['--threads'],
    metavar: 'INT',
    type: integer({ min: 1 }),
    default: ['1'],
    section: 'Worker Processes',
    doc: 'The number of Python threads in each worker',
    details:
      'As many requests run at the same time in one worker; more of them pay where views wait.',
  }),
  timeout: row({
    name: 'timeout',
    flags: ['-t', '--timeout'],
    metavar: 'INT',
    type: seconds,
    default: ['30'],
    section: 'Worker Processes',
    doc: 'Seconds that one request may spend in Python; 0: no limit',
    details: "The time spent waiting for the client's bytes does not count.",
  }),
  gracefulTimeout: row({
    name: 'graceful_timeout',
    flags: ['--graceful-timeout'],
    metavar: 'INT',
    type: seconds,
    default: ['30'],
    section: 'Worker Processes',
    doc: 'Seconds that running requests get to finish when the server stops',
  }),
  keepAlive: row({
    name: 'keepalive',
    flags: ['--keep-alive'],
    metavar: 'INT',
    type: seconds,
    default: ['75'],
    section: 'Worker Processes',
    doc: 'Seconds that an idle connection is kept open',
    details:
      "gunicorn's default is 2. A server that closes first races with the next request of a proxy or load " +
      'balancer, whose client then reads 502; most of those keep a connection for 60 seconds, so the ' +
      'server must keep it longer. An idle connection holds no Python thread, so keeping it costs little.',
  }),
  chdir: row({
    name: 'chdir',
    flags: ['--chdir'],
    metavar: 'DIR',
    type: directory,
    default: ['.'],
    section: 'Server Mechanics',
    doc: 'Change to this directory before the app is loaded, and import from it',
    details: 'Every other relative path on the command line then starts there, as with gunicorn.',
  }),
  pythonpath: row({
    name: 'pythonpath',
    flags: ['--pythonpath'],
    metavar: 'DIRS',
    type: commaList,
    default: [],
    section: 'Server Mechanics',
    doc: 'Directories to import from as well, separated by commas',
  }),
  env: row({
    name: 'raw_env',
    flags: ['-e', '--env'],
    metavar: 'KEY=VALUE',
    type: environmentPairs,
    default: [],
    section: 'Server Mechanics',
    doc: 'An environment variable for the app; may be given more than once',
  }),
  python: row({
    name: 'python',
    flags: ['--python'],
    metavar: 'PATH',
    type: optional(text('a path')),
    default: [],
    section: 'Server Mechanics',
    doc: 'The virtual environment to use, or its Python',
    beforeFile: 'the config file is run by that Python',
    details:
      'gunicorn has no such setting. Without it, the activated environment is used, else the one that ' +
      '`VIRTUAL_ENV` names, else `.venv` or `venv` beside the app.',
  }),
  noBuild: row({
    name: 'no_build',
    flags: ['--no-build'],
    env: { variable: 'WSGI_TS_NO_BUILD', texts: (value) => [String(isOn(value))] },
    type: flag,
    default: ['false'],
    section: 'Server Mechanics',
    doc: 'Fail where there is no binding for the Python, instead of building one',
    beforeFile: 'the config file is run by the Python that it is about',
    details:
      'gunicorn has no such setting. The binding is what embeds the Python of your environment; the first start ' +
      'with another Python compiles one, which takes about 20 seconds. `wsgi-ts binding build` does it ahead.',
  }),
  pid: row({
    name: 'pidfile',
    flags: ['-p', '--pid'],
    metavar: 'FILE',
    type: optional(text('a path')),
    default: [],
    section: 'Server Mechanics',
    doc: "A file to write the master's process id to",
  }),
  readyFd: row({
    name: 'ready_fd',
    flags: ['--ready-fd'],
    metavar: 'INT',
    type: optional(integer({ min: 3 })),
    default: [],
    section: 'Server Mechanics',
    doc: 'A file descriptor to write the addresses to when the server is up',
    details:
      'gunicorn has no such setting. When the first worker serves, the addresses are written, one a line, with the ' +
      'ports that were really taken, and the descriptor is closed. Where the server can not start it is closed with ' +
      'nothing written. The descriptor is opened by whoever starts the command (`3>ready`, s6, a pipe).',
  }),
  readyFile: row({
    name: 'ready_file',
    flags: ['--ready-file'],
    metavar: 'FILE',
    type: optional(text('a path')),
    default: [],
    section: 'Server Mechanics',
    doc: 'A file to write the addresses to when the server is up',
    details:
      'gunicorn has no such setting. The same lines as with `--ready-fd`. The file appears whole, and goes with the ' +
      'server; one that is there at the start is removed.',
  }),
};
