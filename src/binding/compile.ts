// Compiles a binding with node-gyp, from pymport's own sources, in a folder that is thrown away. Called by
// build.ts, which holds the lock. It runs npm (where pymport is not installed), node-gyp, make and the compiler
// as children; where the building can be interrupted, in a group of their own, so that none of them outlives that.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { WsgiTsError } from '../errors.ts';
import { packageManager } from './package-manager.ts';
import type { Recipe } from './recipe.ts';
import { quote } from './shell.ts';
import type { BindingSite, Variables } from './site.ts';

/** What a compilation is done with. */
export interface Compilation {
  readonly recipe: Recipe;
  /** What the person calls the Python: as `--python` takes it. */
  readonly python: string;
  readonly site: BindingSite;
  /** An empty folder, for everything that comes into being. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Whether somebody will end the children, who then need not hear of Ctrl-C by themselves. */
  readonly ownGroup: boolean;
  /** Is called when a file is compiled. */
  readonly onStep: () => void;
  /** Is given everything that the children write. */
  readonly onOutput: (text: string) => void;
}

const require = createRequire(import.meta.url);
/** What of pymport is needed to compile it. */
const sources = ['src', 'binding.gyp', 'except.gypi', 'package.json'];
/** How many lines of the compiler's a message quotes. */
const linesShown = 15;
const noNetwork = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network/;
/** Lines that tell why something failed, and those that only tell that it did. */
const isReason = /error|fatal|not found|no such file|denied|cannot/i;
const isNoise =
  /^(?:gyp|npm) (?:info|verb|http)|^(?:gyp ERR!|npm error) (?:stack|cwd|node|System|command|not ok|A complete)/;
const fullDisk = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/;

/**
 * Compiles; takes 15 to 30 seconds.
 *
 * @returns the path of the compiled binding
 * @throws WsgiTsError (operator) ERR_WSGI_BINDING_SOURCES: pymport is not installed and can't be had, or Node's
 * headers can't; ERR_WSGI_BINDING_COMPILATION: it failed, with the compiler's last words. ENOSPC: the disk is full.
 */
export async function compile(compilation: Compilation): Promise<string> {
  const { recipe, site, folder } = compilation;
  const source = join(folder, 'pymport');
  copySources(site.pymport?.root ?? (await fetchPymport(compilation)), source);
  // Links, since a path with a space in it doesn't survive node-gyp's makefiles.
  fs.symlinkSync(recipe.include, join(source, 'include'));
  fs.symlinkSync(recipe.library, join(source, 'libpython'));
  // RPATH, not RUNPATH: LD_LIBRARY_PATH must not bring in another Python. ld.so(8)
  const oldTag = site.platform.startsWith('linux') ? '-Wl,--disable-new-dtags' : '';
  const { compiler, cCompiler, make } = recipe.tools;
  const { code, output } = await run(compilation, process.execPath, {
    args: [
      require.resolve('node-gyp/bin/node-gyp.js'),
      'rebuild',
      ...['--jobs', 'max', '--python', recipe.executable],
      ...(recipe.nodeHeaders === null ? [] : ['--nodedir', recipe.nodeHeaders]),
      // pymport's own switches, which its binding.gyp has
      ...[
        '--external_python=true',
        '--module_name=pymport',
        `--module_path=${join(source, 'out')}`,
      ],
    ],
    cwd: source,
    env: {
      ...withoutNames(site.variables, disturbing),
      // binding.gyp runs `node`, by that name.
      PATH: [dirname(process.execPath), site.variables['PATH'] ?? ''].join(delimiter),
      ...{ CXX: compiler ?? undefined, CC: cCompiler, MAKE: make ?? undefined },
      CXXFLAGS: `${site.variables['CXXFLAGS'] ?? ''} -I${join(source, 'include')}`.trim(),
      LIBS: `${join(source, 'libpython')} ${oldTag} '-Wl,-rpath,${dirname(recipe.library)}'`,
    },
    onLine: (line) => {
      if (/^ {2}(?:CXX|SOLINK_MODULE)\(target\)/.test(line)) compilation.onStep();
    },
  });
  const binary = join(source, 'out', 'pymport.node');
  if (code === 0 && fs.existsSync(binary)) return binary;
  if (recipe.nodeHeaders === null && noNetwork.test(output)) throw noNodeHeaders(site);
  throw failed('pymport could not be compiled for this Python', output, compilation);
}

/**
 * Copies all that is compiled, and the packages that pymport's binding.gyp asks for: gyp writes beside what it is
 * given, so nothing of that may be elsewhere.
 */
