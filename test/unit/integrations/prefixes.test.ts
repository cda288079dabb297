import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prefixes } from '../../../src/integrations/prefixes.ts';

describe('Prefixes', () => {
  it('takes a path that is one of them, or below', () => {
    const prefixes = new Prefixes(['/api/', '/a/b', '/a']);
    const found = ['/api', '/api/', '/api/x?y', '/api?x', '/a/b/c', '/a/bc'].map((target) =>
      prefixes.of(target),
    );
    assert.deepEqual(found, ['/api', '/api', '/api', '/api', '/a/b', '/a']);
  });

  it('leaves what only begins alike, is written otherwise, or is no path', () => {
    const prefixes = new Prefixes(['/api']);
    for (const target of ['/', '/apis', '//api', '/%61pi', '*', 'http://host/api', '/API'])
      assert.equal(prefixes.of(target), null, target);
  });

  it('refuses what is no path, and the one that would take all', () => {
    for (const wrong of ['', '/', '//', '//host', 'api', '/a b', '/a?b', '/a#b', '/ü'])
      assert.throws(() => new Prefixes([wrong]), { code: 'ERR_WSGI_PREFIX' }, wrong);
    assert.throws(() => new Prefixes([]), { code: 'ERR_WSGI_PREFIX' });
  });
});
