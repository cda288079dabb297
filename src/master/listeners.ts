// The listening sockets: made by Python (wsgi_ts/sockets.py), held by the master, inherited by every worker.
// master.ts opens them before the first worker and closes them when a stop begins; on the master's main thread.
// The master must never accept from them: a connection waits in the kernel until a worker takes it.

import { WsgiTsError } from '../errors.ts';
import type { Interpreter, Plain } from '../bridge/interpreter.ts';
import type { Logger } from '../log/logger.ts';
import { formatAddress } from '../settings/address.ts';
import type { Address } from '../settings/address.ts';
import type { Owner } from './port-owner.ts';

/** A listening socket. */
export interface Listener {
  /** Unique in this master: the kernel gives a descriptor's number out again. */
  readonly id: number;
  /** Its descriptor in the master. */
  readonly fd: number;
  /** The address really bound (the kernel's choice where port 0 was asked): `http://127.0.0.1:8000`. */
  readonly url: string;
  /** The address as it was asked for: by it the next generation, and the next master, know it again. */
  readonly asked: string;
  /** Whether it was made by a server of ours; else it is systemd's, or another parent's. */
  readonly owned: boolean;
}

/** What {@link openListeners} needs. */
export interface ListenOptions {
  readonly addresses: readonly Address[];
  /** Those that are there already; what is asked for again is taken from them. */
  readonly held: readonly Listener[];
  /** Whether the workers will speak TLS there: for the log. */
  readonly secure: boolean;
  /** Connections that may wait for a worker. */
  readonly backlog: number;
  /** What the mode of a unix socket's file shall lack; gunicorn's default is 0: any user's proxy may connect. */
  readonly umask: number;
  /** Whether other servers may listen on the same port. */
  readonly reusePort: boolean;
  /** Whom a unix socket's file shall belong to; null: to us. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly interpreter: Pick<Interpreter, 'call'>;
  readonly logger: Logger;
  /** Waits one second; may reject to give up. */
  readonly pause: () => Promise<unknown>;
  /** Who holds an address, if that can be known. */
  readonly findOwner: (address: Address) => Owner | null;
}

let nextId = 1;

/** gunicorn's: how often an address in use is tried again, a second apart. */
const retries = 5;

/**
 * Opens all sockets. An address in use is tried again for five seconds: the last server may be about to leave.
 *
 * @throws WsgiTsError (operator, exit code 1) that says what is wrong with which address; sockets opened
 *   before it are closed
 */
export async function openListeners(options: ListenOptions): Promise<Listener[]> {
  const { addresses, secure, interpreter } = options;
  const held = [...options.held];
  const opened: Listener[] = [];
  const listeners: Listener[] = [];
  try {
    for (const address of addresses) {
      const place = held.findIndex(({ asked }) => asked === formatAddress(address));
      const [old] = place < 0 ? [] : held.splice(place, 1);
      const listener = old ?? (await open(address, options));
      if (old === undefined) opened.push(listener);
      listeners.push({ ...listener, url: withScheme(listener.url, secure) });
    }
  } catch (error) {
    for (const listener of opened) releaseListener(interpreter, listener, true);
    throw error;
  }
  return listeners;
}

/**
 * Lets no new connection into the queue of a socket of ours; workers can then empty it, and end.
 *
 * @returns whether that could be done
 */
export function sealListener(interpreter: Pick<Interpreter, 'call'>, { fd }: Listener): boolean {
  return interpreter.call('sockets', 'seal', fd) === true;
}

/**
 * Closes the master's copy of one socket.
 *
 * @param removeFile - whether its file goes, too: not while another master has the same socket
 */
export function releaseListener(
  interpreter: Pick<Interpreter, 'call'>,
  { fd }: Listener,
  removeFile: boolean,
): void {
  interpreter.call('sockets', 'release', fd, removeFile);
}

/**
 * Closes the master's copies of all sockets.
 *
 * @param removeFiles - whether the files of unix sockets go, too: not while another master has the same sockets
 */
export function closeListeners(interpreter: Pick<Interpreter, 'call'>, removeFiles: boolean): void {
  interpreter.call('sockets', 'close', removeFiles);
}

