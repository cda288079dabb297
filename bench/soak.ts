// Does anything grow while a server runs for long? A million requests over mixed paths against the real command, with
// garbage collected on both sides before each look: `npm run bench:soak`; exit code 1 where memory over the last nine
// tenths rises by 2 MiB or more in any worker, or descriptors or threads at all.
// Options: --requests N (1,000,000), --workers N (2).

import { parseArgs } from 'node:util';
import { soak } from '../test/helpers/soak.ts';
import { mebibytes } from './measuring/process-memory.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    workers: { type: 'string', default: '2' },
  },
});

const result = await soak({
  requests: Number(values.requests),
  workers: Number(values.workers),
  looksEach: 6,
  onLook: (done, looks) => {
    const shown = looks.map(
      ({ bytes, descriptors, threads }) =>
        `${mebibytes(bytes)} ${descriptors} fds ${threads} threads`,
    );
    process.stdout.write(`${String(done).padStart(8)}: ${shown.join('; ')}\n`);
  },
});
for (const { passed, what } of result) {
  if (!passed) process.exitCode = 1;
  process.stdout.write(`${passed ? 'pass' : 'FAIL'}  ${what}\n`);
}
