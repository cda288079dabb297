// A handler for SIGUSR1 that does nothing, on behalf of every moment in which there is no other.
// Imported for its effect, before anything else, on the master's main thread. Without a handler Node opens
// its inspector on SIGUSR1: a debugger's port on a production server, because somebody rotated its logs.
// It must import nothing: a module's imports run before it.

process.on('SIGUSR1', () => {
  // signals.ts adds the handler that reopens the logs.
});
