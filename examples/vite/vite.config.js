import { defineConfig } from 'vite';
import { wsgi } from 'wsgi-ts/vite';

export default defineConfig({
  plugins: [wsgi({ target: 'app:app', chdir: 'backend', prefixes: ['/api'] })],
});
