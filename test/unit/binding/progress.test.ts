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
  listener.step();
  listener.step();
  listener.end('done');
  listener.end('done');
  return text;
}

describe('how a building goes', () => {
  it('is one line for each of its steps in a log', () => {
    assert.equal(told(false), 'wsgi-ts: somebody else builds\nwsgi-ts: x is built\n');
  });

  it('is a line that grows on a terminal', () => {
    assert.equal(told(true), 'wsgi-ts: somebody else builds …\nwsgi-ts: x is built ….. done\n');
  });
});
