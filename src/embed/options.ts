// The options of createHandler: which settings make sense for an app inside somebody's Node program, what such a program
// can give besides, and what becomes of them for the bridge. Called once by each createHandler, on the event loop.

import type { LoadOptions } from '../bridge/handler-options.ts';
import type { ServerRequest } from '../bridge/transaction.ts';
import { createAccessLog, type AccessLog, type AccessRecord } from '../log/access-log.ts';
import { escapeField } from '../log/escape.ts';
import { createLogger, type Logger } from '../log/logger.ts';
import { WsgiTsError } from '../errors.ts';
import { readOptions, valuesOf, type SettingOptions } from '../settings/options.ts';
import type { Settings } from '../settings/table.ts';
import { pythonFrom } from '../settings/python-setting.ts';
import { settingsWorld } from '../settings/this-machine.ts';
import { environmentVariables } from '../settings/value-types.ts';
import { fromHostLogger, unharmed, type HostLogger } from './host-logger.ts';
import { readTarget, withTarget, type AppTarget } from './target.ts';

/** The settings that make sense where sockets and processes are somebody else's. */
const settingKeys = [
  ...(['chdir', 'pythonpath', 'env', 'python', 'noBuild'] as const),
  ...(['threads', 'timeout', 'gracefulTimeout'] as const),
  ...(['limitRequestBody', 'limitWaitingRequests', 'noServerHeader'] as const),
  ...(['bodyTimeout', 'responseTimeout', 'minimumRate', 'responseBuffer'] as const),
  ...(['sendfile', 'tmpUploadDir'] as const),
  ...(['forwardedAllowIps', 'secureSchemeHeaders', 'forwarderHeaders', 'headerMap'] as const),
  ...(['forwardedHops', 'forwardedHeader', 'forwardedFields'] as const),
  ...(['logLevel', 'errorLogFile', 'logFormat', 'accessLogFile', 'accessLogFormat'] as const),
] as const;

type HandlerSetting = (typeof settingKeys)[number];

/** Where lines of the access log go in a Node program: each answered request as an object. */
export interface AccessListener {
  write(record: AccessRecord): void;
}

/** What a Node program can give besides settings. */
interface ProgramOptions {
  /** Where errors go. Default: `errorLogFile`, in the server's own form. */
  readonly logger?: HostLogger | undefined;
  /** Told of each answered request. Default: `accessLogFile`, or nobody. */
  readonly accessLog?: AccessListener | undefined;
  /**
   * Whether an app's answer 404 is thrown away and `next()` called in its place, for what else serves this path.
   * Needs a caller that gives `next`. Default: false.
   */
  readonly fallthrough?: boolean | undefined;
}

const programKeys = ['logger', 'accessLog', 'fallthrough'] as const;

/** Options of `createHandler`: settings of docs/settings.md by their keys, and what only a Node program has. */
export type HandlerOptions = SettingOptions<HandlerSetting> & ProgramOptions;

/** Everything that is known before an app is loaded. */
export interface Plan {
  readonly app: string;
  readonly load: LoadOptions;
  readonly logger: Logger;
  readonly settings: Pick<Settings, HandlerSetting>;
  /** Closes the log files that were opened for this handler. */
  readonly closeLogs: () => void;
}

/** What an integration adds: it is no option of the program's. */
export interface HostOptions extends Pick<LoadOptions, 'hostView'> {
  /** Where errors of one request go; null: where all go. */
  readonly hostLogger?: (request: ServerRequest) => HostLogger | null;
}

/**
 * Reads target and options.
 *
 * @throws WsgiTsError (operator): what readTarget and readOptions throw, `ERR_WSGI_OPTION` for a logger that is none,
 * `ERR_WSGI_LOG_FILE` for a log file that can't be opened
 */
