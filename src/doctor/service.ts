// The doctor's look at what is to be served: whether each address can be had, and the app can be imported. Called by
// checkup.ts. It binds an address for a moment, and it runs the app's own code, in a process of its own.

import { accessSync, constants } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import type { LoadFailure } from '../bridge/load-failure.ts';
import { findOwner } from '../master/port-owner.ts';
import { parseAddress, type Address } from '../settings/address.ts';
import type { Settings } from '../settings/table.ts';
import { environmentVariables } from '../settings/value-types.ts';
import type { Finding } from './finding.ts';
import { runProbe } from './probe-run.ts';

/** Seconds an import may take before it is worth a word: every new worker takes as long. */
const slowImport = 10;
/** Lines of a crashed process's last words that are shown. */
const linesShown = 10;

/** Each address of --bind. */
export function lookAtAddresses({ bind }: Settings): Promise<Finding[]> {
  return Promise.all(
    bind.map(async (text) => {
      const address = parseAddress(text);
      const code = await bindOnce(address);
      return code === null
        ? { name: 'bind', state: 'good' as const, text: `${text} is free` }
        : refusedAddress(text, address, code);
    }),
  );
}

/** Binds and lets go. @returns the system's error code, or null */
async function bindOnce(address: Address): Promise<string | null> {
  if (address.kind === 'fd') return null;
  try {
    if (address.kind === 'unix') {
      if (await answers(address.path)) return 'EADDRINUSE';
      accessSync(dirname(address.path), constants.W_OK);
      return null;
    }
    const server = createServer().listen({ host: address.host, port: address.port });
    await once(server, 'listening');
    server.close();
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Whether somebody accepts connections at a unix socket. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function refusedAddress(text: string, address: Address, code: string): Finding {
  const name = 'bind';
  if (code === 'EADDRINUSE') {
    const owner = findOwner(address);
    const by = owner === null ? 'another process' : `process ${owner.pid}: ${owner.command}`;
    const isOurs = owner !== null && /wsgi-ts|dist\/src\/cli\.js/.test(owner.command);
    return {
      ...{ name, state: isOurs ? 'warning' : 'problem' },
      text: `${text} is taken by ${by}`,
      remedy: isOurs
        ? 'A running wsgi-ts: stop it before you start another one.'
        : 'Stop it, or choose another --bind.',
    };
  }
  if (code === 'EACCES') {
    const remedy =
      'Ports below 1024, and folders of others, need the right to them: choose another --bind.';
    return { name, state: 'problem', text: `${text} may not be used (EACCES)`, remedy };
  }
  return {
    name,
    state: 'problem',
    text: `${text} can't be had (${code})`,
    remedy: 'Choose another --bind.',
  };
}

/** The app: whether it can be imported, and how long that takes. */
export async function lookAtApp(app: string, settings: Settings): Promise<Finding> {
  const name = 'app';
  const { python, chdir, pythonpath } = settings;
  const env = environmentVariables(settings.env);
  const answer = await runProbe({ python, chdir, pythonpath, env, app });
  if ('death' in answer) {
    const traceback = answer.stderr.trim().split('\n').slice(0, linesShown).join('\n');
    const remedy = 'The stack above says where. Does it import under plain python3?';
    return {
      name,
      state: 'problem',
      text: `Importing ${app} ends the process: ${answer.death}`,
      traceback,
      remedy,
    };
  }
  if ('problem' in answer) {
    const { message, remedy } = answer.problem;
    return { name, state: 'problem', text: message, ...(remedy === null ? {} : { remedy }) };
  }
  const result = answer.result as ({ ok: true } | LoadFailure) & { seconds: number };
  if (!result.ok) {
    const { message, remedy, traceback } = result;
    return {
      ...{ name, state: 'problem', text: message },
      ...(remedy === null ? {} : { remedy }),
      ...(traceback === null ? {} : { traceback }),
    };
  }
  const text = `${app} is imported in ${result.seconds.toFixed(2)} s`;
  if (result.seconds < slowImport) return { name, state: 'good', text };
  const remedy = 'Each worker takes as long to start. `python3 -X importtime` shows where it goes.';
  return { name, state: 'warning', text, remedy };
}
