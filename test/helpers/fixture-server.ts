// Servers of the apps in fixtures/apps, and requests to them as raw bytes. One server process serves a fixture
// module for all tests of a file: it starts when the first test needs it, and `after(stopFixtures)` ends it.
// Each has one worker of one thread unless a test says otherwise: a second request then runs after the first
// one is over, its close() included, so that it can tell what became of it.

import assert from 'node:assert/strict';
import { connect } from './raw-client.ts';
import type { RawClient, RawResponse } from './raw-client.ts';
import { inRepository } from './repository.ts';
import { startServer } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

/** Parts of a request; what is left out is a GET over HTTP/1.1 with no body. */
export interface RequestParts {
  readonly method?: string;
  readonly version?: string;
  /** Fields besides `Host`; where `Host` is among them, that one alone is sent. */
  readonly headers?: readonly (readonly [string, string])[];
  /** Sent with its `Content-Length`, unless `headers` say how it is framed. */
  readonly body?: string | Uint8Array;
}

const servers = new Map<string, Promise<ServerProcess>>();

/**
 * Ends the servers in order, each with the exit code 0; for the end of a suite. One that never started has
 * failed the test that wanted it.
 */
export async function stopFixtures(): Promise<void> {
  const all = await Promise.allSettled(servers.values());
  servers.clear();
  const started = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const codes = await Promise.all(started.map((server) => server.stop()));
  assert.deepEqual(new Set(codes), new Set(started.length > 0 ? [0] : []));
}

/**
 * The server of a fixture module, the same one at each call.
 *
 * @param app - a module of fixtures/apps, or `module:name`
 * @param args - options besides `--chdir`; other options are another server
 */
export async function fixture(app: string, ...args: string[]): Promise<ServerProcess> {
  const target = app.includes(':') ? app : `${app}:app`;
  const key = [...args, target].join(' ');
  const known = servers.get(key);
  if (known) return known;
  const started = startServer(['--chdir', inRepository('fixtures', 'apps'), ...args, target]);
  servers.set(key, started);
  return started;
}

/** Opens a connection to a fixture's server. */
export async function open(app: string): Promise<RawClient> {
  return connect((await fixture(app)).port);
}

/** A request's bytes. */
export function requestBytes(target: string, parts: RequestParts = {}): Buffer {
  const { method = 'GET', version = 'HTTP/1.1', headers = [], body } = parts;
  const has = (name: string): boolean => headers.some(([key]) => key.toLowerCase() === name);
  const fields = [...headers];
  if (!has('host')) fields.unshift(['Host', 'fixture.example']);
  const content = Buffer.from(body ?? '');
  if (body !== undefined && !has('content-length') && !has('transfer-encoding')) {
    fields.push(['Content-Length', String(content.length)]);
  }
  const lines = [`${method} ${target} ${version}`, ...fields.map((field) => field.join(': '))];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content]);
}

/** Sends one request on a connection of its own and reads the answer. */
export async function ask(
  app: string,
  target: string,
  parts: RequestParts = {},
): Promise<RawResponse> {
  using client = await open(app);
  await client.send(requestBytes(target, parts));
  return await client.readResponse(parts.method);
}

/** The same over HTTP/1.0, where there are no chunks: the head, and all that follows until the end. */
export async function askOldClient(app: string, target: string): Promise<RawResponse> {
  using client = await open(app);
  await client.send(requestBytes(target, { version: 'HTTP/1.0' }));
  return await client.readResponse();
}

/** An answer's JSON, whose shape the fixture app defines. */
export function json(response: RawResponse): unknown {
  return JSON.parse(response.text);
}

/**
 * Sends a request that must go wrong, and reads all that comes until the server closes the connection.
 *
 * @returns the bytes as latin-1 text
 */
export async function askUntilClosed(
  app: string,
  target: string,
  parts: RequestParts = {},
): Promise<string> {
  using client = await open(app);
  await client.send(requestBytes(target, parts));
  return (await client.readUntilClosed()).toString('latin1');
}
