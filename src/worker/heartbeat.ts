// Tells the master once a second that the event loop turns, and what it has done. Started by worker.ts when
// the worker is ready. It must never wait for Python: that a view hangs is not the loop's death.

import type { WorkerMessage } from '../messages.ts';

/** Milliseconds between two beats. */
const period = 1000;

/**
 * Starts to send heartbeats.
 * @param counters asked at each beat: requests served so far, those under way, bytes of memory
 * @returns a function that stops it
 */
export function startHeartbeat(
  send: (message: WorkerMessage) => void,
  counters: () => Omit<Extract<WorkerMessage, { type: 'heartbeat' }>, 'type'>,
): () => void {
  const timer = setInterval(() => {
    send({ type: 'heartbeat', ...counters() });
  }, period);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
