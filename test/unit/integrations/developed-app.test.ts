import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, it } from 'node:test';
import { DevelopedApp, type Developed } from '../../../src/integrations/developed-app.ts';

/** A server that does what it is told, and an app whose story is written down. */
function staged(start: (signal: AbortSignal) => Promise<void>, reload: () => Promise<void>) {
  const told = new EventEmitter();
  let end = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    end = resolve;
  });
  const story: string[] = [];
  const tell = (what: string): void => {
    story.push(what);
    told.emit('told');
  };
  const server: Developed = {
    reload,
    close: () => {
      story.push('closed');
      end();
      return Promise.resolve();
    },
    closed,
  };
  const app = new DevelopedApp(
    async (signal) => {
      await start(signal);
      return server;
    },
    {
      served: (changed, mended) => {
        tell(`served ${changed.join()}${mended ? ' mended' : ''}`);
      },
      failed: (error) => {
        tell(`failed ${String(error)}`);
      },
      lost: () => {
        tell('lost');
      },
    },
  );
  return {
    app,
    story,
    told: () => once(told, 'told'),
    end: () => {
      end();
    },
  };
}

const nothing = (): Promise<void> => Promise.resolve();

describe('DevelopedApp', () => {
  it('reloads once for changes that come together', async () => {
    let reloads = 0;
    const { app, story, told } = staged(nothing, () => Promise.resolve(void (reloads += 1)));
    await told();
    app.change('a.py');
    app.change('b.py');
    await told();
    assert.deepEqual(story, ['served ', 'served a.py,b.py']);
    assert.equal(reloads, 1);
    await app.close();
    app.change('c.py');
    assert.equal(story.at(-1), 'closed');
  });

  it('starts anew after a start that failed, and is not there until then', async () => {
    let starts = 0;
    const { app, told, story } = staged(() => {
      starts += 1;
      return starts === 1 ? Promise.reject(new Error('no')) : nothing();
    }, nothing);
    await told();
    await assert.rejects(app.available(), /no/);
    app.change('a.py');
    await told();
    await app.available();
    assert.deepEqual(story, ['failed Error: no', 'served a.py mended']);
  });

  it('goes on where a reload failed, and says so', async () => {
    const { app, told, story } = staged(nothing, () => Promise.reject(new Error('no')));
    await told();
    app.change('a.py');
    await told();
    await app.available();
    assert.equal(story.at(-1), 'failed Error: no');
  });

  it('gives up a start that hangs when a file changes, or when it is closed', async () => {
    const aborted: unknown[] = [];
    const { app, told, story } = staged(async (signal) => {
      if (aborted.length > 0) return;
      await once(signal, 'abort');
      aborted.push(signal);
      signal.throwIfAborted();
    }, nothing);
    app.change('a.py');
    await told();
    assert.equal(aborted.length, 1);
    assert.deepEqual(story, ['served a.py mended']);
    await app.close();
    assert.equal(story.at(-1), 'closed');
  });

  it('tells of a server that ended by itself, and starts it at the next change', async () => {
    const { app, told, story, end } = staged(nothing, nothing);
    await told();
    end();
    await told();
    await assert.rejects(app.available(), /has ended/);
    assert.equal(story.at(-1), 'lost');
  });
});
