// What the checks of settings ask of this machine. Used by the commands that take settings, and by embed/ for those of a
// Node program. Never a check itself.

import { accessSync, constants, statSync } from 'node:fs';
import type { Variables } from '../binding/site.ts';
import { compileFormat } from '../log/access-log.ts';
import { readQuotas } from '../quotas.ts';
import { automaticWorkers } from './automatic-workers.ts';
import { groupId, userId } from './accounts.ts';
import { workingDirectory } from './working-directory.ts';
import type { SettingsWorld } from './value-types.ts';

/** This machine, for a process with these variables. */
export const settingsWorld = (variables: Variables): SettingsWorld => ({
  cwd: workingDirectory(variables),
  isDirectory: (path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isDirectory();
    } catch {
      return false;
    }
  },
  userId: (name) => userId(name),
  groupId: (name) => groupId(name),
  checkAccessLogFormat: (format) => {
    compileFormat(format);
  },
  automaticWorkers: () => automaticWorkers(readQuotas()),
});
