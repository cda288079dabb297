// Where files come from and go to: --no-sendfile, and --tmp-upload-dir.

import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCli, startServer } from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-files-'));
writeFileSync(
  join(folder, 'app.py'),
  `def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if body:
        return [b"%d" % len(body)]
    return environ["wsgi.file_wrapper"](open("/proc/self/status", "rb"))
`,
);
after(() => {
  rmSync(folder, { recursive: true });
});

describe('a file whose size the system says is 0, as in /proc', () => {
  for (const [how, args, env, isWhole] of [
    ['by default', [], {}, false],
    ['with --no-sendfile', ['--no-sendfile'], {}, true],
    ['with SENDFILE=no', [], { SENDFILE: 'no' }, true],
    ['with SENDFILE=yes', [], { SENDFILE: 'yes' }, false],
  ] as const) {
    it(`is sent ${isWhole ? 'whole' : 'as empty'} ${how}`, async () => {
      await using server = await startServer([...args, 'app:app'], { cwd: folder, env });
      const body = await (await fetch(server.url)).text();
      assert.equal(body.startsWith('Name:'), isWhole);
    });
  }
});

describe('--tmp-upload-dir', () => {
  it('is where a long body is kept while it arrives', async () => {
    const uploads = mkdtempSync(join(folder, 'uploads-'));
    const args = ['--tmp-upload-dir', uploads, 'app:app'];
    await using server = await startServer(args, { cwd: folder });
    const body = 'x'.repeat(2_000_000);
    assert.equal(await (await fetch(server.url, { method: 'POST', body })).text(), '2000000');
    rmdirSync(uploads); // it is empty: files in it have no names
    // The first is written when it is whole, and the other one before.
    for (const size of [200_000, body.length]) {
      const long = body.slice(0, size);
      assert.equal((await fetch(server.url, { method: 'POST', body: long })).status, 500);
    }
    await server.waitForOutput(/temporary files can't be used in .*uploads-/);
  });

  it('has to be there', async () => {
    const { end, stderr } = await runCli(['--tmp-upload-dir', 'nowhere', 'app:app'], {
      cwd: folder,
    });
    assert.equal(end, 1);
    assert.match(stderr, /^Error: --tmp-upload-dir: 'nowhere' is not a directory/);
  });
});
