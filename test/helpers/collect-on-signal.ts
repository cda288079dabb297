// Loaded into a server under test by --import: SIGURG, which nothing else uses, collects the garbage of the process.

import { writeSync } from 'node:fs';

process.on('SIGURG', () => {
  // As if memory were short: what V8 keeps in reserve goes too, else it makes up for most of what there is to see.
  const collect = globalThis.gc as
    ((options: Readonly<Record<string, string>>) => void) | undefined;
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  writeSync(2, `collected\n`);
});
writeSync(2, `collects: ${process.pid}\n`);
