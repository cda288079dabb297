import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packageManager } from '../../../src/binding/package-manager.ts';
import { localSite } from '../../../src/binding/site.ts';

const site = { ...localSite({}), platform: 'linux-x64-glibc', uid: 1000 };

describe('the command that installs packages', () => {
  it('is that of the system, by its os-release', () => {
    const cases: [string, string][] = [
      ['ID=debian\n', 'sudo apt-get install -y g++ make python3-dev python3.12-dev'],
      [
        'NAME="x"\nID=pop\nID_LIKE="ubuntu debian"\n',
        'sudo apt-get install -y g++ make python3-dev python3.12-dev',
      ],
      [
        'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
        'sudo dnf install -y gcc-c++ make python3-devel python3.12-devel',
      ],
      ['ID=alpine\n', 'sudo apk add g++ make python3-dev python3-dev'],
    ];
    for (const [release, expected] of cases) {
      const found = packageManager(site, release);
      assert.ok(found);
      const headers = [found.headers('3.12', true), found.headers('3.12', false)];
      assert.equal(found.install([found.compiler, found.make, ...headers]), expected);
    }
  });

  it('needs no sudo for root, and is none where the system is not known', () => {
    assert.equal(
      packageManager({ ...site, uid: 0 }, 'ID=debian')?.install(['x']),
      'apt-get install -y x',
    );
    assert.equal(packageManager(site, 'ID=plan9\nNAME=debian\n'), null);
  });

  it("is Apple's for the compiler and brew for the rest on macOS", () => {
    const found = packageManager({ ...site, platform: 'darwin-arm64' }, '');
    assert.ok(found);
    assert.equal(found.install([found.compiler, found.make]), 'xcode-select --install');
    assert.equal(found.install([found.headers('3.12', true)]), 'brew reinstall python@3.12');
  });
});
