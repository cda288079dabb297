// Stands in for a worker in the master's tests: it plays the part that its app's name asks for, and needs no
// Python. What it prints goes the way of an app's output.

import { existsSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import type { MasterMessage, WorkerConfiguration, WorkerMessage } from '../../../src/messages.ts';

function tell(message: WorkerMessage): void {
  process.send?.(message);
}

function serve({ listeners }: WorkerConfiguration): void {
  const server = createServer((socket) => socket.end(`${process.pid}`));
  server.listen({ fd: listeners[0]?.fd ?? -1 }, () => {
    tell({ type: 'ready' });
    writeSync(2, 'serving\n');
  });
}

function leave(code: number): void {
  writeSync(2, `Worker exiting (pid: ${process.pid})\n`);
  process.exit(code);
}

function failToBoot(exitCode: 3 | 4): void {
  writeSync(2, 'Traceback of the app\n');
  const blame = 'application';
  const error = { code: 'ERR_WSGI_TEST', blame, message: 'It is broken', exitCode } as const;
  tell({ type: 'boot-failed', exitCode, error });
  process.exitCode = exitCode;
  process.disconnect();
}

const parts: Readonly<Record<string, (configuration: WorkerConfiguration) => void>> = {
  serve,
  'boot-failed-3': () => {
    failToBoot(3);
  },
  'boot-failed-4': () => {
    failToBoot(4);
  },
  'dies-at-boot': () => {
    process.exit(7);
  },
  /** The first one serves, all others fail. */
  'breaks-later': (configuration) => {
    const mark = configuration.env['MARK'] ?? '';
    if (existsSync(mark)) failToBoot(4);
    else {
      writeFileSync(mark, '');
      serve(configuration);
    }
  },
  /** Serves and never beats: the master hears nothing for as long as it lives. */
  silent: serve,
  deaf: (configuration) => {
    process.removeAllListeners('message');
    for (const signal of ['SIGTERM', 'SIGQUIT'] as const) process.on(signal, () => undefined);
    serve(configuration);
  },
  talks: (configuration) => {
    serve(configuration);
    process.on('exit', () => {
      const block = 'x'.repeat(99);
      for (let line = 0; line < 20_000; line++) writeSync(1, `${block}\n`);
      writeSync(1, 'the last line\n');
    });
  },
};

process.on('SIGUSR1', () => {
  writeSync(2, 'reopened\n');
});
process.on('SIGTERM', () => undefined);
process.on('message', (message: MasterMessage) => {
  if (message.type === 'stop') leave(0);
  else if (message.type === 'configure') {
    const { app, timeout } = message.configuration;
    parts[app]?.(message.configuration);
    if (timeout > 0 && app !== 'silent') {
      setInterval(() => {
        tell({ type: 'heartbeat', requests: 0, active: 0, memory: 0 });
      }, 100).unref();
    }
  }
});
