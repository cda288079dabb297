// The fixture apps, mounted at a path behind Vite's and Next's development servers, answer as they do under the command
// with that path as SCRIPT_NAME. What differs is written here: fields of one name stand together.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer } from 'vite';
import { wsgi } from '../../src/integrations/vite.ts';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { assertSame, visitSite, type Differences } from '../helpers/same-answers.ts';
import { startServer } from '../helpers/server-process.ts';
import { SiteData, sites, type PreparedSite, type Site } from '../helpers/sites.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';
import { overSocket, type Visit, type Way } from '../helpers/visitor.ts';

const mount = '/app';
const { python } = testPythonEnvironment();

/** What `vite` adds with its own CORS (`Vary: Origin`, and its answers to OPTIONS) is switched off. */
const behindVite: Differences = { gathered: true };

const below = (url: string): Way => {
  const way = overSocket(url);
  return (sent) => way({ ...sent, target: mount + sent.target });
};

async function atTheCommand({ site, env }: PreparedSite): Promise<readonly Visit[]> {
  await using server = await startServer(
    ['--chdir', site.chdir, '--python', python, '--threads=4', site.app],
    { env: { ...env, SCRIPT_NAME: mount } },
  );
  return await visitSite(site, below(server.url));
}

async function behindViteAt(root: string, { site, env }: PreparedSite): Promise<readonly Visit[]> {
  const { app: target, chdir } = site;
  const vite = await createServer({
    root,
    configFile: false,
    logLevel: 'silent',
    server: { port: 0, host: '127.0.0.1', cors: false, allowedHosts: true },
    plugins: [wsgi({ target, chdir, python, env, prefixes: [mount], mount: true })],
  });
  try {
    await vite.listen();
    return await visitSite(site, below(vite.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? ''));
  } finally {
    await vite.close();
  }
}

async function besideNextAt(dir: string, { site, env }: PreparedSite): Promise<readonly Visit[]> {
  const { app: target, chdir } = site;
  const options = { target, chdir, python, env, prefixes: [mount], mount: true };
  const program = inRepository('dist', 'test', 'integrations', 'plug-next.js');
  await using server = new SpawnedProcess(
    process.execPath,
    [program, dir, JSON.stringify(options)],
    { cwd: dir, env: activatedEnvironment({ NEXT_TELEMETRY_DISABLED: '1' }) },
  );
  const [, url = ''] = await server.waitForOutput(/Listening at: (\S+)/);
  return await visitSite(site, below(url));
}

for (const site of sites) describeSite(site);

function describeSite(site: Site): void {
  describe(`the app ${site.name}, mounted, answers as under the command`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-mounted-'));
    let data: SiteData;
    let command: readonly Visit[];
    before(async () => {
      mkdirSync(join(folder, 'pages'));
      writeFileSync(join(folder, 'pages', 'index.js'), 'export default () => null;\n');
      data = new SiteData(site);
      command = await atTheCommand(data.copy());
    });
    after(() => {
      data.remove();
      rmSync(folder, { recursive: true });
    });

    it('behind Vite', async () => {
      assertSame(site, await behindViteAt(folder, data.copy()), command, behindVite);
    });

    it('beside Next', async () => {
      assertSame(site, await besideNextAt(folder, data.copy()), command);
    });
  });
}
