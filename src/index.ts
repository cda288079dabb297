// The public API: exports only.
export { WsgiTsError, type Blame, type ErrorDetails } from './errors.ts';
export { createHandler, type HandlerOptions, type WsgiHandler } from './bridge/handler.ts';
export type { Load } from './bridge/load.ts';
export { createAccessLog, type AccessLog, type AccessRecord } from './log/access-log.ts';
export { createLogger, type Logger, type LoggerOptions } from './log/logger.ts';
export type { LogLevel } from './messages.ts';
export { serve, type RunningServer, type ServeOptions, type ServerOutput } from './embed/serve.ts';
export type { AppTarget } from './embed/serve-options.ts';
