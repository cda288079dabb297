// Keeps the process while a request is in Python: threads of Python's don't, and one that came without a socket (inject, of
// ours or of a framework) has nothing else that does. Used by create-handler.ts on the event loop.

let under = 0;
let holding: NodeJS.Timeout | undefined;

/** Milliseconds, some days: nothing is done then. */
const seldom = 2 ** 30;

/** A request is here. */
export function keepAlive(): void {
  holding ??= setInterval(() => undefined, seldom);
  if (under++ === 0) holding.ref();
}

/** One of them is over. */
export function letGo(): void {
  if (--under === 0) holding?.unref();
}
