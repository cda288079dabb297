// The public API: exports only.
export { WsgiTsError, type Blame, type ErrorDetails, type PythonFailure } from './errors.ts';
export { createHandler, type AppHandler, type HandlerStats } from './embed/create-handler.ts';
export type { HostLogger } from './embed/host-logger.ts';
export type { InjectRequest, InjectResponse } from './embed/inject.ts';
export type { AccessListener, HandlerOptions } from './embed/options.ts';
export { serve, type RunningServer, type ServeOptions, type ServerOutput } from './embed/serve.ts';
export type { AppTarget, AppTargetParts } from './embed/target.ts';
export type { AccessRecord, Outcome } from './log/access-log.ts';
