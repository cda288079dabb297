// The settings that count when nothing is given, for tests that start a part of the server by itself.

import { resolveSettings } from '../../src/settings/resolve.ts';
import type { Settings } from '../../src/settings/table.ts';

/** Every setting's default; the app's directory is `directory`. */
export function defaultSettings(directory: string): Settings {
  const world = {
    cwd: directory,
    isDirectory: () => true,
    checkAccessLogFormat: () => undefined,
    automaticWorkers: () => ({ workers: 1, reason: 'it is a test' }),
    userId: () => undefined,
    groupId: () => undefined,
  };
  return resolveSettings({ argv: {}, env: {}, world }).settings;
}
