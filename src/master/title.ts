// What `ps` and `top` call our processes. surroundings.ts gives the master its title, configuration.ts tells the
// workers theirs. Pure.

import type { Settings } from '../settings/table.ts';

/** A process' title, as gunicorn has it: `wsgi-ts: master [app:app]`. */
export function titleOf(
  role: 'master' | 'worker',
  { procName, app }: Pick<Settings, 'procName' | 'app'>,
): string {
  return `wsgi-ts: ${role} [${procName ?? app ?? ''}]`;
}
