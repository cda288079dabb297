import { expect, test } from '@playwright/test';

test('greets the world', async ({ request }) => {
  const response = await request.get('/');
  expect(await response.text()).toBe('Hello, world!');
});

test('greets by name', async ({ request }) => {
  const response = await request.get('/', { params: { name: 'Ada' } });
  expect(await response.text()).toBe('Hello, Ada!');
});
