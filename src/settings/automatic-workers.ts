// `--workers auto`: how many workers fit what there is of cores and memory, and why. Used by the command, which
// knows the machine. Pure.

import type { Quotas } from '../quotas.ts';
import type { AutomaticWorkers } from './value-types.ts';

const mebibyte = 1024 * 1024;

/** MiB that are reckoned for a worker: twice what one with a small Flask app takes. */
const memoryOfWorker = 128;

/** One for each core that may be kept busy, a part of one included, as far as memory goes; at least one. */
export function automaticWorkers({ cores, cpu, total, memory }: Quotas): AutomaticWorkers {
  const byCores = Math.max(1, Math.ceil(cpu));
  const byMemory = Math.max(1, Math.floor(memory / (memoryOfWorker * mebibyte)));
  if (byMemory < byCores) {
    const room = `${Math.round(memory / mebibyte)} MiB of memory`;
    const whose = memory < total ? `the container has ${room}` : `there are ${room}`;
    return { workers: byMemory, reason: `${whose}, and ${memoryOfWorker} MiB are kept for each` };
  }
  if (cpu < cores) {
    const quota = Math.round(cpu * 100) / 100;
    const cpus = quota === 1 ? '1 CPU' : `${quota} CPUs`;
    return {
      workers: byCores,
      reason: `the container has ${cpus} (of ${cores} cores)`,
    };
  }
  const reason = cores === 1 ? 'there is 1 core' : `there are ${cores} cores`;
  return { workers: byCores, reason };
}
