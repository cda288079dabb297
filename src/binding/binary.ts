// Which Python a compiled binding is for, read from the file before it is loaded: a libpython that is in the
// process once can't be taken out again. Called by choose.ts. Reads one file; it must never load it.

import type { readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What a compiled binding says of the Python library that it will load. */
export interface BinaryFacts {
  /** Its name, `libpython3.12.so.1.0`, or on macOS its path. */
  readonly library: string;
  /** `3.12`; `3.13t` for a free-threaded one, `3.12d` for one made for debugging. */
  readonly version: string;
  /** Folders where the loader looks first, absolute (RUNPATH, or the older RPATH). */
  readonly folders: readonly string[];
}

const libraryName =
  /(?:^|\/)(?:libpython(3\.\d+[a-z]*)\.(?:so|dylib)[\d.]*|Versions\/(3\.\d+)\/Python)$/;

/** Of the System V ABI ("Dynamic Section"): which entries are looked at. */
const tags = { end: 0, needed: 1, strings: 5, rpath: 15, runpath: 29 } as const;
const dynamicSegment = 2; // PT_DYNAMIC
const loadedSegment = 1; // PT_LOAD

/**
 * Reads the compiled binding at `path`: ELF of 64 bits, little-endian, or Mach-O.
 *
 * @returns null where there is none, where it is damaged (cut short), or loads no Python
 */
export function readBinary(
  path: string,
  files: { readonly readFileSync: typeof readFileSync },
): BinaryFacts | null {
  try {
    const bytes = files.readFileSync(path);
    return bytes.toString('latin1', 0, 4) === '\x7fELF' ? readElf(bytes, path) : readMachO(bytes);
  } catch {
    return null; // not there, or an offset that points beyond the end
  }
}

/** The file's segments, of one kind. System V ABI, "Program Header". */
function segments(
  bytes: Buffer,
  kind: number,
): { offset: number; address: number; size: number }[] {
  const is64LittleEndian = bytes[4] === 2 && bytes[5] === 1;
  if (!is64LittleEndian) return [];
  const start = Number(bytes.readBigUInt64LE(32));
  const entrySize = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => start + index * entrySize)
    .filter((at) => bytes.readUInt32LE(at) === kind)
    .map((at) => ({
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    }));
}

function readElf(bytes: Buffer, path: string): BinaryFacts | null {
  const loaded = segments(bytes, loadedSegment);
  // The section headers come last in the file: without them it was not written to its end.
  const sections = Number(bytes.readBigUInt64LE(40));
  const end = sections + bytes.readUInt16LE(58) * bytes.readUInt16LE(60);
  if (end > bytes.length) return null;
  const entries = segments(bytes, dynamicSegment).flatMap(({ offset, size }) =>
    Array.from({ length: size / 16 }, (_, index) => ({
      tag: Number(bytes.readBigUInt64LE(offset + index * 16)),
      value: Number(bytes.readBigUInt64LE(offset + index * 16 + 8)),
    })),
  );
  const last = entries.findIndex(({ tag }) => tag === tags.end);
  const valid = last < 0 ? entries : entries.slice(0, last);
  const address = valid.find(({ tag }) => tag === tags.strings)?.value ?? 0;
  const holder = loaded.find(
    (part) => address >= part.address && address < part.address + part.size,
  );
  if (holder === undefined) return null;
  const strings = address - holder.address + holder.offset;
  const textsOf = (wanted: number): string[] =>
    valid
      .filter(({ tag }) => tag === wanted)
      .map(({ value }) =>
        bytes.toString('utf8', strings + value, bytes.indexOf(0, strings + value)),
      );
  const folders = [...textsOf(tags.runpath), ...textsOf(tags.rpath)]
    .flatMap((list) => list.split(':'))
    .filter((folder) => folder !== '')
    .map((folder) => folder.replace(/^\$(?:ORIGIN|\{ORIGIN\})/, dirname(path)));
  return facts(textsOf(tags.needed), folders);
}

/** Mach-O's load commands hold whole paths. */
function readMachO(bytes: Buffer): BinaryFacts | null {
  const paths = bytes
    .toString('latin1')
    .match(/[@/][ -~]*?(?:libpython3\.\d+[a-z]*\.dylib|\/Python)(?=\0)/g);
  return facts(paths ?? [], []);
}

function facts(libraries: readonly string[], folders: readonly string[]): BinaryFacts | null {
  for (const library of libraries) {
    const [, ofLibrary, ofFramework] = libraryName.exec(library) ?? [];
    const version = ofLibrary ?? ofFramework;
    if (version !== undefined) return { library, version, folders };
  }
  return null;
}
