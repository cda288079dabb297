// Production: the files that `vite build` has made; everything else is Flask's, in the same process.
import express from 'express';
import { createHandler } from 'wsgi-ts';

const backend = createHandler('app:app', { chdir: 'backend', threads: 4 });
await backend.ready;

const site = express();
site.use(express.static('dist'));
site.use(backend);

const server = site.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening at http://localhost:${server.address().port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  await backend.close();
});
