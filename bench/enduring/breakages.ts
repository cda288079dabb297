// Thirty ways to break what a reload reads: the app, what it imports, the settings, the certificates. Each is undone
// by writing all files anew.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One way. */
export interface Breakage {
  readonly name: string;
  readonly apply: () => void;
  readonly restore: () => void;
}

const basics = 'wsgi_app = "app:app"\nbind = "127.0.0.1:0"\n';

const good = {
  'app.py':
    'import helper\n\ndef app(environ, start_response):\n    start_response("200 OK", [("Content-Length", "2")])\n    return [helper.body]\n',
  'helper.py': 'body = b"ok"\n',
  'gunicorn.conf.py': `${basics}workers = 2\n`,
} as const;

type File = keyof typeof good;

/** What a file holds instead. */
const replaced: readonly (readonly [name: string, file: File, text: string])[] = [
  ['a syntax error in the app', 'app.py', 'def app(:\n'],
  ['a wrong indentation', 'app.py', 'def app(environ, start_response):\nreturn 1\n'],
  ['an exception at import', 'app.py', '1 / 0\n'],
  ['a module that is missing', 'app.py', 'import no_such_module\n'],
  ['a name that is missing in a module', 'app.py', 'from helper import nothing\n'],
  ['sys.exit() at import', 'app.py', 'import sys\nsys.exit(3)\n'],
  ['os._exit() at import', 'app.py', 'import os\nos._exit(0)\n'],
  ['a crash at import', 'app.py', 'import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n'],
  ['KeyboardInterrupt at import', 'app.py', 'raise KeyboardInterrupt\n'],
  ['no app in the module', 'app.py', 'application = 1\n'],
  ['an app that is None', 'app.py', 'app = None\n'],
  ['an app that is no callable', 'app.py', 'app = 5\n'],
  ['a factory without its parentheses', 'app.py', 'def app():\n    pass\n'],
  ['an ASGI app', 'app.py', 'async def app(scope, receive, send):\n    pass\n'],
  ['an empty app', 'app.py', ''],
  ['NUL bytes in the app', 'app.py', 'app = "\0"\n'],
  ['bytes that are no UTF-8', 'app.py', '# \udcff\n'],
  ['a syntax error in a module', 'helper.py', 'body = \n'],
  ['an exception in a module', 'helper.py', 'raise RuntimeError("broken")\n'],
  ['a syntax error in the settings', 'gunicorn.conf.py', 'workers = \n'],
  ['an exception in the settings', 'gunicorn.conf.py', 'raise RuntimeError("broken")\n'],
  ['sys.exit() in the settings', 'gunicorn.conf.py', 'import sys\nsys.exit()\n'],
  ['no workers', 'gunicorn.conf.py', `${basics}workers = 0\n`],
  ['a number that is none', 'gunicorn.conf.py', `${basics}workers = "many"\n`],
  ['a timeout below zero', 'gunicorn.conf.py', `${basics}timeout = -1\n`],
  [
    'an app that does not exist',
    'gunicorn.conf.py',
    'wsgi_app = "nothing:app"\nbind = "127.0.0.1:0"\n',
  ],
  [
    'a certificate that does not exist',
    'gunicorn.conf.py',
    `${basics}certfile = "no.pem"\nkeyfile = "no.key"\n`,
  ],
  [
    'a certificate that is none',
    'gunicorn.conf.py',
    `${basics}certfile = "app.py"\nkeyfile = "app.py"\n`,
  ],
];

/** Writes the good files into `folder`, and gives the ways to break them. */
export function breakages(folder: string): readonly Breakage[] {
  const restore = (): void => {
    for (const [file, text] of Object.entries(good)) writeFileSync(join(folder, file), text);
  };
  restore();
  return [
    ...replaced.map(([name, file, text]) => ({
      name,
      apply: () => {
        writeFileSync(
          join(folder, file),
          text.includes('\udcff') ? Buffer.from([0x23, 0xff, 0x0a]) : text,
        );
      },
      restore,
    })),
    {
      name: 'an app that is gone',
      apply: () => {
        rmSync(join(folder, 'app.py'));
      },
      restore,
    },
    {
      name: 'an address that cannot be had',
      apply: () => {
        writeFileSync(
          join(folder, 'gunicorn.conf.py'),
          'wsgi_app = "app:app"\nbind = ["127.0.0.1:0", "192.0.2.1:8000"]\n',
        );
      },
      restore,
    },
  ];
}
