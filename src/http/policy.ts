// What the operator wants of HTTP, as plain data: limits, deadlines, trust, TLS. The master makes it of the
// settings (master/configuration.ts), the worker and the bridge act by it. Types and defaults only; what each
// value means is written at its row in src/settings/rows/.

/** How much a request may be; bytes, but for `fields`. 0: no limit of its own. */
export interface RequestLimits {
  readonly line: number;
  readonly fields: number;
  readonly fieldSize: number;
  readonly body: number;
}

/** How slow a client may be; seconds, 0 for any time, and bytes a second. */
export interface Deadlines {
  readonly head: number;
  readonly body: number;
  readonly response: number;
  readonly minimumRate: number;
}

/** What proxies can say of a client's request; RFC 7239 knows the first three. */
export const forwardedFields = ['for', 'proto', 'host', 'port', 'prefix'] as const;
/** One of them. */
export type ForwardedField = (typeof forwardedFields)[number];

/** Whose word counts on who the client is. */
export interface Trust {
  readonly forwardedAllowIps: readonly string[];
  /** Lower-case names of header fields, and the value by which each says https. */
  readonly secureSchemeHeaders: Readonly<Record<string, string>>;
  readonly forwarderHeaders: readonly string[];
  readonly headerMap: 'drop' | 'refuse' | 'dangerous';
  /** Proxies that each add to the forwarded field; 0: it is not read. */
  readonly forwardedHops: number;
  readonly forwardedHeader: 'x-forwarded' | 'forwarded';
  /** What is read of that field, or of these. */
  readonly forwardedFields: readonly ForwardedField[];
  /** Path that the app is mounted at, where nobody else says so: gunicorn's environment variable SCRIPT_NAME. */
  readonly scriptName: string;
}

/** Nobody's word counts. */
export const noTrust: Trust = {
  forwardedAllowIps: [],
  secureSchemeHeaders: {},
  forwarderHeaders: [],
  headerMap: 'drop',
  forwardedHops: 0,
  forwardedHeader: 'x-forwarded',
  forwardedFields: forwardedFields,
  scriptName: '',
};

/** Whether connections begin with the PROXY protocol, and whose may. */
export interface ProxyProtocolPolicy {
  readonly mode: 'off' | 'v1' | 'v2' | 'auto';
  readonly allowFrom: readonly string[];
}

/** Files are paths, absolute or relative to the app's directory. */
export interface TlsPolicy {
  readonly certfile: string;
  /** null: the key is in `certfile`. */
  readonly keyfile: string | null;
  readonly caCerts: string | null;
  /** 0: no client certificate is asked for, 1: it may be shown, 2: it must be. */
  readonly certReqs: number;
  readonly ciphers: string | null;
  readonly minimumVersion: '1.0' | '1.1' | '1.2' | '1.3';
}

/** What is spoken, and how HTTP/2 is. */
export interface ProtocolPolicy {
  /** In order of preference. */
  readonly protocols: readonly ('h1' | 'h2')[];
  readonly cleartext: 'off' | 'prior-knowledge';
  readonly maxConcurrentStreams: number;
  readonly initialWindowSize: number;
  readonly maxFrameSize: number;
  readonly maxHeaderListSize: number;
}

/** All of it. */
export interface HttpPolicy {
  readonly limits: RequestLimits;
  readonly deadlines: Deadlines;
  readonly trust: Trust;
  readonly proxyProtocol: ProxyProtocolPolicy;
  /** null: no TLS. */
  readonly tls: TlsPolicy | null;
  readonly protocol: ProtocolPolicy;
  /** Connections that a worker holds. */
  readonly connections: number;
  /** Requests that may wait for a thread. */
  readonly waiting: number;
  /** Bytes of a streamed answer that are kept for a slow client. */
  readonly responseBuffer: number;
  /** Whether answers have a `Server` field by default. */
  readonly serverHeader: boolean;
  /** Whether the server reads the files of `wsgi.file_wrapper`, and not Python. */
  readonly sendfile: boolean;
  /** Folder for temporary files, absolute; null: the system's. */
  readonly temporaryFolder: string | null;
}
