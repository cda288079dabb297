// The hooks of a settings file in a real server: their order, what they are given, what becomes of what they say.
// Those that fail are in failing-hooks.test.ts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';
import { startServer } from '../helpers/server-process.ts';
import { apps, entries, folder, get, settingsFile } from '../helpers/settings-file.ts';

/** Writes its moment, who runs it, and what it was given, into a file that all processes append to. */
const recording = `
import os

def note(name, *told):
    with open(os.environ["HOOKS_FILE"], "a") as file:
        file.write(" ".join([name, *map(str, told)]) + "\\n")

def on_starting(server):
    note("on_starting", server.pid == os.getpid(), len(server.LISTENERS), server.cfg.workers)
def when_ready(server):
    note("when_ready", server.LISTENERS[0].getsockname()[0], str(server.LISTENERS[0])[:17], server.num_workers)
def nworkers_changed(server, new, old):
    note("nworkers_changed", new, old, server.num_workers)
def pre_fork(server, worker):
    worker.mark = f"marked {worker.age}"
    note("pre_fork", worker.pid, worker.age, server.worker_age, len(server.WORKERS))
def child_exit(server, worker):
    note("child_exit", type(worker.pid).__name__, worker.exitcode, worker.mark, worker.pid in server.WORKERS)
def on_exit(server):
    note("on_exit", server.proc_name, len(server.WORKERS))
def post_fork(server, worker):
    note("post_fork", worker.pid == os.getpid(), server.pid == worker.ppid, worker.age, hasattr(worker, "wsgi"))
def post_worker_init(worker):
    note("post_worker_init", worker.wsgi.__name__, worker.app.wsgi() is worker.wsgi, worker.booted)
def pre_request(worker, req):
    note("pre_request", req.method, req.uri, req.path, req.query, req.version, req.scheme, dict(req.headers)["HOST"])
    req.started = True
def post_request(worker, req, environ, resp):
    note("post_request", worker.nr, req.started, environ["PATH_INFO"], resp.status, resp.status_code,
         dict(resp.headers)["Content-Length"], resp.sent, resp.headers_sent)
def worker_int(worker):
    note("worker_int", worker.alive)
def worker_exit(server, worker):
    note("worker_exit", worker.nr)
`;

suite('every hook has its moment', () => {
  test('from the start to a quick stop, with what gunicorn gives', async () => {
    const file = join(folder, 'moments');
    const server = await startServer(
      [...settingsFile('moments', recording), '--workers=1', 'does_nothing:app'],
      { env: { HOOKS_FILE: file } },
    );
    assert.equal((await get(server, '/a?b=c')).text, 'Hello, World!\n');
    server.signal('SIGTTIN');
    await server.waitForReadyWorkers(2);
    assert.equal(await server.stop('SIGINT'), 0);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 10), [
      'nworkers_changed 1 None 1',
      'on_starting True 0 1',
      'when_ready 127.0.0.1 http://127.0.0.1: 1',
      'pre_fork [booting] 1 1 0',
      'post_fork True True 1 False',
      'post_worker_init app True False',
      'pre_request GET /a?b=c /a b=c (1, 1) http x',
      'post_request 1 True /a 200 OK 200 14 14 True',
      'nworkers_changed 2 1 2',
      'pre_fork [booting] 2 2 1',
    ]);
    assert.deepEqual(lines.slice(10, 12), [
      'post_fork True True 2 False',
      'post_worker_init app True False',
    ]);
    // The workers end side by side.
    assert.deepEqual(lines.slice(12, -1).sort(), [
      'child_exit int 0 marked 1 False',
      'child_exit int 0 marked 2 False',
      'worker_exit 0',
      'worker_exit 1',
      'worker_int False',
      'worker_int False',
    ]);
    assert.equal(lines.at(-1), 'on_exit does_nothing:app 0');
  });

  test('a graceful stop calls worker_exit, and not worker_int', async () => {
    const file = join(folder, 'graceful');
    const server = await startServer([...settingsFile('graceful', recording), 'does_nothing:app'], {
      env: { HOOKS_FILE: file },
    });
    assert.equal(await server.stop('SIGTERM'), 0);
    const names = readFileSync(file, 'utf8').match(/^\w+/gm);
    assert.deepEqual(names?.slice(-3), ['worker_exit', 'child_exit', 'on_exit']);
    assert.ok(!names.includes('worker_int'));
  });

  test('a worker that was killed has a negative exitcode, and child_exit comes before its successor', async () => {
    const file = join(folder, 'killed');
    await using server = await startServer(
      [...settingsFile('killed', recording), 'does_nothing:app'],
      { env: { HOOKS_FILE: file } },
    );
    const [pid = 0] = server.workerPids();
    process.kill(pid, 'SIGKILL');
    await server.waitForReadyWorkers(2);
    const lines = readFileSync(file, 'utf8').split('\n');
    const ended = lines.indexOf('child_exit int -9 marked 1 False');
    assert.notEqual(ended, -1);
    assert.equal(lines[ended + 1], 'pre_fork [booting] 2 2 0');
  });

  test('SIGABRT calls worker_abort and worker_exit, behind the report of every stack', async () => {
    const source =
      'def worker_abort(worker):\n    worker.log.critical("aborted\\x1b[1m: %s", worker.aborted)\n' +
      'def worker_exit(server, worker):\n    worker.log.debug("unseen")\n    worker.log.info("exits")\n';
    await using server = await startServer([
      ...settingsFile('abort', source),
      '--log-level=info',
      'does_nothing:app',
    ]);
    await get(server);
    process.kill(server.workerPids()[0] ?? 0, 'SIGABRT');
    await server.waitForOutput(/exited with code 1\.\n/);
    assert.match(
      server.stderr(),
      /Fatal Python error: Aborted\n[^]*\[CRITICAL\] aborted\\x1b\[1m: True\n\[[^\n]*\[INFO\] exits\n/,
    );
    assert.doesNotMatch(server.stderr(), /unseen/);
    await server.waitForOutput(/Booting worker/, { count: 2 });
  });

  test('worker.alive = False ends the worker after its request, and another takes its place', async () => {
    const source = 'def post_request(worker, req):\n    worker.alive = False\n';
    await using server = await startServer([...settingsFile('alive', source), 'does_nothing:app']);
    const [first = 0] = server.workerPids();
    assert.equal((await get(server)).status, 200);
    assert.notEqual(await server.waitForReadyWorkers(2), first);
    assert.match(server.stderr(), new RegExp(`Worker exiting \\(pid: ${first}\\)`));
    assert.doesNotMatch(server.stderr(), /exited with code|was sent/);
  });
});

