// What the settings say of the logs, as one value for master and workers. Called by master.ts and configuration.ts.
// Pure.

import type { LogPolicy } from '../messages.ts';
import { parseStatsdAddress, parseSyslogAddress } from '../settings/log-addresses.ts';
import type { Settings } from '../settings/table.ts';

/** The policy of every process' logs. */
export function logPolicy(settings: Settings): LogPolicy {
  return {
    level: settings.logLevel,
    file: settings.errorLogFile,
    form: settings.logFormat,
    accessFile: settings.accessLogFile,
    accessFormat: settings.accessLogFormat,
    captureOutput: settings.captureOutput && settings.errorLogFile !== '-',
    syslog: settings.syslog
      ? {
          ...parseSyslogAddress(settings.syslogAddress),
          facility: settings.syslogFacility,
          prefix:
            settings.syslogPrefix ?? (settings.procName ?? settings.app ?? '').replaceAll(':', '.'),
          access: !settings.disableRedirectAccessToSyslog,
        }
      : null,
    config: configOf(settings),
    statsd:
      settings.statsdHost === null
        ? null
        : {
            address: parseStatsdAddress(settings.statsdHost),
            prefix: settings.statsdPrefix,
            tags: settings.dogstatsdTags,
          },
  };
}

/** gunicorn's order: the dictionary, the JSON file, the other file. */
function configOf({ logConfigDict, logConfigJson, logConfig }: Settings): LogPolicy['config'] {
  if (logConfigDict !== null) return { kind: 'dict', source: logConfigDict };
  if (logConfigJson !== null) return { kind: 'json', source: logConfigJson };
  return logConfig === null ? null : { kind: 'ini', source: logConfig };
}
