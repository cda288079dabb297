// Patterns for file names as Python's glob has them: what gunicorn takes for --reload-extra-file. Used by
// watched-files.ts. Pure: it never looks whether there is such a file.

/** A pattern that can be looked for. */
export interface Glob {
  /** The folder that every match is in, or below. */
  readonly folder: string;
  /** What follows behind the folder. */
  readonly pattern: string;
  /** How many folders below `folder` a match may be; Infinity with `**`. */
  readonly depth: number;
}

/** Whether `text` is a pattern, and not a file: glob.has_magic of Python's. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

/** Takes an absolute pattern apart. */
export function parseGlob(text: string): Glob {
  const segments = text.split('/');
  const first = segments.findIndex(isGlob);
  const rest = segments.slice(first);
  return {
    folder: segments.slice(0, first).join('/') || '/',
    pattern: rest.join('/'),
    depth: rest.includes('**') ? Infinity : rest.length - 1,
  };
}

/** What a path must match, seen from the pattern's folder (`sub/name.yml`). */
export function globExpression(pattern: string): RegExp {
  const segments = pattern.split('/');
  const source = segments.map((segment, index) => {
    const last = index === segments.length - 1;
    if (segment !== '**') return translate(segment) + (last ? '' : '/');
    return `(?:[^/.][^/]*/)*${last ? '[^/.][^/]*' : ''}`;
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

function translate(segment: string): string {
  let source = isGlob(segment.slice(0, 1)) ? '(?!\\.)' : '';
  for (const [part] of segment.matchAll(/\[!?\]?[^\]]*\]|./gs)) {
    if (part === '*') source += '[^/]*';
    else if (part === '?') source += '[^/]';
    else if (part.length > 1) source += characters(part.slice(1, -1));
    else source += part.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
  }
  return source;
}

/** A set of characters: `!` at its beginning means none of them. */
function characters(set: string): string {
  const none = set.startsWith('!');
  const body = (none ? set.slice(1) : set).replace(/[\\\]^[]/g, '\\$&');
  return `[${none ? '^/' : ''}${body}]`;
}
