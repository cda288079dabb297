// A process of its own in which the doctor starts Python, because it may crash of that: the entry file that
// probe-run.ts runs. What it was asked comes as JSON on standard input, the answer goes to descriptor 3, since the app
// may print: a line `started` once Python has, then a line of JSON. It must never build a binding.

import { readFileSync, writeSync } from 'node:fs';
import { startInterpreter } from '../bridge/interpreter.ts';
import { WsgiTsError } from '../errors.ts';
import type { ProbeAnswer, ProbeQuestion } from './probe-run.ts';

const answerTo = 3;
const nobody = { begin: () => undefined, step: () => undefined, end: () => undefined };

async function answer(question: ProbeQuestion): Promise<ProbeAnswer> {
  const { python, chdir, pythonpath, env, app } = question;
  const options = { python, directory: chdir, noBuild: true, listener: nobody };
  process.chdir(chdir);
  const interpreter = await startInterpreter(options);
  writeSync(answerTo, 'started\n');
  interpreter.call('boot', 'prepare', { chdir, pythonpath, env, argv: ['wsgi-ts', app ?? ''] });
  return app === null
    ? { result: interpreter.call('diagnosis', 'openssl') }
    : { result: interpreter.call('diagnosis', 'load', app) };
}

function failure(error: unknown): ProbeAnswer {
  const { message } = error as Error;
  const remedy = error instanceof WsgiTsError ? (error.remedy ?? null) : null;
  return { problem: { message, remedy } };
}

const question = JSON.parse(readFileSync(0, 'utf8')) as ProbeQuestion;
writeSync(answerTo, `${JSON.stringify(await answer(question).catch(failure))}\n`);
process.exit(0); // threads that the app has started at its import would keep it