suite('what hooks log and print', () => {
  test('keeps its level, in the master, in a worker and around requests', async () => {
    const source = `
def on_starting(server):
    print("printed")
    server.log.warning("one %s", 1)
    server.log.debug("below the level")
    try:
        1 / 0
    except ZeroDivisionError:
        server.log.exception("two %(n)s", {"n": 2})
def post_fork(server, worker):
    worker.log.error("three")
def post_worker_init(worker):
    worker.log.critical("four", extra={"metric": "gunicorn.workers"})
def pre_request(worker, req):
    worker.log.info("five %s", req.path)
`;
    const args = ['--log-level=info', 'does_nothing:app'];
    const server = await startServer([...settingsFile('logs', source), ...args]);
    await get(server, '/x');
    await server.waitForOutput(/five/);
    assert.equal(await server.stop(), 0);
    const found = entries(server.stderr(), /one|two|ZeroDivision|below|three|four|five/);
    assert.deepEqual(found, [
      '[WARNING] one 1',
      '[ERROR] two 2',
      'ZeroDivisionError: division by zero',
      '[ERROR] three',
      '[CRITICAL] four',
      '[INFO] five /x',
    ]);
    assert.equal(server.stdout(), 'printed\n');
  });

  test('from a thread that on_starting has started arrives too, and on_exit ends it', async () => {
    const source = `
import threading
over = threading.Event()
def work(server):
    server.log.info("working")
    over.wait()
    server.log.info("done")
def on_starting(server):
    threading.Thread(target=work, args=[server]).start()
def on_exit(server):
    over.set()
`;
    const server = await startServer([...settingsFile('thread', source), 'does_nothing:app']);
    await server.waitForOutput(/\[INFO\] working/);
    assert.equal(await server.stop(), 0);
    assert.match(server.stderr(), /Shutting down: Master\n.*Served .*\n\[[^\n]*\[INFO\] done\n$/);
  });

  test('a thread that never ends does not keep the server from its end', async () => {
    const source = `
import threading
def on_starting(server):
    threading.Thread(target=threading.Event().wait).start()
`;
    const server = await startServer([
      ...settingsFile('endless', source),
      '--graceful-timeout=0',
      'does_nothing:app',
    ]);
    assert.equal(await server.stop(), 0);
    assert.match(server.stderr(), /\[WARNING\] A thread that \S+endless\.conf\.py has started/);
  });
});

suite('the hooks around requests', () => {
  test('what pre_request changes, the app sees', async () => {
    const source = `
def pre_request(worker, req):
    req.headers = [(n, v) for n, v in req.headers if n != "X-DROP"] + [("X-ADDED", "yes")]
    req.path = "/changed%20path"
    req.query = "q=1"
`;
    await using server = await startServer([
      ...settingsFile('changes', source),
      'environ_shown:app',
    ]);
    using client = await connect(server.port);
    await client.send('GET /a?b HTTP/1.1\r\nHost: x\r\nX-Drop: 1\r\nX-Keep: 2\r\n\r\n');
    const environ = (await client.readResponse()).text;
    for (const seen of ['/changed path', 'q=1', 'HTTP_X_ADDED', 'HTTP_X_KEEP'])
      assert.ok(environ.includes(seen), environ);
    assert.ok(!environ.includes('HTTP_X_DROP'), environ);
  });

  test('post_request does not hold up the answer', async () => {
    await using gate = await openGate();
    const source = `
import sys
sys.path.insert(0, ${JSON.stringify(apps)})
def post_request(worker, req):
    from gate import Gate
    Gate({"QUERY_STRING": ${JSON.stringify(gate.query)}}).ask("after")
`;
    await using server = await startServer([...settingsFile('slow', source), 'does_nothing:app']);
    assert.equal((await get(server)).text, 'Hello, World!\n');
    assert.equal(await gate.said(), 'after');
    gate.letGo();
  });
});