function copySources(pymport: string, target: string): void {
  try {
    for (const name of sources) {
      fs.cpSync(join(pymport, name), join(target, name), { recursive: true });
    }
    const { resolve } = createRequire(join(pymport, 'package.json'));
    const headers = dirname(resolve('node-addon-api/package.json'));
    const packages = join(target, 'node_modules');
    fs.cpSync(headers, join(packages, 'node-addon-api'), { recursive: true, dereference: true });
    // Asked for a folder that only a Python of its own would lie in.
    const asked = join(packages, '@mapbox', 'node-pre-gyp');
    fs.mkdirSync(asked, { recursive: true });
    fs.writeFileSync(join(asked, 'index.js'), 'exports.find = (file) => file;\n');
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (['ENOSPC', 'EDQUOT'].includes(code)) throw cause;
    throw new WsgiTsError(
      'ERR_WSGI_BINDING_SOURCES',
      'operator',
      `pymport, from which a binding is compiled, is not installed completely (${code})`,
      { remedy: 'Install it anew, beside wsgi-ts: npm install --ignore-scripts pymport', cause },
    );
  }
}

/** Settings that would lead a compilation or an installation elsewhere, or silence it; in lower case. */
const disturbing = new Set([
  ...['pythonhome', 'pythonpath', 'pythonstartup', 'node_options'],
  ...['npm_config_nodedir', 'npm_config_loglevel', 'npm_config_global', 'npm_config_location'],
  ...['npm_config_prefix', 'npm_config_omit', 'npm_config_include', 'npm_config_dry_run'],
]);

/** The variables but for these; npm and node-gyp take theirs in any case. */
export function withoutNames(variables: Variables, names: ReadonlySet<string>): Variables {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !names.has(name.toLowerCase())),
  );
}

/** Has npm bring pymport's sources; its own install script is not run. */
async function fetchPymport(compilation: Compilation): Promise<string> {
  const { site, folder } = compilation;
  const options = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const pymport = `pymport@${site.wantedVersion}`;
  const place = join(folder, 'npm');
  fs.mkdirSync(place);
  const missing = `pymport, from which a binding is compiled, is not installed (npm left it out)`;
  const { code, output } = await run(compilation, 'npm', {
    args: ['install', ...options, '--prefix', place, pymport],
    cwd: place,
    env: withoutNames(site.variables, disturbing),
    onLine: () => undefined,
  });
  const root = join(place, 'node_modules', 'pymport');
  if (code === 0 && fs.existsSync(root)) return root;
  if (fullDisk.test(output)) throw failed(missing, output, compilation);
  const why = code === null ? 'there is no npm to fetch it' : 'npm could not fetch it';
  const quoted = tail(output, 3);
  throw new WsgiTsError(
    'ERR_WSGI_BINDING_SOURCES',
    'operator',
    `${missing}, and ${why}${quoted === '' ? '.' : `:\n${quoted}`}`,
    { remedy: `With network, beside wsgi-ts: npm install --ignore-scripts ${pymport}` },
  );
}

function noNodeHeaders(site: BindingSite): WsgiTsError {
  const packages = packageManager(site);
  const byPackage = packages?.nodeHeaders ? ` Or: ${packages.install([packages.nodeHeaders])}` : '';
  return new WsgiTsError(
    'ERR_WSGI_BINDING_SOURCES',
    'operator',
    "Node's headers, which a binding is compiled against, are not on this machine and could not be fetched.",
    {
      remedy: `Try again with network, or name their folder: npm_config_nodedir=/usr.${byPackage}`,
    },
  );
}

function failed(message: string, output: string, { python }: Compilation): Error {
  if (fullDisk.test(output)) {
    return Object.assign(new Error('No space left on device'), { code: 'ENOSPC' });
  }
  const problems = output.split('\n').filter((line) => isReason.test(line) && !isNoise.test(line));
  const quoted = problems.length > 0 ? problems.slice(0, linesShown).join('\n') : tail(output);
  return new WsgiTsError('ERR_WSGI_BINDING_COMPILATION', 'operator', `${message}:\n${quoted}`, {
    remedy: `Everything that was said: wsgi-ts binding build --verbose --python ${quote(python)}`,
  });
}

function tail(output: string, count = linesShown): string {
  return output.trim().split('\n').slice(-count).join('\n');
}

interface Command {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onLine: (line: string) => void;
}

/** Runs a command to its end. `code` is null where it can't be started. Throws where the signal says so. */
async function run(
  { signal, ownGroup, onOutput }: Compilation,
  program: string,
  { args, cwd, env, onLine }: Command,
): Promise<{ code: number | null; output: string }> {
  signal.throwIfAborted();
  const child = spawn(program, args, {
    ...{ cwd, env, detached: ownGroup },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (): void => {
    // The whole group: make and the compilers as well.
    if (child.pid === undefined) return;
    try {
      process.kill(ownGroup ? -child.pid : child.pid, 'SIGKILL');
    } catch {
      // ESRCH: it has ended.
    }
  };
  process.once('exit', end);
  signal.addEventListener('abort', end);
  let output = '';
  let line = '';
  const take = (text: string): void => {
    output += text;
    onOutput(text);
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    for (const whole of lines) onLine(whole);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  try {
    const code = await new Promise<number | null>((resolve) => {
      child.once('error', () => {
        resolve(null);
      });
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    return { code, output };
  } finally {
    process.off('exit', end);
    signal.removeEventListener('abort', end);
  }
}
