import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import type { AccessRecord } from '../../../src/log/access-log.ts';
import { Statsd, UdpTransport } from '../../../src/log/statsd.ts';

const record: AccessRecord = {
  ...{ remoteAddress: '', method: 'GET', target: '/', protocol: 'HTTP/1.1', status: 204, bytes: 0 },
  ...{ startedAt: 0, duration: 12.3456, outcome: 'ok', requestHeaders: [], responseHeaders: [] },
};

async function sent(
  use: (statsd: Statsd) => void,
  prefix: string | null = null,
): Promise<string[]> {
  const datagrams: string[] = [];
  const transport = {
    send: (datagram: Buffer) => {
      datagrams.push(datagram.toString());
    },
    drain: () => Promise.resolve(),
  };
  const statsd = new Statsd({ transport, prefix, tags: [] });
  use(statsd);
  await statsd.drain();
  return datagrams;
}

void test('a request is three metrics in one datagram, and a fourth where the app failed', async () => {
  const lines = 'gunicorn.request.duration:12.346|ms\ngunicorn.requests:1|c|@1.0\n';
  assert.deepEqual(
    await sent((statsd) => {
      statsd.request(record);
    }),
    [`${lines}gunicorn.request.status.204:1|c|@1.0`],
  );
  assert.deepEqual(
    await sent((statsd) => {
      statsd.request({ ...record, outcome: 'app_error' });
    }),
    [`${lines}gunicorn.request.status.204:1|c|@1.0\ngunicorn.log.exception:1|c|@1.0`],
  );
});

void test('entries count from warning on, but not those that the app has written', async () => {
  const [datagram] = await sent((statsd) => {
    for (const level of ['debug', 'info', 'warning', 'error', 'critical'] as const) {
      assert.equal(statsd.entry({ level, message: '', time: 0 }, false), true);
    }
    statsd.entry({ level: 'error', message: '', time: 0 }, true);
  });
  assert.deepEqual(datagram?.split('\n'), [
    'gunicorn.log.warning:1|c|@1.0',
    'gunicorn.log.error:1|c|@1.0',
    'gunicorn.log.critical:1|c|@1.0',
  ]);
});

void test('a prefix has one dot behind it, however many were given', async () => {
  for (const prefix of ['a.b', 'a.b.', 'a.b...']) {
    const [datagram] = await sent((statsd) => {
      statsd.gauge('x', 1);
    }, prefix);
    assert.equal(datagram, 'a.b.x:1|g');
  }
});

void test('no datagram is longer than a packet, and no line is cut', async () => {
  const datagrams = await sent((statsd) => {
    for (let i = 0; i < 500; i++) statsd.histogram('name', i);
  });
  assert.ok(datagrams.length > 3);
  for (const datagram of datagrams) assert.ok(datagram.length <= 1432);
  assert.deepEqual(
    datagrams.join('\n').split('\n'),
    Array.from({ length: 500 }, (_, i) => `name:${i}|h`),
  );
});

void test('what is sent before the name is resolved comes all the same, before drain is over', async () => {
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const received: string[] = [];
  server.on('message', (message) => {
    received.push(message.toString());
  });
  const transport = new UdpTransport('localhost', server.address().port, (text) => {
    throw new Error(text);
  });
  transport.send(Buffer.from('a'));
  transport.send(Buffer.from('b'));
  await transport.drain();
  while (received.length < 2) await once(server, 'message');
  assert.deepEqual(received, ['a', 'b']);
  server.close();
});

void test('a name that does not exist is complained about once, and nobody waits for it', async () => {
  const complaints: string[] = [];
  const transport = new UdpTransport('no-such-host.invalid', 8125, (text) => {
    complaints.push(text);
  });
  transport.send(Buffer.from('a'));
  await transport.drain();
  transport.send(Buffer.from('b'));
  await transport.drain();
  assert.equal(complaints.length, 1);
  assert.match(complaints[0] ?? '', /no-such-host\.invalid/);
});
