// Who listens on an address that we can't have: read from Linux's /proc, as `ss -ltnp` does.
// listeners.ts asks at the first EADDRINUSE, on the master's main thread, so a slow scan costs nobody anything.
// It must never fail: where /proc is missing or tells nothing (another user's process), the answer is null.

import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import type { Address } from '../settings/address.ts';

/** A process that holds a socket. */
export interface Owner {
  readonly pid: number;
  /** Its command line, cut where it is very long. */
  readonly command: string;
}

/** proc(5): the state TCP_LISTEN of a row in /proc/net/tcp. */
const listenState = '0A';
/** The flag __SO_ACCEPTCON of a row in /proc/net/unix: somebody listens. */
const acceptsConnections = 0x10000;
const longestCommand = 200;

/**
 * Finds the process that listens on `address`, or on one that overlaps it (`0.0.0.0` and `[::]` overlap all).
 * Of several that share the socket, such as a server and its workers, it is the oldest.
 *
 * @param proc - where the proc file system is mounted
 */
export function findOwner(address: Address, proc = '/proc'): Owner | null {
  try {
    const inodes = new Set(socketInodes(address, proc));
    return inodes.size === 0 ? null : holderOf(inodes, proc);
  } catch {
    return null;
  }
}

function socketInodes(address: Address, proc: string): string[] {
  if (address.kind === 'tcp') return tcpInodes(address.host, address.port, proc);
  return address.kind === 'unix' ? unixInodes(address.path, proc) : [];
}

/** Inodes of the listening TCP sockets in the way. */
function tcpInodes(host: string, port: number, proc: string): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = ['tcp', 'tcp6'].flatMap((table) => lines(join(proc, 'net', table)).slice(1));
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, local = '', , state]) => {
      const [ip = '', boundPort] = local.split(':');
      return state === listenState && boundPort === wanted && overlaps(host, ip);
    })
    .flatMap((fields) => fields[9] ?? []);
}

/** Whether binding `host` collides with a socket bound to `ip`, given in hexadecimal as /proc writes it. */
function overlaps(host: string, ip: string): boolean {
  if (/^0+$/.test(ip)) return true;
  // A name, or IPv6: it would have to be resolved, or taken apart. That the port is the same will do.
  if (!isIPv4(host) || host === '0.0.0.0') return true;
  // The kernel prints the address as a native integer: little-endian where Node runs.
  const octets = host.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  const ours = octets.reverse().join('').toUpperCase();
  return ip === ours || ip.endsWith(`FFFF0000${ours}`);
}

function unixInodes(path: string, proc: string): string[] {
  return lines(join(proc, 'net', 'unix'))
    .slice(1)
    .flatMap((row) => {
      // Num RefCount Protocol Flags Type St Inode Path; only the path may hold spaces.
      const fields = row.trim().split(/\s+/);
      const bound = fields.slice(7).join(' ');
      const listens = (Number.parseInt(fields[3] ?? '', 16) & acceptsConnections) !== 0;
      const same = bound === path || (bound.startsWith('@') && bound.slice(1) === path.slice(1));
      return listens && same && fields[6] !== undefined ? [fields[6]] : [];
    });
}

/** The process with the lowest pid of those that have one of the sockets open. */
function holderOf(inodes: ReadonlySet<string>, proc: string): Owner | null {
  const pids = readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  const pid = pids.find((candidate) => holds(candidate, inodes, proc));
  return pid === undefined ? null : { pid, command: commandOf(pid, proc) };
}

function holds(pid: number, inodes: ReadonlySet<string>, proc: string): boolean {
  const folder = join(proc, String(pid), 'fd');
  try {
    return readdirSync(folder).some((fd) => {
      const [, inode = ''] = /^socket:\[(\d+)\]$/.exec(linkOf(join(folder, fd))) ?? [];
      return inodes.has(inode);
    });
  } catch {
    return false; // another user's, or it has ended meanwhile
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function commandOf(pid: number, proc: string): string {
  const words = readFileSync(join(proc, String(pid), 'cmdline'), 'utf8').split('\0');
  const command = words.join(' ').trim();
  return command.length > longestCommand ? `${command.slice(0, longestCommand)}…` : command;
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').trimEnd().split('\n');
  } catch {
    return []; // no IPv6: no /proc/net/tcp6
  }
}
