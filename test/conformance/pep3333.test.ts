// Walks the table of PEP 3333's clauses: each row is a test, named by its section, its word and what the
// server does. That no row lacks its proof is the compiler's business: see the type of `proofs`.

import { after, describe, test } from 'node:test';
import { clauses } from './clauses.ts';
import type { Clause, ClauseId, Proof } from './clauses.ts';
import { stopFixtures } from '../helpers/fixture-server.ts';
import { bodyProofs } from './proofs/body.ts';
import { closingProofs } from './proofs/closing.ts';
import { environProofs } from './proofs/environ.ts';
import { fileWrapperProofs } from './proofs/file-wrapper.ts';
import { headProofs } from './proofs/head.ts';
import { streamProofs } from './proofs/streams.ts';

const proofs = {
  ...environProofs,
  ...streamProofs,
  ...headProofs,
  ...bodyProofs,
  ...closingProofs,
  ...fileWrapperProofs,
} satisfies Record<ClauseId, Proof>;

describe('PEP 3333', () => {
  after(stopFixtures);
  for (const [id, [section, level, says]] of Object.entries<Clause>(clauses)) {
    test(`${id}: ${says} (${section}: ${level})`, async () => {
      await proofs[id as ClauseId]();
    });
  }
});
