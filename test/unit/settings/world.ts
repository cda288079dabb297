// The world as the settings' tests know it: in /srv, with two directories, a user, a group, and one atom for the access
// log.

import { WsgiTsError } from '../../../src/errors.ts';
import type { SettingsWorld } from '../../../src/settings/value-types.ts';

/** A made-up world that touches nothing. */
export function world(): SettingsWorld {
  return {
    cwd: '/srv',
    isDirectory: (path) => path === '/srv' || path === '/srv/site',
    userId: (name) => (name === 'www-data' ? 33 : undefined),
    groupId: (name) => (name === 'adm' ? 4 : undefined),
    checkAccessLogFormat: (format) => {
      if (format.includes('%(zz)s')) {
        throw new WsgiTsError('ERR_WSGI_LOG_FORMAT', 'operator', '%(zz)s is not an atom', {
          remedy: 'Atoms are listed somewhere.',
        });
      }
    },
    automaticWorkers: () => ({ workers: 3, reason: 'there are 3 cores' }),
  };
}
