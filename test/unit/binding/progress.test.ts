import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { showProgress } from '../../../src/binding/progress.ts';

function told(isTerminal: boolean): string {
  let text = '';
  const listener = showProgress(2, isTerminal, (more) => {
    text += more;
  });
  listener.begin('somebody else builds');
  listener.begin('x is built');
  listener.progress(0.5);
  listener.end('done');
  listener.end('done');
  return text;
}

describe('how a building goes', () => {
  it('is one line for each of its steps in a log', () => {
    assert.equal(told(false), 'wsgi-ts: somebody else builds\nwsgi-ts: x is built\n');
  });

  it('is a line that grows on a terminal', () => {
    const lines = told(true).split('\n');
    assert.match(
      lines[0] ?? '',
      /^wsgi-ts: somebody else builds …\r.*somebody else builds\x1b\[K$/,
    );
    assert.match(lines[1] ?? '', /^wsgi-ts: x is built …\r.* … 50 %\x1b\[K\r.* … done\x1b\[K$/);
    assert.deepEqual(lines.slice(2), ['']);
  });
});
