import express from 'express';
import { createHandler } from 'wsgi-ts';

const backoffice = createHandler('bookshop.wsgi:application', { threads: 4 });
await backoffice.ready;

const site = express();
site.get('/', (_request, response) => {
  response.send(
    '<h1>The shop</h1><p>Its books are kept in the <a href="/backoffice/">back office</a>.',
  );
});
// What collectstatic has gathered: the admin's styles and scripts.
site.use('/backoffice/static', express.static('static', { fallthrough: false }));
site.use('/backoffice', backoffice);

const server = site.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening at http://localhost:${server.address().port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  await backoffice.close();
});
