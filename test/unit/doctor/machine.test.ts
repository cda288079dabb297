import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { lookAtBacklog, lookAtDescriptors, lookAtQuotas } from '../../../src/doctor/machine.ts';
import { defaultSettings } from '../../helpers/default-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-doctor-'));
after(() => {
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  rmSync(join(folder, 'proc'), { recursive: true, force: true });
  rmSync(join(folder, 'cgroup'), { recursive: true, force: true });
});

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const proc = join(folder, 'proc');
const cgroup = join(folder, 'cgroup');
const settings = { ...defaultSettings(folder), workers: 4, workerConnections: 1000, backlog: 2048 };

describe('the machine', () => {
  it('is warned of where a process may open fewer files than it may have connections', () => {
    const limits = (soft: string): string =>
      `Limit                     Soft Limit           Hard Limit           Units\n` +
      `Max open files            ${soft.padEnd(20)} 524288               files\n`;
    for (const [soft, state] of [
      ['1024', 'warning'],
      ['4096', 'good'],
      ['unlimited', 'good'],
    ] as const) {
      write('proc/self/limits', limits(soft));
      const [finding] = lookAtDescriptors(settings, proc);
      assert.equal(finding?.state, state);
      assert.match(finding.text, new RegExp(`Open files: ${soft} `));
    }
  });

  it('is warned of where the kernel lets fewer connections wait than --backlog', () => {
    write('proc/sys/net/core/somaxconn', '128\n');
    const [finding] = lookAtBacklog(settings, proc);
    assert.equal(finding?.state, 'warning');
    assert.match(finding.text, /wait: 128 /);
    assert.equal(finding.remedy, 'sysctl net.core.somaxconn=2048');
    write('proc/sys/net/core/somaxconn', '4096\n');
    assert.equal(lookAtBacklog(settings, proc)[0]?.state, 'good');
  });

  it('leaves out what the system does not tell', () => {
    assert.deepEqual(lookAtDescriptors(settings, proc), []);
    assert.deepEqual(lookAtBacklog(settings, proc), []);
    const { text } = lookAtQuotas(settings, cgroup, proc);
    assert.match(text, new RegExp(`^${availableParallelism()} cores, \\d+ MiB of memory, for 4`));
  });

  it('is measured by the quotas of its control groups, of either version, the tightest of all', () => {
    write('proc/self/cgroup', '0::/system/app\n');
    write('cgroup/system/cpu.max', '50000 100000\n');
    write('cgroup/system/app/cpu.max', 'max 100000\n');
    write('cgroup/system/app/memory.max', `${1024 * 1024 * 1024}\n`);
    const second = lookAtQuotas({ ...settings, workers: 2 }, cgroup, proc);
    assert.match(second.text, /^0\.5 of \d+ cores \(quota\), 1024 MiB \(quota\) of memory, for 2 /);
    assert.equal(second.state, 'good');
    rmSync(cgroup, { recursive: true });
    write('cgroup/cpu/cpu.cfs_quota_us', '150000\n');
    write('cgroup/cpu/cpu.cfs_period_us', '100000\n');
    write('cgroup/memory/memory.limit_in_bytes', `${100 * 1024 * 1024}\n`);
    const first = lookAtQuotas(settings, cgroup, proc);
    assert.match(first.text, /^1\.5 of \d+ cores \(quota\), 100 MiB \(quota\)/);
    assert.equal(first.state, 'warning');
    assert.match(first.remedy ?? '', /fewer --workers/);
  });
});
