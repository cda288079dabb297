// A program that has nothing but a request on its way: Node ends where only Python still works.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

test('a request without a socket, from whatever framework, keeps its program until it is answered', () => {
  const index = pathToFileURL(inRepository('dist', 'src', 'index.js')).href;
  const program = `
    import inject from 'light-my-request';
    import { createHandler } from '${index}';
    const handler = createHandler('timed_views:app', { chdir: '${inRepository('fixtures', 'apps')}' });
    await handler.ready;
    const { statusCode } = await inject(handler, '/100');
    await handler.close();
    console.log(statusCode);`;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: inRepository(),
    env: activatedEnvironment(),
    encoding: 'utf8',
  });
  assert.equal(said, '200\n');
});
