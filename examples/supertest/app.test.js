// A Flask app tested with supertest, on a port of its own. Run it: npm install --save-dev supertest wsgi-ts && node --test
import { after, test } from 'node:test';
import request from 'supertest';
import { createHandler } from 'wsgi-ts';

const app = createHandler({ module: 'app', callable: 'app', chdir: import.meta.dirname });
after(() => app.close());

test('greets', async () => {
  await request(app)
    .get('/hello/Ada')
    .expect(200)
    .expect('Content-Type', /text\/html/)
    .expect('Hello Ada, from Flask\n');
});

test('reads a form', async () => {
  await request(app)
    .post('/echo')
    .type('form')
    .send({ name: 'Ada' })
    .expect({ form: { name: 'Ada' }, json: null });
});

test('has no such page', async () => {
  await request(app).get('/nothing').expect(404);
});
