// The whole of `wsgi-ts doctor`: everything that must be right for an app to be served, looked at in one go. Called
// by command/doctor.ts. Each part is in a file of its own beside this one; this is their order.

import type { BindingSite } from '../binding/site.ts';
import type { Settings } from '../settings/table.ts';
import type { Finding } from './finding.ts';
import {
  lookAtBacklog,
  lookAtDescriptors,
  lookAtNode,
  lookAtNpm,
  lookAtQuotas,
} from './machine.ts';
import { lookAtPython } from './python.ts';
import { lookAtAddresses, lookAtApp } from './service.ts';

/** Looks at everything, the app included where there is one in `settings`. Takes a second or two. */
export async function checkUp(settings: Settings, site: BindingSite): Promise<Finding[]> {
  const python = await lookAtPython(settings, site);
  const findings = [
    lookAtNode(),
    lookAtNpm(site.pymport === null),
    ...python,
    ...lookAtDescriptors(settings),
    ...lookAtBacklog(settings),
    lookAtQuotas(settings),
    ...(await lookAtAddresses(settings)),
  ];
  const canLoad = python.every(({ name, state }) => name === 'openssl' || state === 'good');
  if (settings.app === null) return findings;
  if (canLoad) return [...findings, await lookAtApp(settings.app, settings)];
  const text = `${settings.app} was not looked at: it needs a Python that can be started. Mend what is said above, then ask again`;
  return [...findings, { name: 'app', state: 'warning', text }];
}

const marks = { good: '✓', warning: '!', problem: '✗' } as const;

/** The findings as people read them; the last line counts what is wrong. */
export function renderFindings(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ state, text, remedy, traceback }) => [
    `${marks[state]} ${text}`,
    ...[traceback, remedy].flatMap((more) => more?.split('\n') ?? []).map((line) => `    ${line}`),
  ]);
  const count = (state: Finding['state'], one: string): string[] => {
    const { length } = findings.filter((finding) => finding.state === state);
    return length === 0 ? [] : [`${length} ${one}${length === 1 ? '' : 's'}`];
  };
  const total = [...count('problem', 'problem'), ...count('warning', 'warning')].join(', ');
  return [...lines, '', total === '' ? 'All is well.' : `${total}.`, ''].join('\n');
}
