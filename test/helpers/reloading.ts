// A Python project under development, served with --reload, for the tests of that: files that are saved, and a
// server that watches them. Made anew for each test, removed at the end of its file.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { Browser, type Answer } from './browser.ts';
import { startServer, type ServerProcess } from './server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-reload-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** An app that answers with this Python expression, of type str. */
export function answering(expression: string): string {
  return (
    'def app(environ, start_response):\n' +
    '    start_response("200 OK", [("Content-Type", "text/plain")])\n' +
    `    return [(${expression}).encode()]\n`
  );
}

let count = 0;

/** A project's folder. */
export interface Project {
  readonly top: string;
  readonly path: (name: string) => string;
  readonly save: (name: string, text: string) => void;
}

/** Makes one with these files. */
export function project(files: Readonly<Record<string, string>>): Project {
  const top = join(folder, `project${String(count++)}`);
  const path = (name: string): string => join(top, name);
  const save = (name: string, text: string): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text);
  };
  for (const [name, text] of Object.entries(files)) save(name, text);
  return { top, path, save };
}

/** Serves the project, and waits until it is watched. */
export async function serve(top: string, ...args: string[]): Promise<ServerProcess> {
  const app = args.at(-1)?.includes(':') === true ? [] : ['app:app'];
  const server = await startServer(['--reload', '--chdir', top, ...args, ...app]);
  await server.waitForOutput(/Reloader is watching/);
  return server;
}

/** Its first page, as a browser or whoever asks. */
export function get(server: ServerProcess, accept = '*/*'): Promise<Answer> {
  return new Browser(server.url).get('/', { Accept: accept });
}
