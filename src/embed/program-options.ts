// What a Node program can give besides settings: to createHandler (options.ts), and to serve (serve.ts). Each knows the
// other's, to say where an option belongs. Data only.

/** Those of createHandler. */
export const handlerKeys = ['logger', 'accessLog', 'fallthrough'] as const;

/** Those of serve; `env`, a setting, is the process' own there. */
export const serverKeys = ['env', 'stdout', 'stderr', 'signal'] as const;
