// Loaded into a server under test by --import: SIGURG, which nothing else uses, collects the garbage of the process.

import { writeSync } from 'node:fs';

process.on('SIGURG', () => {
  globalThis.gc?.();
  writeSync(2, `collected\n`);
});
writeSync(2, `collects: ${process.pid}\n`);
