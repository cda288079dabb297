// The same requests to the command and to a place where an app is plugged in, and the answers side by side: status line,
// fields in their order and spelling, and body are equal, byte for byte, but for what is written here.
// For a plug: `recordCommand(site)` once, `visitSite(site, overSocket(url))` at the plug, which serves a copy of the same
// data, then `assertSame`.

import assert from 'node:assert/strict';
import { testPythonEnvironment } from './python-environment.ts';
import { startServer } from './server-process.ts';
import type { PreparedSite, Site } from './sites.ts';
import { Visitor, overSocket, type Received, type Visit, type Way } from './visitor.ts';

/** Fields that are the listening server's, not the app's; a plug's server is not ours. */
const serversOwn: ReadonlySet<string> = new Set([
  'date', // the moment
  'connection', // how long a connection is kept is the server's to say
  'keep-alive',
]);

/** What besides may differ at a plug. Each entry has to be there: a list that is too long says nothing. */
export interface Differences {
  /** Fields, in lower case, that the framework adds to every answer: `x-powered-by`. */
  readonly added?: readonly string[];
  /**
   * The framework keeps fields by name: those of one name come one after the other, at the place of the first, where the
   * app had others between them (RFC 9110 §5.3: their order among others has no meaning).
   */
  readonly gathered?: boolean;
  /** There is no line of HTTP/1 to see, and names are in lower case: an injected request. */
  readonly parsed?: boolean;
}

/** Visits a site, and returns what was asked and answered. */
export async function visitSite(site: Site, way: Way): Promise<readonly Visit[]> {
  const visitor = new Visitor(way);
  await site.visit(visitor);
  return visitor.record;
}

/** Visits a site at the command: one worker, one thread. */
export async function recordCommand({ site, env }: PreparedSite): Promise<readonly Visit[]> {
  const { python } = testPythonEnvironment();
  await using server = await startServer(['--chdir', site.chdir, '--python', python, site.app], {
    env,
  });
  return await visitSite(site, overSocket(server.url));
}

/** Compares the visits to a site, answer by answer. */
export function assertSame(
  site: Site,
  plug: readonly Visit[],
  command: readonly Visit[],
  differences: Differences = {},
): void {
  assert.deepEqual(
    plug.map(({ title }) => title),
    command.map(({ title }) => title),
  );
  for (const [index, { title, received }] of plug.entries()) {
    for (const name of differences.added ?? []) {
      assert.ok(
        received.headers.some(([key]) => key.toLowerCase() === name),
        `${title}: no field ${name}, which the plug is said to add`,
      );
    }
    const other = command[index]?.received;
    assert.ok(other);
    assert.deepEqual(
      plain(site, received, differences),
      plain(site, other, differences),
      `${site.name}, ${title}`,
    );
  }
}

/** An answer as it is compared. */
function plain(site: Site, received: Received, differences: Differences): unknown {
  const left = new Set([...serversOwn, ...(differences.added ?? [])]);
  const { parsed = false, gathered = false } = differences;
  const kept = received.headers.filter(([name]) => !left.has(name.toLowerCase()));
  const headers = gathered ? gather(kept) : kept;
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? 'text';
  return {
    line: `${parsed ? '' : received.version} ${String(received.status)} ${received.reason}`,
    headers: headers
      .map(([name, value]) => `${parsed ? name.toLowerCase() : name}: ${value}`)
      .map((line) => steady(site, line)),
    body: /^(text|application\/json)/.test(type)
      ? steady(site, received.body.toString('utf8'))
      : received.body.toString('base64'),
  };
}

/** Fields of one name behind the first of them. */
function gather(
  fields: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const names = [...new Set(fields.map(([name]) => name.toLowerCase()))];
  return names.flatMap((name) => fields.filter(([key]) => key.toLowerCase() === name));
}

function steady(site: Site, text: string): string {
  return site.volatile.reduce((all, pattern) => all.replaceAll(pattern, '…'), text);
}
