// Settings files for tests of hooks: written into a folder that goes with the test file.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { connect, type RawResponse } from './raw-client.ts';
import { inRepository } from './repository.ts';
import type { ServerProcess } from './server-process.ts';

/** Where the fixture apps are. */
export const apps = inRepository('fixtures', 'apps');

/** Where the settings files are, and whatever else a test writes. */
export const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-hooks-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** Arguments for a server of a fixture app that has a settings file with this source: `NAME.conf.py`. */
export function settingsFile(name: string, source: string): string[] {
  const file = join(folder, `${name}.conf.py`);
  writeFileSync(file, source);
  return ['-c', file, '--chdir', apps];
}

/** One request on a connection of its own. */
export async function get(server: ServerProcess, path = '/'): Promise<RawResponse> {
  using client = await connect(server.port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return await client.readResponse();
}

/** The lines of a log that match, without time and pid. */
export function entries(text: string, pattern: RegExp): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/^\[[^\]]*\] \[\d+\] /, ''))
    .filter((line) => pattern.test(line));
}
