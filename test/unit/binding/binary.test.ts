import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, it } from 'node:test';
import { readBinary } from '../../../src/binding/binary.ts';
import { localSite } from '../../../src/binding/site.ts';
import { testPythonEnvironment } from '../../helpers/python-environment.ts';

const path = localSite({}).pymport?.binary ?? '';
const bytes = fs.readFileSync(path);

function read(content: Buffer, at = '/a/b/pymport.node') {
  return readBinary(at, { readFileSync: (() => content) as unknown as typeof fs.readFileSync });
}

describe('a compiled binding', () => {
  it('says which Python it is for, and where that is looked for', () => {
    const facts = readBinary(path, fs);
    const python = fs.realpathSync(testPythonEnvironment().python);
    assert.equal(`python${facts?.version ?? ''}`, python.split('/').at(-1));
    assert.match(facts?.library ?? '', /^libpython3\.\d+\.so\.1\.0$/);
    assert.equal(facts?.folders.length, 1);
  });

  it('beside which its Python lies says so, in either way of writing it', () => {
    const runpath = readBinary(path, fs)?.folders[0] ?? '';
    for (const origin of ['$ORIGIN/lib', '${ORIGIN}/lib']) {
      const changed = Buffer.from(bytes);
      changed.write(`${origin}\0`, changed.indexOf(`${runpath}\0`));
      assert.deepEqual(read(changed)?.folders, ['/a/b/lib']);
    }
  });

  it('that was cut short anywhere, or is none, is nothing', () => {
    for (let length = 0; length < bytes.length; length += 509) {
      assert.equal(read(bytes.subarray(0, length)), null, `${length} bytes`);
    }
    assert.equal(read(fs.readFileSync(process.execPath).subarray(0, 100_000)), null);
    assert.equal(readBinary('/nowhere', fs), null);
  });

  it('of macOS holds the path of its library', () => {
    const library =
      '/opt/homebrew/opt/python@3.12/Frameworks/Python.framework/Versions/3.12/Python';
    const framework = Buffer.from(`\xcf\xfa\xed\xfe....${library}\0\0`, 'latin1');
    assert.deepEqual(read(framework), { library, version: '3.12', folders: [] });
    const plain = Buffer.from('\xcf\xfa\xed\xfe..@loader_path/lib/libpython3.13.dylib\0', 'latin1');
    assert.deepEqual(read(plain)?.version, '3.13');
  });
});
