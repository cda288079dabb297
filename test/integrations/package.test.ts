// The package as somebody installs it: into an empty TypeScript project with `strict`, by either way of resolving modules;
// from CommonJS; and before the tools that look at what is published.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { install, pack } from '../helpers/packed.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-package-')));
const project = join(folder, 'project');
let tarball = '';

before(() => {
  tarball = pack(folder);
  install(tarball, join(project, 'node_modules'));
});
after(() => {
  fs.rmSync(folder, { recursive: true });
});

const target = JSON.stringify({
  ...{ module: 'app', callable: 'app', chdir: inRepository('fixtures', 'tutorial') },
});

const program = `
import { createHandler, WsgiTsError, type AppHandler, type InjectResponse } from 'wsgi-ts';
import { wsgi as forExpress } from 'wsgi-ts/express';
import { wsgi as forFastify, type FastifyWsgiOptions } from 'wsgi-ts/fastify';
import express from 'express';
import Fastify from 'fastify';

const handler: AppHandler = createHandler(${target}, { threads: 2 });
const answer: InjectResponse = await handler.inject({ method: 'GET', url: '/' });
await handler.close();
const options: FastifyWsgiOptions = { target: ${target} };
const app = Fastify();
app.register(forFastify, { ...options, prefix: '/flask' });
const byFastify = await app.inject('/flask/');
await app.close();
express().use('/flask', forExpress(${target}));
const closed: unknown = await handler.inject('/').catch((error: unknown) => error);
console.log(answer.body, byFastify.body, closed instanceof WsgiTsError && closed.code);
`;

function run(file: string, args: readonly string[]): string {
  try {
    const env = activatedEnvironment({ PYTHONDONTWRITEBYTECODE: '1' });
    return execFileSync(file, args, { cwd: project, env, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${[file, ...args].join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

const bin = (name: string): string => inRepository('node_modules', '.bin', name);

/** Compiles the program in a project of this kind, and returns where its JavaScript is. */
function compile(name: string, compilerOptions: Readonly<Record<string, unknown>>): string {
  const place = join(project, name);
  fs.mkdirSync(place);
  fs.writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  fs.writeFileSync(join(place, 'main.ts'), program);
  const common = { strict: true, target: 'es2023', types: ['node'], outDir: 'out' };
  const configuration = { compilerOptions: { ...common, ...compilerOptions }, files: ['main.ts'] };
  fs.writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(configuration));
  run(bin('tsc'), ['-p', place]);
  return join(place, 'out', 'main.js');
}

const printed = /^Hello from Flask App\n Hello from Flask App\n ERR_WSGI_CLOSED\n$/;

describe('the package', { concurrency: true }, () => {
  test('compiles and runs with moduleResolution nodenext, its own types looked at', () => {
    const strictest = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
    const main = compile('nodenext', { module: 'nodenext', ...strictest });
    assert.match(run(process.execPath, [main]), printed);
  });

  test('compiles with moduleResolution bundler', () => {
    compile('bundler', { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true });
  });

  test('can be used from CommonJS', () => {
    const report = (load: string): string =>
      `${load}.then(async ({ createHandler }) => {
        const handler = createHandler(${target});
        console.log((await handler.inject('/')).body);
        await handler.close();
      });`;
    const loads = ["import('wsgi-ts')"];
    // On by default from Node 22.12 and 20.19 on.
    if ('require_module' in process.features) loads.push("Promise.resolve(require('wsgi-ts'))");
    for (const load of loads) {
      const file = join(project, 'main.cjs');
      fs.writeFileSync(file, report(load));
      assert.equal(run(process.execPath, ['--no-warnings', file]), 'Hello from Flask App\n\n');
    }
  });

  test('has nothing that publint or are-the-types-wrong would mend', () => {
    run(bin('attw'), [tarball, '--profile', 'esm-only']);
    run(bin('publint'), ['--strict', tarball]);
  });
});
