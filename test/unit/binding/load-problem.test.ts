import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Environment } from '../../../src/binding/environment.ts';
import { loadProblem, misfit } from '../../../src/binding/load-problem.ts';

const environment: Environment = {
  source: '.venv',
  root: '/home/me/my project/.venv',
  executable: '/home/me/my project/.venv/bin/python3',
  version: '3.12',
  basePrefix: '/opt/python3.12',
};
const rebuild = "wsgi-ts binding build --force --python '/home/me/my project/.venv'";

describe('a binding that is there', () => {
  it("but can't be loaded says how, in one line, and is built anew", () => {
    const cause = new Error('/x/pymport.node: undefined symbol: uv_nothing\nmore');
    const error = loadProblem(cause, '/x/pymport.node', environment, null);
    assert.equal(error.code, 'ERR_WSGI_BINDING_FAILED');
    assert.deepEqual([error.blame, error.exitCode, error.cause], ['operator', 1, cause]);
    assert.match(error.message, /undefined symbol: uv_nothing$/);
    assert.equal(error.remedy, rebuild);
  });

  it('but whose Python does not start blames that, and PYTHONHOME where it is set', () => {
    const cause = new Error('Failed initializing Python: no codec');
    const error = loadProblem(cause, '/x', environment, null);
    assert.equal(error.code, 'ERR_WSGI_PYTHON_FAILED');
    assert.match(error.message, /my project\/\.venv.*no codec/);
    assert.match(loadProblem(cause, '/x', environment, '/nope').remedy ?? '', /unset PYTHONHOME/);
  });

  it('but does not fit the standard library says what was missed', () => {
    const cause = new Error("ModuleNotFoundError: No module named 'select'\nTraceback");
    const error = misfit(environment, '3.12', cause);
    assert.equal(error.code, 'ERR_WSGI_ENVIRONMENT_MISFIT');
    assert.match(error.message, /another Python 3\.12 \(No module named 'select'\)$/);
    assert.equal(error.remedy, rebuild);
  });
});
