import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  addCached,
  bindingName,
  cacheProblem,
  findCached,
  listCached,
  openCache,
} from '../../../src/binding/cache.ts';
import { readBinary } from '../../../src/binding/binary.ts';
import { localSite, type BindingSite } from '../../../src/binding/site.ts';

let folder: string;
let site: BindingSite & { readonly cache: string };

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-')));
  site = { ...localSite({ XDG_CACHE_HOME: folder }), cache: join(folder, 'wsgi-ts', 'bindings') };
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

const binary = localSite({}).pymport?.binary ?? '';
const python = { version: readBinary(binary, fs)?.version ?? '', basePrefix: '/opt/python' };
const record = {
  ...python,
  ...{ python: '3.0.0', pymport: '1.0.0', node: '20.0.0', platform: 'p', built: '' },
};

describe('where bindings are kept', () => {
  it('is XDG_CACHE_HOME if that is absolute, else .cache at home', () => {
    assert.equal(localSite({ XDG_CACHE_HOME: folder }).cache, site.cache);
    for (const XDG_CACHE_HOME of ['', 'relative/path']) {
      assert.match(localSite({ XDG_CACHE_HOME }).cache ?? '', /\/\.cache\/wsgi-ts\/bindings$/);
    }
  });

  it('tells by the name all that a binding depends on', () => {
    const names = [
      bindingName(site, python),
      bindingName(site, { ...python, version: '3.99' }),
      bindingName(site, { ...python, basePrefix: '/usr' }),
      bindingName({ ...site, abi: '1' }, python),
      bindingName({ ...site, platform: 'linux-x64-musl' }, python),
      bindingName({ ...site, pymport: null, wantedVersion: '9.9.9' }, python),
    ];
    assert.equal(new Set(names).size, names.length);
  });

  it('is for its user alone, and what is put there is there whole', () => {
    openCache(site);
    assert.equal(fs.statSync(site.cache).mode & 0o777, 0o700);
    assert.equal(findCached(site, python), null);
    const added = addCached(site, binary, record);
    assert.deepEqual(findCached(site, python), added);
    assert.deepEqual(added.record, record);
    assert.deepEqual(listCached(site), [added]);
    addCached(site, binary, record);
    assert.equal(fs.readdirSync(site.cache).length, 1);
    fs.truncateSync(added.path, 1000);
    assert.equal(findCached(site, python), null);
  });

  it('keeps what is there where something new can not be added', () => {
    openCache(site);
    const added = addCached(site, binary, record);
    assert.throws(() => addCached(site, '/nowhere', record), { code: 'ERR_WSGI_BINDING_CACHE' });
    assert.deepEqual(listCached(site), [added]);
    assert.equal(fs.readdirSync(site.cache).length, 1);
  });

  it("is refused where others could write, or where it is another user's", () => {
    openCache(site);
    const { path } = addCached(site, binary, record);
    const refused = { code: 'ERR_WSGI_BINDING_CACHE' };
    fs.chmodSync(join(path, '..'), 0o770);
    assert.throws(() => findCached(site, python), refused);
    fs.chmodSync(join(path, '..'), 0o700);
    // Root may give away; anybody else is given another name.
    if (site.uid === 0)
      for (const one of [site.cache, join(path, '..')]) fs.chownSync(one, 54321, 54321);
    const somebody = { ...site, uid: site.uid + 1 };
    assert.throws(() => findCached(somebody, python), refused);
    assert.throws(() => {
      openCache(somebody);
    }, refused);
  });

  it('is refused for root where somebody else could put another folder in its place', (context) => {
    if (site.uid !== 0) {
      context.skip('only root has rights that others could borrow');
      return;
    }
    openCache(site);
    fs.chownSync(folder, 1, 1);
    assert.throws(
      () => {
        openCache(site);
      },
      { code: 'ERR_WSGI_BINDING_CACHE', message: /belongs to a user who is not root/ },
    );
    fs.chownSync(folder, 0, 0);
    fs.chmodSync(folder, 0o777);
    assert.throws(
      () => {
        openCache(site);
      },
      { code: 'ERR_WSGI_BINDING_CACHE', message: /can be written by users other than root/ },
    );
    fs.chmodSync(folder, 0o1777);
    openCache(site);
  });
});

describe('a full disk', () => {
  it('is told as that, with what to do', () => {
    for (const code of ['ENOSPC', 'EDQUOT']) {
      const { message, remedy, exitCode } = cacheProblem(site, code);
      assert.match(message, /the disk is full/);
      assert.match(remedy ?? '', /Make room/);
      assert.equal(exitCode, 1);
    }
  });
});
