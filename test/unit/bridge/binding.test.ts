import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { BindingSite } from '../../../src/bridge/binding-build.ts';
import { builtinBinding, diagnoseBinding, versionMismatch } from '../../../src/bridge/binding.ts';
import type { Environment } from '../../../src/bridge/environment.ts';

let folder: string;

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-')));
  write('project/package.json', '{}');
  write('project/node_modules/wsgi-ts/package.json', '{}');
  for (const tool of ['make', 'g++', 'pkg-config']) write(`bin/${tool}`, '');
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

function write(path: string, text: string): void {
  fs.mkdirSync(join(folder, path, '..'), { recursive: true });
  fs.writeFileSync(join(folder, path), text);
}

const environment: Environment = {
  source: '.venv',
  root: '/home/me/.venv',
  executable: '/home/me/.venv/bin/python3',
  version: '3.12',
  basePrefix: '/opt/python3.12',
};

function makeSite(changes: Partial<BindingSite> = {}): BindingSite {
  return {
    packageRoot: join(folder, 'project/node_modules/wsgi-ts'),
    wantedVersion: '1.2.3',
    environment,
    cwd: join(folder, 'project'),
    searchPath: join(folder, 'bin'),
    pythonHome: null,
    platform: 'linux-x64',
    root: false,
    files: fs,
    ...changes,
  };
}

/** A site whose /usr holds these files and no others, and where /usr/bin/python3 is `defaultVersion`. */
function makeDistribution(
  version: string,
  defaultVersion: string,
  present: readonly string[],
): BindingSite {
  const files = {
    ...fs,
    realpathSync: (() => `/usr/bin/python${defaultVersion}`) as unknown as typeof fs.realpathSync,
    readdirSync: (() => ['x86_64-linux-gnu', 'git-core']) as unknown as typeof fs.readdirSync,
    statSync: ((path: string) => {
      if (path.startsWith('/usr') && !present.includes(path)) throw new Error(`no ${path}`);
      return fs.statSync(path.startsWith('/usr') ? '/' : path);
    }) as unknown as typeof fs.statSync,
  };
  const python = { ...environment, version, basePrefix: '/usr' };
  return makeSite({ files, environment: python });
}

const compile =
  'npm_config_build_from_source=true PKG_CONFIG_PATH=/opt/python3.12/lib/pkgconfig ' +
  'LDFLAGS=-Wl,-rpath,/opt/python3.12/lib';
const rebuild = `${compile} npm --prefix node_modules/pymport run install`;

function installPymport(binary = true): void {
  write('project/node_modules/pymport/package.json', '{}');
  if (binary) write('project/node_modules/pymport/lib/binding/linux-x64/pymport.node', '');
}

describe('a binding that is not installed', () => {
  const cause = new Error("Cannot find module 'pymport'");

  it('is told with the command that installs it for the chosen Python', () => {
    const error = diagnoseBinding(cause, makeSite());
    assert.equal(error.code, 'ERR_WSGI_BINDING_MISSING');
    assert.deepEqual([error.blame, error.exitCode, error.cause], ['operator', 1, cause]);
    assert.equal(error.remedy, `${compile} npm install pymport@1.2.3`);
  });

  it('is told with the tools whose lack made npm leave it out', () => {
    fs.rmSync(join(folder, 'bin', 'g++'));
    const error = diagnoseBinding(cause, makeSite());
    assert.match(error.message, /for want of g\+\+/);
    assert.equal(
      error.remedy,
      `sudo apt-get install -y g++ && ${compile} npm install pymport@1.2.3`,
    );
    const asRoot = diagnoseBinding(cause, makeSite({ root: true }));
    assert.match(asRoot.remedy ?? '', /^apt-get/);
  });

  it('is installed where wsgi-ts is, wherever the command runs', () => {
    const elsewhere = diagnoseBinding(cause, makeSite({ cwd: '/' }));
    assert.equal(
      elsewhere.remedy,
      `cd ${join(folder, 'project')} && ${compile} npm install pymport@1.2.3`,
    );
    const packageRoot = join(folder, 'lib/node_modules/wsgi-ts');
    const isGlobal = diagnoseBinding(cause, makeSite({ packageRoot }));
    assert.equal(isGlobal.remedy, `${compile} npm install -g pymport@1.2.3`);
    const cloned = diagnoseBinding(cause, makeSite({ packageRoot: join(folder, 'project') }));
    assert.equal(cloned.remedy, `${compile} npm install pymport@1.2.3`);
  });

  it('is told with the package that brings the headers of a Python of the distribution', () => {
    const folderOfPc = '/usr/lib/x86_64-linux-gnu/pkgconfig';
    const remedy = (site: BindingSite): string => diagnoseBinding(cause, site).remedy ?? '';
    assert.match(remedy(makeDistribution('3.11', '3.11', [])), /^sudo apt-get .* python3-dev && /);
    assert.match(remedy(makeDistribution('3.12', '3.11', [])), /^sudo apt-get .* python3.12-dev/);
    const whole = makeDistribution('3.11', '3.11', [`${folderOfPc}/python-3.11-embed.pc`]);
    assert.equal(remedy(whole), 'npm_config_build_from_source=true npm install pymport@1.2.3');
    const other = makeDistribution('3.12', '3.11', [`${folderOfPc}/python-3.12-embed.pc`]);
    assert.match(
      remedy(other),
      /ln -s \/usr\/lib\/x86_64-linux-gnu\/pkgconfig\/python-3\.12-embed\.pc \$d\/python3-embed\.pc/,
    );
  });
});

