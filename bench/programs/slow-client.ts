// The clients of ../slow.ts, a process of their own: `attack KIND PORT COUNT` holds slow connections until it is
// ended and says `ready` when all are open; `offer PORT RATE SECONDS` sends requests at a fixed rate, whatever the
// server makes of it, and prints what became of them.

import { connect, type Socket } from 'node:net';

const [role = '', ...args] = process.argv.slice(2);

if (role === 'attack') attack(args[0] ?? '', Number(args[1]), Number(args[2]));
else if (role === 'offer') offer(Number(args[0]), Number(args[1]), Number(args[2]));

function attack(kind: string, port: number, count: number): void {
  let open = 0;
  for (let i = 0; i < count; i++) {
    // A thousand people have a thousand clocks: every client has its own moment of the second.
    const phase = (i / count) * 1000;
    const socket = connect(port, '127.0.0.1', () => {
      begin(kind, socket, phase);
      if (++open === count) process.stdout.write('ready\n');
    });
    socket.on('error', () => undefined);
  }
}

function begin(kind: string, socket: Socket, phase: number): void {
  const host = 'HTTP/1.1\r\nHost: x\r\n';
  if (kind === 'head') socket.write(`GET / ${host}X: `);
  else if (kind === 'body') socket.write(`POST / ${host}Content-Length: 1000\r\n\r\n`);
  else socket.write(`GET /generator?1000000 ${host}\r\n`);
  if (kind === 'read') socket.on('readable', () => undefined);
  setTimeout(() => {
    setInterval(() => {
      if (kind === 'read') socket.read(1);
      else socket.write('x');
    }, 1000);
  }, phase);
}

function offer(port: number, rate: number, seconds: number): void {
  const free: Socket[] = [];
  const due: number[] = [];
  const latencies: number[] = [];
  const sentAt = new Map<Socket, number>();
  let failed = 0;
  const pump = (): void => {
    for (let at = due[0]; at !== undefined && free.length > 0; at = due[0]) {
      const socket = free.pop();
      if (socket === undefined) break;
      due.shift();
      sentAt.set(socket, at);
      socket.write('GET /write?20 HTTP/1.1\r\nHost: x\r\n\r\n');
    }
  };
  for (let i = 0; i < 64; i++) {
    const socket = connect(port, '127.0.0.1', () => {
      free.push(socket);
    });
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => {
      if (data.subarray(-5).toString('latin1') !== '0\r\n\r\n') return; // there is more to come
      const at = sentAt.get(socket);
      if (at === undefined) return;
      sentAt.delete(socket);
      latencies.push(performance.now() - at);
      free.push(socket);
      pump();
    });
    socket.on('close', () => failed++);
    socket.on('error', () => undefined);
  }
  setTimeout(() => {
    const start = performance.now();
    let offered = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      const wanted = Math.min(seconds * rate, ((now - start) / 1000) * rate);
      for (; offered < wanted; offered++) due.push(start + (offered / rate) * 1000);
      pump();
      if (now - start < seconds * 1000 + 1000) return;
      clearInterval(timer);
      latencies.sort((a, b) => a - b);
      const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN;
      const lost = offered - latencies.length + failed;
      process.stdout.write(`${JSON.stringify({ p50: at(0.5), p99: at(0.99), lost })}\n`);
      process.exit(0);
    }, 2);
  }, 300);
}
