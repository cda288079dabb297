// The settings of the logs, and of what helps to find a mistake. Part of the table (table.ts). Data only.

import type { LogLevel } from '../../messages.ts';
import { row } from '../setting.ts';
import { accessLogFormat, choice, flag, optional, text } from '../value-types.ts';

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical'];

export const loggingRows = {
  logLevel: row({
    name: 'loglevel',
    flags: ['--log-level'],
    metavar: 'LEVEL',
    type: choice(logLevels),
    default: ['info'],
    section: 'Logging',
    doc: 'How much the error log tells: debug, info, warning, error or critical',
  }),
  errorLogFile: row({
    name: 'errorlog',
    flags: ['--log-file', '--error-logfile'],
    metavar: 'FILE',
    type: text('a path, or - for standard error'),
    default: ['-'],
    section: 'Logging',
    doc: 'The error log; -: standard error',
  }),
  accessLogFile: row({
    name: 'accesslog',
    flags: ['--access-logfile'],
    metavar: 'FILE',
    type: optional(text('a path')),
    default: [],
    section: 'Logging',
    doc: 'The access log; -: standard output',
  }),
  accessLogFormat: row({
    name: 'access_log_format',
    flags: ['--access-logformat'],
    metavar: 'STRING',
    type: accessLogFormat,
    default: ['%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'],
    section: 'Logging',
    doc: 'What a line of the access log shows',
  }),
  checkConfig: row({
    name: 'check_config',
    flags: ['--check-config'],
    type: flag,
    default: [],
    section: 'Debugging',
    doc: 'Check the settings, load the app, and exit: 0 if all is well, else 1',
  }),
  printConfig: row({
    name: 'print_config',
    flags: ['--print-config'],
    type: flag,
    default: [],
    section: 'Debugging',
    doc: 'Print every setting, its value and where that came from, then do as --check-config',
  }),
};
