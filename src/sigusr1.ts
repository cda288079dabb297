// A handler for SIGUSR1 that does nothing, on behalf of every moment in which there is no other.
// Imported for its effect, before anything else, by the entry files of command, master and worker. Without a
// handler Node opens its inspector on SIGUSR1: a debugger's port on a production server, because somebody
// rotated its logs. It must import nothing: a module's imports run before it.

process.on('SIGUSR1', () => {
  // master/signals.ts and worker/worker-signals.ts add the handlers that reopen the logs.
});
