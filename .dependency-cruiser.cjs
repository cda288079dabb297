// The house stands on floors, and no import runs back up (docs/architecture.md draws them):
//   cli → command → doctor, smoke, master, index → embed → settings, worker → bridge → binding, log, http, errors,
//   messages, sigusr1; integrations stand beside index, development (for --reload and Vite) beside bridge
// `npm run layers` holds the direction; each rule's name says what it forbids.

// The bridge's modules, lowest first: a module may import only from its own row or a lower one.
const bridgeRows = [
  ['frame', 'version', 'load', 'load-failure', 'overrun', 'client-certificate', 'read-buffers'],
  ['transaction', 'connection-facts', 'pace', 'exchange-states', 'duplicates', 'spool-file'],
  ['host-view', 'host-fields', 'log-frame', 'watchdog'],
  [
    ...['channel', 'interpreter', 'request-head', 'request-spool', 'request-body'],
    ...['response-writer', 'access-entry'],
  ],
  ['response-spool', 'stream-writer', 'file-writer', 'python-log', 'handler-options'],
  ['process-logs', 'dispatched-exchange', 'exchange-table'],
  ['dispatcher', 'reply', 'own-page'],
  ['exchange'],
  ['handler'],
];

const bridgeRow = (names) => `^src/bridge/(${names.join('|')})\\.ts$`;

const oneWay = bridgeRows.flatMap((lower, index) =>
  bridgeRows.slice(index + 1).map((higher) => ({
    name: `one way: the bridge's ${lower[0]} row never imports its ${higher[0]} row`,
    severity: 'error',
    from: { path: bridgeRow(lower) },
    to: { path: bridgeRow(higher) },
  })),
);

const only = (file, dependency) => ({
  name: `only ${file} imports ${dependency}`,
  severity: 'error',
  from: { path: '^src', pathNot: `^src/${file}$` },
  to: { path: `(^|/)node_modules/${dependency}/|^${dependency}$` },
});

const restsOn = (floor, allowed) => ({
  name: `${floor} imports only ${allowed.join(', ') || 'nothing of src'}`,
  severity: 'error',
  from: { path: `^src/${floor}` },
  to: { path: '^src/', pathNot: `^src/(${[floor, ...allowed].join('|')})` },
});

module.exports = {
  forbidden: [
    {
      name: 'every file of the bridge is in one of its rows',
      severity: 'error',
      from: {},
      to: { path: '^src/bridge/', pathNot: bridgeRow(bridgeRows.flat()) },
    },
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'master and worker never meet',
      severity: 'error',
      from: { path: '^src/(master|worker)/' },
      to: { path: '^src/(master|worker)/', pathNot: '^src/$1/' },
    },
    {
      name: 'nobody imports cli or index',
      severity: 'error',
      from: {},
      to: { path: '^src/(cli|index)\\.ts$' },
    },
    {
      name: 'nobody imports integrations',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/integrations/' },
      to: { path: '^src/integrations/' },
    },
    {
      name: 'commands, doctor and smoke test are known to cli only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli\\.ts|command/|doctor/|smoke/)' },
      to: { path: '^src/(command|doctor|smoke)/' },
    },
    {
      name: 'src does not know its tests, scripts and benchmarks',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/' },
    },
    {
      name: 'src imports only what package.json gives to users',
      severity: 'error',
      from: { path: '^src/' },
      // What an integration is for is its user's own: a peer.
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm-peer'],
      },
    },
    restsOn('embed/', [
      ...['settings/', 'bridge/', 'log/', 'http/'],
      ...['errors', 'error-report', 'launch-words', 'messages'],
    ]),
    restsOn('integrations/', [
      ...['embed/', 'settings/', 'bridge/(host-view|transaction)'],
      ...['development/', 'http/', 'errors'],
    ]),
    restsOn('development/', ['http/', 'errors']),
    restsOn('settings/', [
      ...['bridge/interpreter', 'binding/site', 'http/', 'log/'],
      ...['quotas', 'errors', 'messages'],
    ]),
    restsOn('master/', [
      ...['settings/', 'bridge/', 'binding/', 'development/'],
      ...['http/', 'log/', 'certificates', 'quotas'],
      ...['errors', 'error-report', 'launch-words', 'messages', 'sigusr1'],
    ]),
    restsOn('command/', [
      ...['doctor/', 'smoke/', 'master/', 'embed/', 'settings/', 'bridge/', 'binding/', 'log/'],
      ...['certificates', 'quotas', 'errors', 'error-report', 'messages'],
    ]),
    restsOn('worker/', [
      'bridge/',
      'development/',
      'certificates',
      'log/',
      'http/',
      'errors',
      'error-report',
      'messages',
      'sigusr1',
    ]),
    restsOn('smoke/', ['embed/', 'log/', 'errors', 'launch-words']),
    restsOn('bridge/', ['binding/', 'log/', 'http/', 'errors', 'messages']),
    restsOn('binding/', ['errors']),
    restsOn('http/', ['errors']),
    restsOn('log/', ['errors', 'messages']),
    restsOn('certificates', ['http/policy', 'errors']),
    restsOn('quotas', []),
    restsOn('errors', []),
    restsOn('error-report', ['errors']),
    restsOn('launch-words', ['error-report']),
    restsOn('messages', ['http/policy', 'error-report']),
    restsOn('sigusr1', []),
    only('binding/build.ts', 'proper-lockfile'),
    only('log/winston.ts', 'winston'),
    only('(cli|command/.+).ts', 'commander'),
    ...oneWay,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
