// Config files as people write them (fixtures/gunicorn-conf), and what the real command makes of each.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { connectTls } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, startServer } from '../helpers/server-process.ts';
import type { CliResult, ServerOptions } from '../helpers/server-process.ts';
import { makeCertificate } from '../helpers/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-config-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const fixture = (name: string): string => inRepository('fixtures', 'gunicorn-conf', name);

/** A folder with a config file, and an app beside it. */
function written(name: string, text: string, file = 'gunicorn.conf.py'): string {
  const directory = join(folder, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, file), text);
  const app =
    'def app(environ, start_response):\n    start_response("200 OK", [])\n    return []\n';
  writeFileSync(join(directory, 'app.py'), app);
  return directory;
}

/** What `--print-config` says: the settings, as Python writes them, with their sources. */
function configuration({ stdout }: CliResult): Record<string, { value: string; source: string }> {
  return Object.fromEntries(
    [...stdout.matchAll(/^(\w+) += (.*?) {2}# (.*)$/gm)].map(
      ([, name = '', value = '', source = '']) => [name, { value, source }],
    ),
  );
}

async function printed(cwd: string, args: readonly string[] = [], env: ServerOptions['env'] = {}) {
  const result = await runCli(['--print-config', ...args], { cwd, env });
  assert.equal(result.end, 0, result.stderr);
  return { ...result, settings: configuration(result) };
}

/** The app of the fixtures says what it sees. */
interface Shown {
  readonly pid: number;
  readonly scheme: string;
  readonly multiprocess: boolean;
  readonly multithread: boolean;
  readonly variables: Readonly<Record<string, string>>;
}

async function shown(url: string, headers: Record<string, string> = {}): Promise<Shown> {
  return (await (await fetch(url, { headers })).json()) as Shown;
}

describe('a config file as people write it', () => {
  it('computes workers by the cores, and names the app', async () => {
    const { settings } = await printed(fixture('cpu-count'));
    const source = `config file ${join(fixture('cpu-count'), 'gunicorn.conf.py')}`;
    assert.deepEqual(settings['threads'], { value: '4', source });
    assert.deepEqual(settings['wsgi_app'], { value: '"app:app"', source });
    assert.equal(settings['keepalive']?.value, '5');
    assert.equal(Number(settings['workers']?.value) % 2, 1);
    assert.ok(Number(settings['workers']?.value) >= 2 * availableParallelism() + 1);
  });

  it('takes everything from the environment, and prints what it likes', async () => {
    const { settings, stdout, stderr } = await printed(fixture('environ'), ['app:app'], {
      ...{ WEB_CONCURRENCY: '3', PORT: '5050', LOG_LEVEL: 'warning', TIMEOUT: '7' },
    });
    assert.equal(settings['workers']?.value, '3');
    assert.equal(settings['bind']?.value, '["127.0.0.1:5050"]');
    assert.equal(settings['loglevel']?.value, '"warning"');
    assert.equal(settings['timeout']?.value, '7');
    assert.match(stdout, /^\{"loglevel": "warning", .*"port": "5050"\}$/m);
    assert.doesNotMatch(stderr, /host|port|use_|cores/);
  });

  it('gives variables to the app, in raw_env and in os.environ', async () => {
    await using server = await startServer([], { cwd: fixture('raw-env') });
    assert.deepEqual((await shown(server.url)).variables, {
      SHOP_DATABASE: 'postgres://shop:secret@db/shop?sslmode=require',
      SHOP_GREETING: 'hello = world ',
      SHOP_FROM_FILE: 'yes',
    });
  });

  it('imports a module beside it', async () => {
    const { settings, stderr } = await printed(fixture('sibling-module'));
    assert.equal(settings['workers']?.value, '2');
    assert.equal(settings['threads']?.value, '3');
    assert.equal(settings['timeout']?.value, '45');
    assert.equal(stderr, '');
  });

  it('has hooks, of which none is a typing error', async () => {
    const { stderr } = await printed(fixture('hooks'));
    assert.equal(stderr, '');
  });

  it('listens at a unix socket, with pid file and logs beside it', async () => {
    const { settings } = await printed(fixture('unix-socket'), [], { SHOP_RUN: '/srv/run' });
    assert.equal(settings['bind']?.value, '["unix:/srv/run/shop.sock"]');
    assert.equal(settings['pidfile']?.value, '"/srv/run/shop.pid"');
    assert.equal(settings['errorlog']?.value, '"/srv/run/error.log"');
  });

  it('serves TLS', async () => {
    const { cert, key } = makeCertificate();
    const certificates = join(folder, 'certificates');
    mkdirSync(certificates);
    copyFileSync(cert, join(certificates, 'server.crt'));
    copyFileSync(key, join(certificates, 'server.key'));
    copyFileSync(cert, join(certificates, 'ca.crt'));
    const env = { SHOP_CERTIFICATES: certificates };
    await using server = await startServer([], { cwd: fixture('tls'), env });
    using client = await connectTls(server.port);
    await client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const { text } = await client.readResponse();
    assert.equal((JSON.parse(text) as Shown).scheme, 'https');
  });

  it('says by which fields a proxy tells of https, in a dict', async () => {
    await using server = await startServer([], { cwd: fixture('behind-proxy') });
    assert.equal((await shown(server.url)).scheme, 'http');
    assert.equal((await shown(server.url, { 'X-ALB-Scheme': 'https' })).scheme, 'https');
    assert.equal((await shown(server.url, { 'X-Forwarded-SSL': 'on' })).scheme, 'http');
  });

  it('leads to a Django project elsewhere, whose Python goes on running', async () => {
    const config = join(fixture('django'), 'gunicorn.conf.py');
    await using server = await startServer(['-c', config, '--workers', '1'], { cwd: folder });
    const answer = await fetch(`${server.url}/nowhere/`);
    assert.equal(answer.status, 404);
  });

  it('has typing errors, which are told in one line with what may be meant', async () => {
    const { stderr, settings } = await printed(fixture('typing-errors'));
    const [line = '', ...more] = stderr.split('\n').filter((one) => /no settings/.test(one));
    assert.equal(more.length, 0);
    assert.match(line, /^Warning: \/.*gunicorn\.conf\.py sets names that are no settings/);
    for (const said of [
      'worker (line 11; did you mean workers?)',
      'time_out (line 12; did you mean timeout?)',
      'access_logfile (line 13; did you mean accesslog?)',
      'keep_alive (line 14; did you mean keepalive?)',
      'preload (line 15',
    ]) {
      assert.ok(line.includes(said), `${said} is not in: ${line}`);
    }
    assert.doesNotMatch(line, /project_name|_private|BASE_DIR|describe/);
    assert.equal(settings['workers']?.value, '1');
  });

  it('has settings without a use, which are told in the log, and the server starts', async () => {
    await using server = await startServer([], { cwd: fixture('without-use') });
    assert.equal((await fetch(server.url)).status, 200);
    const warnings = [...server.stderr().matchAll(/\[WARNING\] (.*)$/gm)].map(([, text]) => text);
    assert.deepEqual(
      warnings.map(
        (text) =>
          /worker_class|control_socket(?:_\w+)?|http_parser|dirty_\w+/.exec(text ?? '')?.[0],
      ),
      ['worker_class', 'http_parser', 'dirty_workers', 'control_socket'],
    );
    const [starting = '', warning = ''] = server.stderr().split('\n');
    assert.match(starting, /Starting wsgi-ts/);
    assert.match(warning, /\[WARNING\] worker_class 'gevent' .*--threads/);
  });
});

describe('the layers', () => {
  it('have the last word in their order, each under its name', async () => {
    const cwd = written('layers', 'workers = 2\nthreads = 2\ntimeout = 2\nbacklog = 2\n');
    const { settings } = await printed(cwd, ['--threads', '5', 'app:app'], {
      WEB_CONCURRENCY: '9',
      PORT: '5000',
      GUNICORN_CMD_ARGS: '--threads 3 --timeout 3 --backlog 3',
      WSGI_TS_CMD_ARGS: '--backlog=4',
    });
    const file = `config file ${join(cwd, 'gunicorn.conf.py')}`;
    assert.deepEqual(settings['bind'], { value: '["0.0.0.0:5000"]', source: 'environment PORT' });
    assert.deepEqual(settings['workers'], { value: '2', source: file });
    assert.deepEqual(settings['timeout'], { value: '3', source: 'GUNICORN_CMD_ARGS' });
    assert.deepEqual(settings['backlog'], { value: '4', source: 'WSGI_TS_CMD_ARGS' });
    assert.deepEqual(settings['threads'], { value: '5', source: 'command line' });
  });

  for (const [how, args, env] of [
    ['--config PATH', ['-c', 'deploy.py'], {}],
    ['--config file:PATH', ['--config', 'file:deploy.py'], {}],
    ['--config python:MODULE', ['-c', 'python:deploy'], {}],
    ['GUNICORN_CMD_ARGS', [], { GUNICORN_CMD_ARGS: "-c 'deploy.py'" }],
    ['WSGI_TS_CMD_ARGS', [], { GUNICORN_CMD_ARGS: '-c no.py', WSGI_TS_CMD_ARGS: '-c deploy.py' }],
  ] as const) {
    it(`let the config file be named by ${how}`, async () => {
      const cwd = written('named', 'workers = 6\n', 'deploy.py');
      const { settings } = await printed(cwd, [...args, 'app:app'], env);
      assert.equal(settings['workers']?.value, '6');
    });
  }

  it('read the file in the directory of the start, and not in --chdir', async () => {
    const cwd = written('start', 'workers = 7\n');
    written('start/site', 'workers = 8\n');
    const { settings } = await printed(cwd, ['--chdir', 'site', 'app:app']);
    assert.equal(settings['workers']?.value, '7');
    assert.equal(settings['chdir']?.value, `"${join(cwd, 'site')}"`);
  });

  it('report what is wrong with the place and the line, all of it at once', async () => {
    const text = 'workers = "many"\nbind = 5\ntimeout = None\nreload = 1\ndef threads(): pass\n';
    const cwd = written('wrong', text);
    const { end, stderr, stdout } = await runCli(['app:app'], { cwd });
    const file = join(cwd, 'gunicorn.conf.py');
    assert.equal(end, 1);
    assert.equal(stdout, '');
    for (const line of [
      `workers: 'many' is not a whole number from 1 to 2147483647, nor auto (config file ${file}, line 1)`,
      `bind: '5' is not an address to listen at: for a port alone write :5; allowed is HOST, HOST:PORT, :PORT, [IPV6]:PORT, unix:PATH or fd://N (config file ${file}, line 2)`,
      `timeout: 'None' is not a whole number from 0 to 2147483 (config file ${file}, line 3)`,
      `threads: a value is expected here, not a function: is it to be called? (config file ${file})`,
    ]) {
      assert.ok(stderr.includes(`\n  ${line}\n`), `${line} is not in: ${stderr}`);
    }
  });

  it('refuse what would serve something else than asked for, wherever it is asked', async () => {
    const cwd = written(
      'refused',
      'protocol = "uwsgi"\nworker_class = "uvicorn.workers.UvicornWorker"\n',
    );
    const { end, stderr } = await runCli(['app:app'], { cwd });
    assert.equal(end, 1);
    assert.match(stderr, /protocol is not supported \(config file /);
    assert.match(stderr, /proxy_pass/);
    assert.match(stderr, /worker_class: 'uvicorn\.workers\.UvicornWorker' is a worker class for/);
  });

  it('tell that the Python can not be chosen by the file that it runs', async () => {
    const cwd = written('python', 'python = "/nowhere"\nno_build = "x"\n');
    const { stderr } = await printed(cwd, ['app:app']);
    assert.match(stderr, /^Warning: python has no use in the config file, since .*--python/m);
  });
});

describe('a config file that fails', () => {
  it('is told with its own traceback, and exit code 1', async () => {
    const cwd = written('raises', 'def count():\n    return 1 / 0\nworkers = count()\n');
    const { end, stderr, stdout } = await runCli(['app:app'], { cwd });
    assert.equal(end, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^Traceback .*\n {2}File ".*gunicorn\.conf\.py", line 3, in <module>\n/);
    assert.match(stderr, /\nError: The config file \/.* could not be read: ZeroDivisionError/);
    assert.doesNotMatch(stderr, /wsgi_ts/);
  });

  it('is told where it is not there, before any Python starts', async () => {
    const cwd = written('missing', '');
    const { end, stderr } = await runCli(['-c', 'no.py', '--python', '/nowhere', 'app:app'], {
      cwd,
    });
    assert.equal(end, 1);
    assert.match(stderr, /^Error: --config: there is no \/.*\/no\.py \(command line\)\n/);
  });

  it('needs a Python, which nothing needs where there is no such file', async () => {
    const cwd = written('no-python', 'workers = 2\n');
    const broken = ['--python', '/nowhere', '-w', 'x', 'app:app'];
    const wrong = await runCli(broken, { cwd });
    assert.match(wrong.stderr, /^Error: --workers: 'x'/);
    const missing = await runCli(['--python', '/nowhere', 'app:app'], { cwd });
    assert.match(missing.stderr, /^Error: --python: there is no \/nowhere\n/);
    const without = await runCli(['--python', '/nowhere'], { cwd: folder });
    assert.match(without.stderr, /^Error: No application module specified/);
  });

  it('is a finding of the doctor, who goes on without it', async () => {
    const cwd = written('doctor', 'workers = undefined\n');
    const { end, stdout } = await runCli(['doctor', 'app:app'], { cwd });
    assert.equal(end, 1);
    assert.match(stdout, /✗ The config file .* could not be read: NameError/);
    assert.match(stdout, /✓ .*app:app/);
  });
});

describe('a config file that leads to another Python', () => {
  it('goes on with the one that runs it, though there is a .venv where its chdir leads', async () => {
    const cwd = written('venvs', 'chdir = "site"\n');
    const { directory, bin } = testPythonEnvironment();
    symlinkSync(directory, join(cwd, '.venv'));
    const site = written('venvs/site', '', 'empty.py');
    mkdirSync(join(site, '.venv', 'bin'), { recursive: true });
    writeFileSync(join(site, '.venv', 'pyvenv.cfg'), 'home = /nowhere\n');
    const path = (process.env['PATH'] ?? '').split(delimiter).filter((one) => one !== bin);
    const env = { PATH: path.join(delimiter), VIRTUAL_ENV: undefined };
    await using server = await startServer(['app:app'], { cwd, env });
    assert.equal((await fetch(server.url)).status, 200);
  });
});
