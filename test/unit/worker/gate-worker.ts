// A worker without Python, forked by acceptor.test.ts: the real acceptor and HTTP server before a queue that
// runs "views" of a given length, as many at a time as it has threads. `GET /100` takes 100 ms, `GET /hang`
// never ends. It serves on descriptor 4; the following ones are its duplicates. Each connection that it
// takes, and each opening and closing of its gate, is told over IPC.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Acceptor } from '../../../src/worker/acceptor.ts';
import { httpPolicy } from '../../../src/master/configuration.ts';
import { HttpServer } from '../../../src/worker/http-server.ts';
import { Refusals } from '../../../src/worker/refusals.ts';
import { defaultSettings } from '../../helpers/default-settings.ts';
import { recordingLogger } from './recording-logger.ts';

/** What it tells. */
export type GateEvent = 'ready' | 'open' | 'shut' | 'connection' | 'request' | 'over';

const [threads = 1, duplicates = 0] = process.argv.slice(2).map(Number);
const waiting: (() => void)[] = [];
const load = { outstanding: 0, threads, lastAnswerAt: 0, serviceTime: 0 };
let running = 0;
let acceptor: Acceptor | undefined;

const tell = (event: GateEvent): void => {
  if (process.connected) process.send?.(event);
};

function run(): void {
  if (running === threads) return;
  const view = waiting.shift();
  if (view === undefined) return;
  running += 1;
  view();
}

function handler(request: IncomingMessage, response: ServerResponse): void {
  load.outstanding += 1;
  tell('request');
  waiting.push(() => {
    const began = performance.now();
    const milliseconds = Number(request.url?.slice(1));
    if (Number.isNaN(milliseconds)) return;
    setTimeout(() => {
      running -= 1;
      load.outstanding -= 1;
      load.lastAnswerAt = performance.now();
      const time = load.lastAnswerAt - began;
      load.serviceTime += (time - load.serviceTime) * (load.serviceTime === 0 ? 1 : 0.1);
      response.end(process.pid.toString());
      run();
      acceptor?.answered();
    }, milliseconds);
  });
  run();
}

if (process.connected) {
  let next = 5;
  const logger = recordingLogger();
  const policy = httpPolicy(defaultSettings(process.cwd()), '');
  const http = new HttpServer({
    ...{ handler, logger, keepAlive: 5, limits: policy.limits, deadlines: policy.deadlines },
    refusals: new Refusals(logger, null, null),
    onCutOff: () => undefined,
    onClientEnd: () => undefined,
    onRequest: (socket) => {
      gate.requestBegan(socket);
    },
  });
  const gate = new Acceptor({
    listeners: [4],
    backlog: 128,
    load: () => load,
    active: () => http.active,
    full: () => false,
    duplicate: async () => {
      await new Promise(setImmediate);
      if (next === 5 + duplicates) throw new Error('no descriptor is left');
      return next++;
    },
    onConnection: (socket) => {
      tell('connection');
      http.accept(socket);
    },
    onError: (error) => {
      process.stderr.write(`${error.message}\n`);
    },
  });
  process.once('message', () => {
    gate.close();
    void http.stop(1000).then(() => {
      tell('over');
      process.disconnect();
    });
  });
  let open: boolean | undefined;
  setInterval(() => {
    if (gate.accepting === open) return;
    open = gate.accepting;
    tell(open ? 'open' : 'shut');
  }, 1).unref();
  acceptor = gate;
  await gate.open();
  tell('ready');
}
