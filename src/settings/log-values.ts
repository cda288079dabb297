// The kinds of value that only settings of the logs have (rows/logging.ts). Pure, as value-types.ts, and apart
// from it because that file is full.

import { WsgiTsError } from '../errors.ts';
import { parseStatsdAddress, parseSyslogAddress } from './log-addresses.ts';
import type { ValueType } from './value-types.ts';

/** Where syslog is: kept as it was given, in a form that `parseSyslogAddress` takes. */
export const syslogAddress: ValueType<string> = checked(parseSyslogAddress);

/** Where statsd is: kept as it was given, in a form that `parseStatsdAddress` takes. */
export const statsdAddress: ValueType<string> = checked(parseStatsdAddress);

/** An object in JSON, as which a dict of the config file comes; kept as it was given. `{}` is none: null. */
export const jsonObject: ValueType<string | null> = {
  use: 'once',
  parse: (texts) => {
    const given = (texts.at(-1) ?? '').trim();
    if (given === '') return null;
    let value: unknown;
    try {
      value = JSON.parse(given);
    } catch {
      value = null;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new WsgiTsError('ERR_WSGI_SETTING', 'operator', `'${given}' is not a dictionary`);
    return Object.keys(value).length === 0 ? null : given;
  },
};

/** gunicorn's own loggers, whose work the built-in one does. */
const builtIn =
  /^(?:simple|(?:gunicorn\.)?glogging\.Logger|(?:gunicorn\.)?instrument\.statsd\.Statsd|egg:gunicorn#(?:simple|statsd))$/;

/** A class of gunicorn's that logs: its own mean the built-in one, and no other can be used. */
export const loggerClass: ValueType<string> = {
  use: 'once',
  parse: (texts) => {
    const given = (texts.at(-1) ?? '').trim();
    if (builtIn.test(given)) return given;
    throw new WsgiTsError(
      'ERR_WSGI_SETTING',
      'operator',
      `'${given}' can't be used: the logs are written by the server itself, not by a class`,
      {
        remedy:
          'Remove logger_class. What such a class is for is done by settings: --log-format json for JSON, ' +
          '--access-logformat for what a line shows, logconfig_dict, --log-config or --log-config-json for handlers, ' +
          'formatters and filters in Python (gunicorn.error, gunicorn.access), --log-syslog for syslog, ' +
          '--statsd-host for metrics.',
      },
    );
  },
};

function checked(parse: (text: string) => unknown): ValueType<string> {
  return {
    use: 'once',
    parse: (texts) => {
      const given = (texts.at(-1) ?? '').trim();
      parse(given);
      return given;
    },
  };
}
