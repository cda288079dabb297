// What follows when a hook of a settings file raises, or can't be called at all.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { makeCertificate } from '../helpers/certificates.ts';
import { runCli, startServer } from '../helpers/server-process.ts';
import { entries, get, settingsFile } from '../helpers/settings-file.ts';

suite('a hook that raises', () => {
  const failing = (name: string, parameters: string): string[] => [
    ...settingsFile(`fails_${name}`, `def ${name}(${parameters}):\n    {}["boom"]\n`),
    '--bind=127.0.0.1:0',
    'does_nothing:app',
  ];
  const shown = (name: string, file = `fails_${name}`): RegExp =>
    new RegExp(
      `The hook ${name} failed: KeyError: 'boom'\\n` +
        `Traceback \\(most recent call last\\):\\n  File "[^"]+${file}\\.conf\\.py", line 2, in ${name}\\n` +
        String.raw`(?:    [^\n]+\n)+KeyError: 'boom'\n`,
    );

  for (const [name, parameters] of [
    ['nworkers_changed', 'server, new, old'],
    ['on_starting', 'server'],
    ['when_ready', 'server'],
  ] as const) {
    test(`${name} keeps the server from starting, with the exit code 1`, async () => {
      const { end, stderr } = await runCli(failing(name, parameters));
      assert.equal(end, 1);
      assert.match(stderr, shown(name));
      assert.doesNotMatch(stderr, /Booting worker|wsgi_ts/);
    });
  }

  for (const [name, parameters] of [
    ['pre_fork', 'server, worker'],
    ['post_fork', 'server, worker'],
    ['post_worker_init', 'worker'],
  ] as const) {
    test(`${name} is a worker that failed to boot: the exit code is 3`, async () => {
      const { end, stderr } = await runCli(failing(name, parameters));
      assert.equal(end, 3);
      assert.match(stderr, shown(name));
      assert.match(stderr, /Reason: Worker failed to boot\.\n/);
      assert.doesNotMatch(stderr, /wsgi_ts/);
    });
  }

  test('sys.exit(N) in on_starting ends the server with N', async () => {
    const source = 'import sys\ndef on_starting(server):\n    sys.exit(7)\n';
    const { end, stderr } = await runCli([
      ...settingsFile('exits', source),
      '--bind=127.0.0.1:0',
      'does_nothing:app',
    ]);
    assert.equal(end, 7);
    assert.match(stderr, /The hook on_starting failed: it called sys\.exit\(7\)/);
  });

  test('pre_request is a 500, and post_request is called without a response', async () => {
    const source = `
def pre_request(worker, req):
    if req.path == "/fail":
        raise SystemExit(1)
def post_request(worker, req, environ, resp):
    worker.log.info("after %s %s %s", req.path, len(environ) > 0, resp and resp.status)
`;
    await using server = await startServer([
      ...settingsFile('pre_request', source),
      'does_nothing:app',
    ]);
    assert.equal((await get(server, '/fail')).status, 500);
    assert.equal((await get(server, '/fine')).status, 200);
    await server.waitForOutput(/after \/fine/);
    assert.deepEqual(entries(server.stderr(), /after|pre_request failed/), [
      '[ERROR] GET /fail from 127.0.0.1: The hook pre_request failed: SystemExit: 1',
      '[INFO] after /fail False None',
      '[INFO] after /fine True 200 OK',
    ]);
    assert.equal(server.workerPids().length, 1);
  });

  test('post_request, child_exit, worker_int, worker_exit and on_exit are logged, and all goes on', async () => {
    const names = {
      post_request: 'worker, req',
      worker_int: 'worker',
      worker_exit: 'server, worker',
      child_exit: 'server, worker',
      on_exit: 'server',
    };
    const source = Object.entries(names).map(
      ([name, parameters]) => `def ${name}(${parameters}):\n    raise OSError("${name} broke")\n`,
    );
    const server = await startServer([
      ...settingsFile('logged', source.join('')),
      'does_nothing:app',
    ]);
    assert.equal((await get(server)).status, 200);
    assert.equal(await server.stop('SIGINT'), 0);
    for (const name of Object.keys(names)) {
      assert.match(
        server.stderr(),
        new RegExp(`\\[ERROR\\] The hook ${name} failed: OSError: ${name} broke\\nTraceback`),
      );
    }
    assert.doesNotMatch(server.stderr(), /python\/wsgi_ts/);
  });

  test('once a worker has been ready, pre_fork only delays the next one', async () => {
    const source = `
failed = []
def pre_fork(server, worker):
    if worker.age == 2:
        raise RuntimeError("not now")
`;
    await using server = await startServer([...settingsFile('later', source), 'does_nothing:app']);
    process.kill(server.workerPids()[0] ?? 0, 'SIGTERM');
    await server.waitForOutput(/A worker could not be started: The hook pre_fork failed/);
    await server.waitForReadyWorkers(2);
    assert.equal((await get(server)).status, 200);
  });
});

suite('a hook that can’t be called as it will be', () => {
  for (const [what, source, text] of [
    [
      'arity',
      'def pre_fork(server): pass\n',
      /the hook `pre_fork` takes \(server\)\nIt is called as pre_fork\(server, worker\)\./,
    ],
    ['kind', 'on_exit = 3\n', /the hook `on_exit` is of type int, which can't be called/],
    [
      'module',
      'post_fork = "no_such_module.f"\n',
      /the hook `post_fork` names 'no_such_module\.f', which can't be imported: ModuleNotFoundError/,
    ],
    [
      'attribute',
      'post_fork = "os.no_such"\n',
      /the hook `post_fork` names 'os\.no_such', but `os` has no `no_such`/,
    ],
  ] as const) {
    test(`${what}: the start is refused, with file, hook and what is expected`, async () => {
      const { end, stderr } = await runCli([
        ...settingsFile(what, source),
        '--bind=127.0.0.1:0',
        'does_nothing:app',
      ]);
      assert.equal(end, 1);
      assert.match(stderr, text);
      assert.match(stderr, new RegExp(`${what}\\.conf\\.py: the hook`));
      assert.doesNotMatch(stderr, /Listening/);
    });
  }

  test('ssl_context is refused where there is TLS, and is nobody’s business elsewhere', async () => {
    const file = settingsFile('ssl', 'def ssl_context(config, factory):\n    return factory()\n');
    const { cert, key } = makeCertificate();
    const tls = ['--certfile', cert, '--keyfile', key];
    const { end, stderr } = await runCli([
      ...file,
      ...tls,
      '--bind=127.0.0.1:0',
      'does_nothing:app',
    ]);
    assert.equal(end, 1);
    assert.match(stderr, /`ssl_context` can't be used: TLS is Node's here[^]*tls_minimum_version/);
    await using server = await startServer([...file, 'does_nothing:app']);
    assert.equal((await get(server)).status, 200);
  });
});
