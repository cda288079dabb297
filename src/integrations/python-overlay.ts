// Why an app can't be loaded, in the form of Vite's error overlay. Used by vite.ts when a start or a reload has failed;
// it reads the source file that the traceback leads to, then, and never for a request.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ErrorPayload } from 'vite';
import { WsgiTsError } from '../errors.ts';
import { parseTraceback, type Frame } from '../development/traceback.ts';

/** Lines of source above and below the one that matters. */
const context = 3;
/** Characters of a source file that are read. */
const longest = 1_000_000;

/**
 * Makes what the overlay shows.
 *
 * @param folder - the app's own, absolute: the innermost frame in there is the one that is shown
 */
export function overlayOf(error: unknown, folder: string): ErrorPayload['err'] {
  const known = error instanceof WsgiTsError ? error : null;
  const message = error instanceof Error ? error.message : String(error);
  const traceback = known?.python?.traceback ?? known?.traceback ?? '';
  const frame = frameOf(traceback, folder);
  return {
    plugin: 'wsgi-ts',
    message: known?.remedy === undefined ? message : `${message}\n${known.remedy}`,
    stack: traceback,
    ...(known === null ? {} : { pluginCode: known.code }),
    ...(frame && {
      id: frame.file,
      loc: { file: frame.file, line: frame.line, column: 0 },
      frame: excerpt(frame),
    }),
  };
}

function frameOf(traceback: string, folder: string): Frame | undefined {
  const frames = parseTraceback(traceback)
    .frames.filter(({ file }) => !file.startsWith('<'))
    .map((frame) => ({ ...frame, file: resolve(folder, frame.file) }));
  const own = frames.findLast(
    ({ file }) => file.startsWith(`${folder}/`) && !file.includes('/site-packages/'),
  );
  return own ?? frames.at(-1);
}

/** The lines around it, numbered, the one marked: what Vite shows of JavaScript. */
function excerpt({ file, line, source }: Frame): string {
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').slice(0, longest).split('\n');
  } catch {
    // It may have been removed in the meantime; the traceback has the line.
    return source.join('\n');
  }
  const first = Math.max(1, line - context);
  const shown = lines.slice(first - 1, line + context);
  const width = String(first + shown.length - 1).length;
  return shown
    .map((text, index) => {
      const number = String(first + index).padStart(width);
      return `${first + index === line ? '>' : ' '} ${number}  |  ${text}`;
    })
    .join('\n');
}
