import { defineConfig } from '@playwright/test';
import { wsgi } from 'wsgi-ts/playwright';

const app = wsgi('app:app');

export default defineConfig({
  testDir: 'tests',
  webServer: app.webServer,
  use: { baseURL: app.baseURL },
});
