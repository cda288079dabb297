// The fixture apps answer the same wherever they are plugged in as they do under the command: node:http, Express, Connect
// and Fastify, each as a program of its own, and injected into this process.

import { after, before, describe, it } from 'node:test';
import { createHandler, type AppHandler } from '../../src/index.ts';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { assertSame, recordCommand, visitSite, type Differences } from '../helpers/same-answers.ts';
import { SiteData, sites, type PreparedSite, type Site } from '../helpers/sites.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';
import { overSocket, type Visit, type Way } from '../helpers/visitor.ts';

const plugs: Readonly<Record<string, Differences>> = {
  http: {},
  express: { added: ['x-powered-by'], gathered: true },
  connect: {},
  fastify: {},
};

const { python } = testPythonEnvironment();

/** Serves a site from a program that has it plugged into a framework. */
function startPlug(framework: string, { site, env }: PreparedSite): SpawnedProcess {
  const given = { target: { module: site.app, chdir: site.chdir, python }, options: { env } };
  const [module = '', callable] = site.app.split(':');
  const target = { ...given.target, module, ...(callable === undefined ? {} : { callable }) };
  const program = inRepository('dist', 'test', 'integrations', 'plug-program.js');
  return new SpawnedProcess(
    process.execPath,
    [program, framework, JSON.stringify({ ...given, target })],
    { cwd: inRepository(), env: activatedEnvironment() },
  );
}

function injectedInto(handler: AppHandler): Way {
  return async ({ method, target, headers, body }) => {
    const answer = await handler.inject({
      method,
      url: target,
      headers: Object.fromEntries(headers),
      ...(body === undefined ? {} : { payload: body }),
    });
    return {
      version: '',
      status: answer.statusCode,
      reason: answer.statusMessage,
      headers: Object.entries(answer.headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((one) => [name, one] as const),
      ),
      body: answer.rawPayload,
    };
  };
}

for (const site of sites) describeSite(site);

function describeSite(site: Site): void {
  describe(`the app ${site.name} answers as under the command`, { concurrency: true }, () => {
    let data: SiteData;
    let command: readonly Visit[];
    before(async () => {
      data = new SiteData(site);
      command = await recordCommand(data.copy());
    });
    after(() => {
      data.remove();
    });

    for (const [framework, differences] of Object.entries(plugs)) {
      it(`in ${framework}`, async () => {
        await using plug = startPlug(framework, data.copy());
        const [, url = ''] = await plug.waitForOutput(/Listening at: (\S+)/);
        assertSame(site, await visitSite(site, overSocket(url)), command, differences);
      });
    }

    it('where requests are injected', async () => {
      const { env } = data.copy();
      const handler = createHandler(site.app, { chdir: site.chdir, python, env });
      try {
        const visits = await visitSite(site, injectedInto(handler));
        assertSame(site, visits, command, { gathered: true, parsed: true });
      } finally {
        await handler.close();
      }
    });
  });
}
