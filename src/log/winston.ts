// The master's log lines go through winston; the only file that imports it. Loading it takes as long as starting Node, so
// master.ts does that while the first workers load the app. The lines before, and those of workers, are the same without it (logger.ts).

import { Writable } from 'node:stream';
import winston from 'winston';
import type { LogEntry } from './line-format.ts';
import { ranks, type MakeCarrier } from './logger.ts';

/** What winston hands from `log` to the format. */
interface Info extends LogEntry {
  readonly whole: boolean;
}

/** Brings entries through winston into the file. */
export const throughWinston: MakeCarrier = (line, write) => {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      write(chunk);
      done();
    },
  });
  const core = winston.createLogger({
    levels: ranks,
    level: 'debug', // what comes here has been judged
    format: winston.format.printf((info) => {
      const entry = info as unknown as Info;
      return line(entry, entry.whole);
    }),
    // winston declares its transports as interfaces, which the rule takes for foreign objects.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  return {
    carry: (entry, whole) => {
      core.log({ ...entry, whole });
    },
    close: () => {
      core.close();
    },
  };
};