export function plan(target: AppTarget, options: HandlerOptions, host: HostOptions): Plan {
  const app = readTarget(target);
  const { logger: hostLogger, accessLog: listener, fallthrough, ...given } = options;
  checkProgramOptions({ hostLogger, listener, fallthrough });
  const world = settingsWorld({});
  const texts = readOptions(
    withTarget(app, given),
    world,
    new Set([...settingKeys, ...programKeys]),
    'this setting has no use in a Node program, whose sockets and processes are its own. serve() takes it.',
  );
  const settings = valuesOf(settingKeys, texts, world);
  const logger = hostLogger
    ? fromHostLogger(hostLogger, settings.logLevel)
    : createLogger({
        level: settings.logLevel,
        file: settings.errorLogFile,
        form: settings.logFormat,
      });
  const file = openAccessLog(settings, logger);
  const accessLog = listener === undefined ? file : both(listener, file);
  return {
    app: app.app,
    settings,
    logger,
    load: {
      ...loadOptions(settings),
      logger,
      accessLog,
      fallthrough: fallthrough === true,
      ...ofHost(host, settings),
    },
    closeLogs: () => {
      file?.close();
      logger.close();
    },
  };
}

function ofHost(
  { hostView, hostLogger }: HostOptions,
  { logLevel }: Pick<Settings, 'logLevel'>,
): LoadOptions {
  return {
    ...(hostView && { hostView }),
    ...(hostLogger && {
      loggerFor: (request) => {
        const logger = hostLogger(request);
        return logger && fromHostLogger(logger, logLevel);
      },
    }),
  };
}

function loadOptions(settings: Pick<Settings, HandlerSetting>): LoadOptions {
  const env = environmentVariables(settings.env);
  return {
    chdir: settings.chdir,
    pythonpath: settings.pythonpath,
    env,
    python: pythonFrom(settings),
    build: !settings.noBuild,
    threads: settings.threads,
    timeout: settings.timeout,
    errorLogFile: settings.errorLogFile,
    serverHeader: settings.noServerHeader ? null : 'wsgi-ts',
    limitRequestBody: settings.limitRequestBody,
    limitWaitingRequests: settings.limitWaitingRequests,
    deadlines: {
      head: 0, // the host's server has read it
      body: settings.bodyTimeout,
      response: settings.responseTimeout,
      minimumRate: settings.minimumRate,
    },
    responseBuffer: settings.responseBuffer,
    sendfile: settings.sendfile,
    temporaryFolder: settings.tmpUploadDir,
    trust: {
      forwardedAllowIps: settings.forwardedAllowIps,
      secureSchemeHeaders: settings.secureSchemeHeaders,
      forwarderHeaders: settings.forwarderHeaders,
      headerMap: settings.headerMap,
      forwardedHops: settings.forwardedHops,
      forwardedHeader: settings.forwardedHeader,
      forwardedFields: settings.forwardedFields,
      scriptName: env['SCRIPT_NAME'] ?? '',
    },
  };
}

/** @param logger - is closed where it can't be opened: there will be no handler to do that */
function openAccessLog(
  { accessLogFile: file, accessLogFormat: format, logFormat: form }: Pick<Settings, HandlerSetting>,
  logger: Logger,
): AccessLog | null {
  if (file === null) return null;
  try {
    return createAccessLog({ file, format, form });
  } catch (error) {
    logger.close();
    throw error;
  }
}

function both(listener: AccessListener, file: AccessLog | null): AccessLog {
  const nothing = (): void => undefined;
  const rest = file ?? { write: nothing, reopen: nothing, flushSync: nothing, close: nothing };
  return {
    ...rest,
    write: (record) => {
      // First: whatever the host does with it, the file has it.
      rest.write(record);
      unharmed('accessLog', escapeField(`${record.method} ${record.target}`), () => {
        listener.write(record);
      });
    },
  };
}

function checkProgramOptions(options: {
  readonly hostLogger: unknown;
  readonly listener: unknown;
  readonly fallthrough: unknown;
}): void {
  const { hostLogger, listener, fallthrough } = options;
  if (hostLogger !== undefined && !has(hostLogger, ['error', 'warn', 'info'])) {
    throw option('logger: an object with the functions error, warn and info is expected');
  }
  if (listener !== undefined && !has(listener, ['write'])) {
    throw option('accessLog: an object with the function write is expected');
  }
  if (fallthrough !== undefined && typeof fallthrough !== 'boolean') {
    throw option('fallthrough: true or false is expected');
  }
}

function has(object: unknown, names: readonly string[]): boolean {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null) return false;
  return names.every((name) => typeof (object as Record<string, unknown>)[name] === 'function');
}

function option(message: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_OPTION', 'operator', message);
}
