// Who takes part in a scenario: each server that can, in each variant; and who doesn't, and why.

import { join } from 'node:path';
import type { Recipe } from '../measuring/contender.ts';
import type { Load } from '../measuring/wrk.ts';
import { dataFolder } from './data.ts';
import type { PeerEnvironment } from './environment.ts';
import type { Scenario, Variant } from './scenarios.ts';
import {
  absence,
  everyServer,
  inability,
  recipe,
  servers,
  type Server,
  type ServerKey,
} from './servers.ts';

/** A server in a variant of a scenario. */
export interface Entry {
  readonly name: string;
  readonly server: ServerKey;
  readonly recipe: Recipe;
  readonly load: Load;
}

/** Everybody, and the others. */
export interface Entries {
  readonly entries: readonly Entry[];
  /** Why, by the name. */
  readonly absent: Readonly<Record<string, string>>;
}

/** What a person wants of it. */
export interface Wish {
  /** These servers only. */
  readonly servers?: readonly string[] | undefined;
}

/** Who takes part. */
export function entriesOf(scenario: Scenario, peers: PeerEnvironment, wish: Wish): Entries {
  const entries: Entry[] = [];
  const absent: Record<string, string> = {};
  const variants: readonly Variant[] = scenario.variants ?? [{ name: '' }];
  for (const variant of variants) {
    const wanted = variant.servers ?? scenario.servers ?? everyServer;
    const limits = variant === variants[0] ? (scenario.limits ?? []) : [];
    for (const key of [...wanted, ...limits]) {
      if (wish.servers && !wish.servers.includes(key)) continue;
      const server: Server = servers[key];
      const service = {
        ...{ target: scenario.app.target, directory: scenario.app.directory },
        workers: variant.workers ?? scenario.workers,
        threads: variant.threads ?? scenario.threads,
        env: scenario.app.env ?? {},
        ...(variant.accessLog === true && { accessLog: join(dataFolder, `${key}.log`) }),
      };
      const name = variant.name === '' ? server.name : `${server.name}, ${variant.name}`;
      const why =
        absence(server, peers) ??
        (server.kind === 'limit' ? undefined : inability(server, service));
      if (why !== undefined) {
        absent[name] = why;
        continue;
      }
      const connections = variant.connections ?? scenario.load.connections;
      entries.push({
        ...{ name, server: key },
        recipe: recipe(name, server, service, peers.bin),
        load: { ...scenario.load, connections },
      });
    }
  }
  return { entries, absent };
}
