// gunicorn's settings that have no use here: known, so that they are told from typing errors. Read by unused.ts and
// by the page of settings. Data only; names, flags and defaults are gunicorn 27's. What a setting would do, and
// what does it here, is the sentence that people read.

import type { UnusedSetting } from '../unused.ts';

const asgi = 'It is for ASGI apps; wsgi-ts serves WSGI.';
const dirty =
  'There is no second pool of workers here: use a task queue (Celery, RQ, Dramatiq) for long tasks.';
const control = 'There is no control socket here: nothing listens besides --bind.';
const stricter =
  'Such requests are answered with an error, since proxies and servers read them differently, which lets a request ' +
  'be smuggled past a proxy. Remove the setting.';
const socketOfTls = 'Node does the handshake and notices the end of a connection by itself.';

export const unusedSettings: readonly UnusedSetting[] = [
  // Where serving without it would be something else than what was asked for.
  {
    name: 'paste',
    flags: ['--paster', '--paste'],
    takes: 'value',
    refused: true,
    sentence:
      'Files of PasteDeploy are not read. Make a module `wsgi.py` with `from paste.deploy import loadapp` and ' +
      "`app = loadapp('config:/path/of/file.ini')`, then serve wsgi:app.",
  },
  {
    name: 'protocol',
    flags: ['--protocol'],
    takes: 'value',
    default: 'http',
    refused: true,
    sentence:
      'Only HTTP is spoken. In nginx, write `proxy_pass http://…` in place of `uwsgi_pass`, and remove the setting.',
  },
  {
    name: 'dirty_apps',
    flags: ['--dirty-app'],
    takes: 'value',
    refused: true,
    sentence: dirty,
  },
  ...[
    'permit_obsolete_folding',
    'strip_header_spaces',
    'permit_unconventional_http_method',
    'permit_unconventional_http_version',
  ].map((name) => ({ ...flagOf(name), refused: true, sentence: stricter })),
  {
    ...flagOf('casefold_http_method'),
    refused: true,
    sentence:
      'Methods are case-sensitive (RFC 9110 §9.1): `get` is answered 501. Remove the setting, and mend the client.',
  },

  // Where nobody outside sees a difference.
  {
    name: 'raw_paste_global_conf',
    flags: ['--paste-global'],
    takes: 'value',
    sentence: 'It is for files of PasteDeploy, which are not read here.',
  },
  {
    name: 'uwsgi_allow_ips',
    flags: ['--uwsgi-allow-from'],
    takes: 'value',
    default: '127.0.0.1,::1',
    sentence: 'Only HTTP is spoken here; --forwarded-allow-ips says which proxies are trusted.',
  },
  {
    name: 'worker_tmp_dir',
    flags: ['--worker-tmp-dir'],
    takes: 'value',
    sentence: 'A worker says over a pipe that it lives; there is no file.',
  },
  { ...flagOf('spew'), sentence: 'Tracing is left to Python: `python -m trace --trace`.' },
  {
    name: 'http_parser',
    flags: ['--http-parser'],
    takes: 'value',
    default: 'auto',
    sentence: "There is one parser here: Node's, behind a check of every byte.",
  },
  {
    name: 'default_proc_name',
    flags: [],
    takes: 'value',
    default: 'gunicorn',
    sentence: 'Set proc_name.',
  },
  {
    name: 'ssl_version',
    flags: ['--ssl-version'],
    takes: 'value',
    default: '2', // ssl.PROTOCOL_TLS
    sentence: 'It is ignored by gunicorn too. --tls-minimum-version says which TLS is accepted.',
  },
  {
    ...flagOf('suppress_ragged_eofs'),
    default: 'true',
    sentence: socketOfTls,
  },
  { ...flagOf('do_handshake_on_connect'), sentence: socketOfTls },
  { name: 'asgi_loop', flags: ['--asgi-loop'], takes: 'value', default: 'auto', sentence: asgi },
  {
    name: 'asgi_lifespan',
    flags: ['--asgi-lifespan'],
    takes: 'value',
    default: 'auto',
    sentence: asgi,
  },
  {
    name: 'asgi_disconnect_grace_period',
    flags: ['--asgi-disconnect-grace-period'],
    takes: 'value',
    default: '3',
    sentence: asgi,
  },
  {
    name: 'websocket_max_message_size',
    flags: ['--websocket-max-message-size'],
    takes: 'value',
    default: '16777216',
    sentence: asgi,
  },
  {
    name: 'root_path',
    flags: ['--root-path'],
    takes: 'value',
    sentence: `${asgi} The path at which a WSGI app is mounted is set by --env SCRIPT_NAME=/path.`,
  },
  {
    name: 'dirty_workers',
    flags: ['--dirty-workers'],
    takes: 'value',
    default: '0',
    sentence: dirty,
  },
  {
    name: 'dirty_timeout',
    flags: ['--dirty-timeout'],
    takes: 'value',
    default: '300',
    sentence: dirty,
  },
  {
    name: 'dirty_threads',
    flags: ['--dirty-threads'],
    takes: 'value',
    default: '1',
    sentence: dirty,
  },
  {
    name: 'dirty_graceful_timeout',
    flags: ['--dirty-graceful-timeout'],
    takes: 'value',
    default: '30',
    sentence: dirty,
  },
  ...['on_dirty_starting', 'dirty_post_fork', 'dirty_worker_init', 'dirty_worker_exit'].map(
    (name) => ({ name, flags: [], takes: 'value' as const, sentence: dirty }),
  ),
  { name: 'control_socket', flags: ['--control-socket'], takes: 'value', sentence: control },
  {
    name: 'control_socket_mode',
    flags: ['--control-socket-mode'],
    takes: 'value',
    default: '384', // 0o600
    sentence: control,
  },
  // Who asks for none gets what they ask for.
  {
    name: 'control_socket_disable',
    flags: ['--no-control-socket'],
    takes: 'nothing',
    sentence: control,
    fulfilled: true,
  },
];

/** A switch whose flag is its name. */
function flagOf(name: string): Pick<UnusedSetting, 'name' | 'flags' | 'takes' | 'default'> {
  const flags = [`--${name.replaceAll('_', '-')}`];
  return { name, flags, takes: 'nothing', default: 'false' };
}