describe('a binding that is installed', () => {
  it('but has no binary is compiled, by its own script', () => {
    installPymport(false);
    const error = diagnoseBinding(new Error('cannot open shared object file'), makeSite());
    assert.equal(error.code, 'ERR_WSGI_BINDING_NOT_BUILT');
    assert.equal(error.remedy, rebuild);
  });

  it('is found above wsgi-ts, and named in full from elsewhere', () => {
    write('package.json', '{}');
    write('node_modules/pymport/package.json', '{}');
    const error = diagnoseBinding(new Error('no'), makeSite({ cwd: join(folder, 'a b') }));
    assert.match(error.remedy ?? '', new RegExp(`--prefix ${folder}/node_modules/pymport run`));
  });

  it('but whose libpython is not found names it', () => {
    installPymport();
    for (const text of [
      'libpython3.10.so.1.0: cannot open shared object file: No such file or directory',
      'dlopen(/x/pymport.node, 0x000A): Library not loaded: /opt/lib/libpython3.10.dylib',
    ]) {
      const error = diagnoseBinding(new Error(text), makeSite());
      assert.equal(error.code, 'ERR_WSGI_BINDING_LIBPYTHON');
      assert.match(error.message, /libpython3\.10/);
      assert.equal(error.remedy, rebuild);
    }
  });

  it('but with a Python that does not start blames that, and PYTHONHOME where it is set', () => {
    installPymport();
    const cause = new Error('Failed initializing Python: no codec');
    const error = diagnoseBinding(cause, makeSite());
    assert.equal(error.code, 'ERR_WSGI_PYTHON_FAILED');
    assert.match(error.message, /\/home\/me\/\.venv.*no codec/);
    const misled = diagnoseBinding(cause, makeSite({ pythonHome: '/nope' }));
    assert.match(misled.remedy ?? '', /unset PYTHONHOME/);
  });

  it('but fails in another way says how, in one line', () => {
    installPymport();
    const elf = diagnoseBinding(new Error('pymport.node: invalid ELF header\nmore'), makeSite());
    assert.equal(elf.code, 'ERR_WSGI_BINDING_FAILED');
    assert.match(elf.message, /invalid ELF header$/);
    const missing = Object.assign(new Error("Cannot find module '@mapbox/node-pre-gyp'\nRequire"), {
      code: 'MODULE_NOT_FOUND',
    });
    const partial = diagnoseBinding(missing, makeSite());
    assert.equal(partial.code, 'ERR_WSGI_BINDING_FAILED');
    assert.match(partial.remedy ?? '', /npm install pymport@1\.2\.3$/);
  });

  it('but carries a Python of its own is compiled for that of the person', () => {
    installPymport();
    const error = builtinBinding(makeSite());
    assert.equal(error.code, 'ERR_WSGI_BINDING_BUILTIN');
    assert.equal(error.remedy, rebuild);
  });

  it('but is of another version than the environment names both', () => {
    installPymport();
    const error = versionMismatch(makeSite(), '3.11');
    assert.equal(error.code, 'ERR_WSGI_ENVIRONMENT_VERSION');
    assert.match(error.message, /\/home\/me\/\.venv is Python 3\.12, .* Python 3\.11/);
    assert.equal(error.remedy, rebuild);
  });
});

describe('a command to paste', () => {
  it('quotes folders that a shell would take apart', () => {
    installPymport();
    const python = { ...environment, basePrefix: "/opt/my python's" };
    const { remedy } = versionMismatch(makeSite({ environment: python }), '3.11');
    assert.match(remedy ?? '', /PKG_CONFIG_PATH='\/opt\/my python'\\''s\/lib\/pkgconfig'/);
  });
});
