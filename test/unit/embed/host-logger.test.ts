// The logger of a Node program as the bridge's: its functions, the threshold, and one that throws.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { fromHostLogger, type HostLogger } from '../../../src/embed/host-logger.ts';

function recorder(): { readonly host: Required<HostLogger>; readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (name: string) =>
    (message: string): void => {
      lines.push(`${name} ${message}`);
    };
  return {
    host: { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') },
    lines,
  };
}

test('each level has its function, from the threshold on', () => {
  const { host, lines } = recorder();
  const logger = fromHostLogger(host, 'info');
  logger.debug('a');
  logger.info('b');
  logger.warning('c');
  logger.error('d');
  logger.critical('e');
  assert.deepEqual(lines, ['info b', 'warn c', 'error d', 'error e']);
  assert.deepEqual([logger.isEnabled('debug'), logger.isEnabled('info')], [false, true]);
});

test('what Python has judged passes, whatever the threshold', () => {
  const { host, lines } = recorder();
  const logger = fromHostLogger(host, 'error');
  logger.log('info', 'from the server');
  logger.log('info', "from the app's logging", 'line');
  assert.deepEqual(lines, ["info from the app's logging"]);
});

test('a host without debug() has no such entries', () => {
  const { host, lines } = recorder();
  const { debug: _none, ...rest } = host;
  fromHostLogger(rest, 'debug').debug('a');
  assert.deepEqual(lines, []);
});

test('one that throws is warned of, with the entry', async () => {
  const { host } = recorder();
  host.error = () => {
    throw new Error('full up');
  };
  const warned = once(process, 'warning');
  fromHostLogger(host, 'info').error('what was lost');
  const [warning] = (await warned) as [Error & { code: string }];
  assert.equal(warning.code, 'WSGI_LOG_THREW');
  assert.match(warning.message, /full up[^]*what was lost/);
});
