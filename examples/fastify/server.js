// Flask below /python of a Fastify app. Run it: npm install fastify wsgi-ts && node server.js
import Fastify from 'fastify';
import { wsgi } from 'wsgi-ts/fastify';

const app = Fastify({ logger: true });

app.get('/', () => 'Hello from Fastify\n');

app.register(wsgi, {
  target: { module: 'app', callable: 'app', chdir: import.meta.dirname },
  prefix: '/python',
  threads: 4,
});

// Rejects where the app can't be imported.
await app.listen({ port: Number(process.env.PORT ?? 3000) });

// Waits for the requests that are under way, in Flask too.
process.once('SIGTERM', () => app.close());
