// Why a worker died, as far as can be known: what it was at, how its memory went, what the kernel says. Made by
// supervisor.ts for each worker; the record is written once, when it has died without being asked to. Runs on the
// master's main thread. It must never throw: the server goes on.

import { readFileSync } from 'node:fs';
import { writeLost } from '../bridge/access-entry.ts';
import { createAccessLog } from '../log/access-log.ts';
import { escapeField } from '../log/escape.ts';
import { readJournal } from '../log/journal.ts';
import type { JournalContents, JournalEntry } from '../log/journal.ts';
import type { LogPolicy } from '../messages.ts';
import { count } from './exit-report.ts';

const mebibyte = 1024 * 1024;
/** Points of the memory's curve that are kept; every other one goes when there are so many. */
const curvePoints = 20;
/** Requests that the record names, of each kind. */
const shown = 10;

/** What is written down of a worker while it lives. */
export class LifeRecord {
  readonly #oomKills = oomKills();
  #curve: number[] = [];
  /** Heartbeats between two points. */
  #every = 1;
  #beats = 0;
  #requests = 0;

  /** A heartbeat: requests answered so far, and bytes of resident memory. */
  beat(requests: number, memory: number): void {
    this.#requests = requests;
    if (this.#beats++ % this.#every !== 0) return;
    this.#curve.push(memory);
    if (this.#curve.length <= curvePoints) return;
    this.#curve = this.#curve.filter((_, index) => index % 2 === 0);
    this.#every *= 2;
  }

  /** The record's lines, each behind a line feed. */
  tell({ running, recent, count: begun }: JournalContents, now: number): string {
    // It never served anybody: what it said itself is all there is.
    if (this.#beats === 0 && recent.length === 0) return '';
    const lines = [
      `It had answered ${count(Math.max(this.#requests, begun - running.length), 'request')}.`,
    ];
    if (running.length > 0) lines.push(`It was at: ${list(running, now)}`);
    else if (recent.length > 0)
      lines.push(`It was at no request. The last ones: ${list(recent, now)}`);
    const curve = this.#curve.map((bytes) => Math.round(bytes / mebibyte));
    const seconds = this.#every === 1 ? 'second' : `${this.#every} seconds`;
    if (curve.length > 0) lines.push(`Memory in MiB, every ${seconds}: ${curve.join(' ')}`);
    const [before, after] = [this.#oomKills, oomKills()];
    if (before !== null && after !== null && after > before) {
      lines.push(
        'The kernel has killed for want of memory in this control group meanwhile (memory.events: ' +
          `oom_kill ${before} → ${after}).`,
      );
    }
    return lines.map((line) => `\n  ${line}`).join('');
  }
}

/** What a worker has left when it is gone, in the words of the arbiter's event. */
export interface Estate {
  readonly lost: readonly string[];
  readonly requests: number;
  readonly record: string;
}

/**
 * What there is to say of a worker that is gone; access lines that it could not write are written.
 *
 * @param journal - the descriptor of its journal; null where it ended in order, and has told of all its requests
 */
export function settle(
  life: LifeRecord,
  journal: number | null,
  logs: LogPolicy,
  pid: number,
): Estate {
  const contents = journal === null ? emptyJournal : openJournal(journal);
  logLost(contents.running, logs, pid);
  return {
    lost: contents.running.map(nameRequest),
    requests: contents.count - contents.running.length,
    record: life.tell(contents, Date.now()),
  };
}

/** That of a worker which has told of all its requests. */
const emptyJournal: JournalContents = { running: [], recent: [], count: 0 };

/** What a dead worker's journal holds; nothing where it can't be read. */
function openJournal(fd: number): JournalContents {
  try {
    return readJournal(fd);
  } catch {
    return emptyJournal;
  }
}

/** Writes the access lines that a worker could not write. */
function logLost(
  running: readonly JournalEntry[],
  { accessFile, accessFormat, form }: LogPolicy,
  pid: number,
): void {
  if (accessFile === null || running.length === 0) return;
  try {
    const log = createAccessLog({ file: accessFile, format: accessFormat, form, pid });
    for (const entry of running) writeLost(log, entry, Date.now());
    log.close();
  } catch {
    // The file can't be opened any more: workers say so.
  }
}

/** `GET /path`, as the log may show it. */
function nameRequest({ method, target }: JournalEntry): string {
  return escapeField(`${method} ${target}`);
}

function list(entries: readonly JournalEntry[], now: number): string {
  const texts = entries
    .slice(0, shown)
    .map((entry) => `${nameRequest(entry)} (${((now - entry.startedAt) / 1000).toFixed(1)} s ago)`);
  return [...texts, ...(entries.length > shown ? [`… ${entries.length} in all`] : [])].join(', ');
}

/** How often the kernel has killed a process of our control group for want of memory; null: not known. */
function oomKills(): number | null {
  try {
    const [, path = '/'] = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1')) ?? [];
    const events = readFileSync(`/sys/fs/cgroup${path}/memory.events`, 'latin1');
    const [, count] = /^oom_kill (\d+)$/m.exec(events) ?? [];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}
