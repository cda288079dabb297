// Loaded into a server under test by --import: SIGURG, which nothing else uses, tells how many bytes its heap and its
// buffers hold. With a young generation that is never full, what that has grown by is what was allocated.

import { writeSync } from 'node:fs';

process.on('SIGURG', () => {
  const { heapUsed, external } = process.memoryUsage();
  writeSync(2, `holds: ${heapUsed} ${external}\n`);
});
