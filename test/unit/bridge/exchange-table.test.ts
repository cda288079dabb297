import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ExchangeTable } from '../../../src/bridge/exchange-table.ts';

test('what was added is found under its id until it is taken', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 300 }), (choices) => {
      const table = new ExchangeTable<{ n: number }>();
      const model = new Map<number, { n: number }>();
      for (const choice of choices) {
        const ids = [...model.keys()];
        const id = ids[choice % (ids.length + 1)];
        if (id === undefined) {
          const item = { n: choice };
          const added = table.add(item);
          assert.ok(added > 0 && added <= 0xffffffff && !model.has(added));
          model.set(added, item);
        } else {
          assert.equal(table.take(id), model.get(id));
          assert.equal(table.take(id), undefined);
          model.delete(id);
        }
        assert.equal(table.size, model.size);
        for (const [each, item] of model) assert.equal(table.get(each), item);
        assert.deepEqual(new Set(table.items()), new Set(model.values()));
      }
    }),
  );
});

test('an id does not come back until its slot was used some thousand times', () => {
  const table = new ExchangeTable<object>();
  const seen = new Set<number>();
  for (let i = 0; i < 4000; i++) {
    const id = table.add({});
    assert.ok(!seen.has(id) && id !== 0);
    seen.add(id);
    table.take(id);
  }
});
