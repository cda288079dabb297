// Flask behind Connect: what Flask has no page for, the next middleware answers. Run it: npm install connect wsgi-ts && node server.js
import { createServer } from 'node:http';
import connect from 'connect';
import { createHandler } from 'wsgi-ts';

const python = createHandler(
  { module: 'app', callable: 'app', chdir: import.meta.dirname },
  { fallthrough: true },
);

const app = connect();
app.use('/python', python);
app.use((request, response) => {
  response.end(`Connect has ${request.originalUrl}\n`);
});

await python.ready;

const server = createServer(app).listen(process.env.PORT ?? 3000, () => {
  console.log(`Listening at http://localhost:${server.address().port}`);
});

process.once('SIGTERM', () => {
  server.close(() => python.close());
});
