// Settings whose meaning comes from gunicorn's own inside: its config file, its worker classes, its way with files.
// Part of the table (table.ts). Data, and what is said about values that mean something else here.

import { WsgiTsError } from '../../errors.ts';
import { row } from '../setting.ts';
import { directory, flag, optional, text, type ValueType } from '../value-types.ts';

/** Worker classes that wsgi-ts's workers are like: nothing needs to be said. */
const alike =
  /^(?:sync|gthread|gunicorn\.workers\.(?:sync\.SyncWorker|gthread\.ThreadWorker)|(?:SyncWorker|ThreadWorker))$/;

/** Worker classes of ASGI apps and of aiohttp's: a WSGI server can't stand in for them. */
const notWsgi = /asgi|uvicorn|hypercorn|daphne|starlette|aiohttp/i;

const workerClass: ValueType<string> = {
  ...text('a worker class'),
  parse: (texts, world) => {
    const name = text('a worker class').parse(texts, world);
    if (!notWsgi.test(name)) return name;
    throw new WsgiTsError(
      'ERR_WSGI_SETTING',
      'operator',
      `'${name}' is a worker class for apps that are not WSGI`,
      {
        remedy:
          'wsgi-ts serves WSGI apps, on threads. For an ASGI app take an ASGI server; Django has a WSGI app as well, ' +
          'in wsgi.py.',
      },
    );
  },
};

export const configRows = {
  config: row({
    name: 'config',
    flags: ['-c', '--config'],
    metavar: 'FILE',
    type: optional(text('a path')),
    default: ['./gunicorn.conf.py'],
    section: 'Application',
    doc: 'The config file, in Python: PATH, file:PATH or python:MODULE',
    details:
      'A file `gunicorn.conf.py` in the current directory is read without being named. A name that such a file sets is ' +
      "the setting of that name; Python's own values are taken: `bind = ['127.0.0.1:8000', 'unix:/run/app.sock']`. " +
      'It is run by the embedded Python, before `chdir`. Names that are no settings are told at the start.',
    beforeFile: 'it says which file is read',
  }),
};

export const gunicornRows = {
  workerClass: row({
    name: 'worker_class',
    flags: ['-k', '--worker-class'],
    metavar: 'STRING',
    type: workerClass,
    default: ['sync'],
    section: 'Worker Processes',
    doc: "Taken for gunicorn's sake: every worker has --threads, and an event loop for all that is slow",
    details:
      '`sync` and `gthread` are what workers are here. With any other class for WSGI (`gevent`, `eventlet`, `tornado`) ' +
      'the server starts all the same, and says so: threads do their work. One for ASGI is refused.',
    advice: (name) =>
      alike.test(name)
        ? null
        : `worker_class '${name}' has no use here: Python threads do its work, so give as many as requests may wait at ` +
          'the same time, such as --threads 16. Slow clients and idle connections cost none',
  }),
  sendfile: row({
    name: 'sendfile',
    flags: ['--no-sendfile'],
    bare: 'false',
    env: {
      variable: 'SENDFILE',
      texts: (value) => [String(['y', '1', 'yes', 'true'].includes(value.toLowerCase()))],
    },
    type: flag,
    default: ['true'],
    section: 'Server Mechanics',
    doc: 'Have Python read the files that wsgi.file_wrapper gets, in place of the server',
    details:
      'For files whose size the system does not know, as in `/proc` or on some shared folders of virtual machines.',
  }),
  tmpUploadDir: row({
    name: 'tmp_upload_dir',
    flags: ['--tmp-upload-dir'],
    metavar: 'DIR',
    type: optional(directory),
    default: [],
    section: 'Server Mechanics',
    doc: 'Where long request bodies, and answers for slow clients, are kept while they are under way',
    details:
      "The system's folder for temporary files (`TMPDIR`) where it is not given. The files have no name. gunicorn has " +
      'the setting in its config file only, and no use for it. A relative path starts where the command does.',
  }),
};
