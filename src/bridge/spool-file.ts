// A file for what doesn't fit into memory: request bodies on their way in (request-body.ts), answers that their
// clients take slowly (response-spool.ts). It has no name, so it is gone with its last descriptor, however the
// process ends. Used on the event loop. Must never use the descriptor's own position: Python begins to read there.

import { randomBytes } from 'node:crypto';
import { close, open, read, unlink, write, writev } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WsgiTsError } from '../errors.ts';

const readAt = promisify(read);
const writevAt = promisify(writev);
const writeAt = promisify(write);

/** Codes of a file system that takes no more: disk, quota, the process' own limit. */
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** A file without a name. */
export class SpoolFile {
  /** Whoever takes it over closes it, and calls `close` no more. */
  readonly fd: number;

  readonly #folder: string | null;

  private constructor(fd: number, folder: string | null) {
    this.fd = fd;
    this.#folder = folder;
  }

  /**
   * Makes one.
   *
   * @param folder - where, absolute; null: the system's folder for temporary files (`TMPDIR`)
   * @throws WsgiTsError, see {@link spoolError}
   */
  static async open(folder: string | null): Promise<SpoolFile> {
    const path = join(folder ?? tmpdir(), `wsgi-ts-${randomBytes(12).toString('hex')}`);
    try {
      // Not a FileHandle: that would close its descriptor when collected, but Python may own it by then.
      const file = new SpoolFile(await promisify(open)(path, 'wx+', 0o600), folder);
      try {
        await promisify(unlink)(path);
      } catch (error) {
        file.close();
        throw error;
      }
      return file;
    } catch (error) {
      throw spoolError(error as NodeJS.ErrnoException, folder);
    }
  }

  /** Writes all of `data` at `position`. @throws WsgiTsError, see {@link spoolError} */
  async write(data: Buffer, position: number): Promise<void> {
    let written = 0;
    try {
      while (written < data.length) {
        const rest = data.length - written;
        written += (await writeAt(this.fd, data, written, rest, position + written)).bytesWritten;
      }
    } catch (error) {
      throw spoolError(error as NodeJS.ErrnoException, this.#folder);
    }
  }

  /** Writes `pieces`, one behind the other, at `position`. @throws WsgiTsError, see {@link spoolError} */
  async writeAll(pieces: readonly Buffer[], position: number): Promise<void> {
    let written: number;
    try {
      written = (await writevAt(this.fd, pieces, position)).bytesWritten;
    } catch (error) {
      throw spoolError(error as NodeJS.ErrnoException, this.#folder);
    }
    // The kernel may take less, as it does of the last that there is room for; most often nothing is left.
    let at = position;
    for (const piece of pieces) {
      const rest = piece.subarray(Math.max(0, position + written - at));
      at += piece.length;
      if (rest.length > 0) await this.write(rest, at - rest.length);
    }
  }

  /** Reads up to `length` bytes at `position`. @throws WsgiTsError, see {@link spoolError} */
  async read(length: number, position: number): Promise<Buffer> {
    try {
      const { buffer, bytesRead } = await readAt(
        this.fd,
        Buffer.allocUnsafe(length),
        0,
        length,
        position,
      );
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw spoolError(error as NodeJS.ErrnoException, this.#folder);
    }
  }

  close(): void {
    close(this.fd);
  }
}

/**
 * What a file system's error means: ERR_WSGI_SPOOL_FULL (operator, 507) where there is no room, else
 * ERR_WSGI_SPOOL (operator, 500).
 */
function spoolError(error: NodeJS.ErrnoException, named: string | null): WsgiTsError {
  const folder = named ?? tmpdir();
  if (FULL.has(error.code)) {
    const message = `there is no room left for temporary files in ${folder} (${error.code ?? ''}): make some, or set ${named === null ? 'TMPDIR' : '--tmp-upload-dir'}`;
    return new WsgiTsError('ERR_WSGI_SPOOL_FULL', 'operator', message, {
      status: 507,
      cause: error,
    });
  }
  const message = `temporary files can't be used in ${folder}: ${error.message}`;
  return new WsgiTsError('ERR_WSGI_SPOOL', 'operator', message, { status: 500, cause: error });
}
