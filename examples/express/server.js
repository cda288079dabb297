// Flask below /python of an Express app. Run it: npm install express wsgi-ts && node server.js
import express from 'express';
import { wsgi } from 'wsgi-ts/express';

const app = express();

app.get('/', (_request, response) => {
  response.send('Hello from Express\n');
});

// Before any body parser: a body that Express has read, Flask can't read any more.
const python = wsgi({ module: 'app', callable: 'app', chdir: import.meta.dirname }, { threads: 4 });
app.use('/python', python);

app.use(express.json());
app.post('/echo', (request, response) => {
  response.json(request.body);
});

// An app that can't be imported ends the program here, with its traceback.
await python.ready;

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`Listening at http://localhost:${server.address().port}`);
});

process.once('SIGTERM', () => {
  server.close(() => python.close());
});
