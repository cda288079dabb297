// The package's version, read once from package.json: for SERVER_SOFTWARE and `--version`.
import { createRequire } from 'node:module';

const { version: packageVersion } = createRequire(import.meta.url)('../../../package.json') as {
  version: string;
};

/** `0.1.0` */
export const version: string = packageVersion;