/** A listener of the master that started this one, by its descriptor. */
export function inheritListener(
  interpreter: Pick<Interpreter, 'call'>,
  fd: number,
  asked: string,
  owned: boolean,
): Listener | null {
  const answer = interpreter.call('sockets', 'inherit', fd, owned) as unknown as Answer;
  return answer.ok ? { id: nextId++, fd, url: formatAddress(answer.address), asked, owned } : null;
}

function withScheme(url: string, secure: boolean): string {
  return url.replace(/^https?:/, secure ? 'https:' : 'http:');
}

async function open(address: Address, options: ListenOptions): Promise<Listener> {
  const { logger, pause, findOwner } = options;
  let answer = listen(address, options);
  for (
    let attempt = 0;
    !answer.ok && answer.code === 'EADDRINUSE' && attempt < retries;
    attempt++
  ) {
    const owner = attempt === 0 ? findOwner(address) : null;
    const held = owner === null ? '' : ` (held by process ${owner.pid}: ${owner.command})`;
    logger.error(`Connection in use: ${formatAddress(address)}${held}`);
    logger.info('Retrying in 1 second.');
    await pause();
    answer = listen(address, options);
  }
  if (!answer.ok) throw refusal(address, answer);
  return {
    id: nextId++,
    fd: answer.fd,
    url: formatAddress(answer.address),
    asked: formatAddress(address),
    owned: answer.owned,
  };
}

/** What `sockets.listen` returns. */
type Answer =
  | { readonly ok: true; readonly fd: number; readonly address: Address; readonly owned: boolean }
  | { readonly ok: false; readonly code: string; readonly reason: string };

function listen(address: Address, options: ListenOptions): Answer {
  const { interpreter, backlog, umask, reusePort, owner } = options;
  const asked: Plain = { ...address };
  const ids = owner && [owner.uid, owner.gid];
  // The shape is sockets.py's, and its tests hold it.
  return interpreter.call(
    ...(['sockets', 'listen', asked, backlog, umask, reusePort, ids] as const),
  ) as unknown as Answer;
}

interface Refused {
  readonly code: string;
  readonly reason: string;
}

/** The error that a person reads: what can't be had, why, and what to do. */
function refusal(address: Address, { code, reason }: Refused): WsgiTsError {
  const url = formatAddress(address);
  const [name, why, remedy] = explain(address, code, reason);
  return new WsgiTsError(name, 'operator', `Can't listen on ${url}: ${why}`, { remedy });
}

/** Error code, reason and remedy for what the kernel said. */
function explain(address: Address, code: string, reason: string): [string, string, string] {
  switch (code) {
    case 'EADDRINUSE':
      return [
        'ERR_WSGI_ADDRESS_IN_USE',
        'the address is in use',
        'Stop the process that holds it, or listen elsewhere with --bind.',
      ];
    case 'EACCES':
    case 'EPERM':
      return ['ERR_WSGI_ADDRESS_DENIED', ...explainDenial(address)];
    case 'EADDRNOTAVAIL':
      return [
        'ERR_WSGI_ADDRESS_NOT_AVAILABLE',
        'this machine has no such address',
        'Listen on one that it has (`ip address` shows them), or on all with --bind=0.0.0.0:PORT.',
      ];
    case 'UNRESOLVED':
      return [
        'ERR_WSGI_ADDRESS_UNRESOLVED',
        `the host name can't be resolved (${reason})`,
        'Check its spelling, or give an IP address.',
      ];
    case 'NOT_A_SOCKET':
    case 'NOT_A_STREAM':
      return [
        'ERR_WSGI_ADDRESS_NOT_A_SOCKET',
        reason,
        address.kind === 'unix'
          ? 'It was left as it is. Choose another path, or move that file away.'
          : 'Name a descriptor that the parent process has opened as a listening socket.',
      ];
    default:
      return ['ERR_WSGI_ADDRESS', reason, 'Check --bind.'];
  }
}

function explainDenial(address: Address): [string, string] {
  if (address.kind !== 'tcp')
    return ['permission denied', 'Choose a folder that this user may write to.'];
  return [
    'permission denied: a port below 1024 needs a right that this user lacks',
    'Listen on a higher port (--bind=:8000) behind a reverse proxy, or give the right: in a systemd unit\n' +
      'AmbientCapabilities=CAP_NET_BIND_SERVICE, in a shell\n' +
      '  sudo setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v node)")"',
  ];
}
