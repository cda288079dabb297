import tseslint from 'typescript-eslint';

/** A line of the house rules that eslint's own rules have no name for. */
const never = (selector, message) => ({ selector, message });

const everywhere = [
  never('ExportDefaultDeclaration', 'No default exports: a thing has one name everywhere.'),
];
const environment = never(
  'MemberExpression[object.name="process"][property.name="env"]',
  'process.env comes in from the composition roots: cli.ts, master/master.ts, worker/worker.ts.',
);
// pymport reads its environment when it is loaded, so the one who loads it must set it.
const compositionRoots = [
  'cli',
  'embed/serve',
  'integrations/playwright',
  'master/master',
  'worker/worker',
  'bridge/interpreter',
].map((name) => `src/${name}.ts`);
const knownSafe = [
  { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
];

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', '*.cjs', '*.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', ...everywhere],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  {
    files: ['src/**'],
    ignores: compositionRoots,
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...everywhere, environment],
    },
  },
  {
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: knownSafe }],
      'no-restricted-imports': [
        'error',
        {
          name: 'node:timers/promises',
          importNames: ['setTimeout', 'setInterval'],
          message: 'Tests wait for something to happen, never for time to pass.',
        },
      ],
    },
  },
);
