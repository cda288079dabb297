import { createServer } from 'node:http';
import next from 'next';
import { wsgi } from 'wsgi-ts/next';

const site = next({ dev: process.env.NODE_ENV !== 'production' });
await site.prepare();

const listener = wsgi({
  target: 'app:app',
  chdir: 'backend',
  prefixes: ['/api'],
  next: site.getRequestHandler(),
});
await listener.ready;

const server = createServer(listener);
server.on('upgrade', site.getUpgradeHandler());
server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening at http://localhost:${server.address().port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  await listener.close();
  process.exit(0); // Next keeps a development server alive
});
