// The doctor's look at Python: which one and why, its library, the binding that carries it, what would build one, and
// whether its OpenSSL and Node's get along. Called by checkup.ts. It builds nothing.

import { execFileSync } from 'node:child_process';
import { checkCache } from '../binding/cache.ts';
import { chooseEnvironment } from '../binding/choose-environment.ts';
import { findBinding, whyNotInstalled } from '../binding/choose.ts';
import {
  describeEnvironment,
  noPython,
  type Environment,
  type EnvironmentSource,
} from '../binding/environment.ts';
import { askInterpreter, type InterpreterFacts } from '../binding/interpreter-facts.ts';
import { assertSupported, findNodeHeaders, findRecipe, findTools } from '../binding/recipe.ts';
import { quote } from '../binding/shell.ts';
import { isOn, type BindingSite } from '../binding/site.ts';
import { WsgiTsError } from '../errors.ts';
import type { Settings } from '../settings/table.ts';
import { environmentVariables } from '../settings/value-types.ts';
import type { Finding } from './finding.ts';
import { versionOf } from './machine.ts';
import { runProbe } from './probe-run.ts';

const reasons: Readonly<Record<EnvironmentSource, string>> = {
  '--python': 'given with --python',
  PATH: 'the first python3 on PATH',
  CONDA_PREFIX: "conda's active environment",
  VIRTUAL_ENV: 'named by VIRTUAL_ENV',
  '.venv': '.venv in the directory of the app',
  venv: 'venv in the directory of the app',
  none: 'there is no python3 on PATH',
};

/** Everything about Python, in the order in which one thing needs the other. */
export async function lookAtPython(settings: Settings, site: BindingSite): Promise<Finding[]> {
  let environment: Environment;
  let facts: InterpreterFacts;
  try {
    environment = chooseEnvironment(settings.python, settings.chdir, site);
    if (environment.executable === null) {
      throw noPython();
    }
    facts = askInterpreter(environment.executable, site.variables);
    assertSupported(environment, facts);
  } catch (error) {
    return [problem('python', error)];
  }
  const { implementation, version, basePrefix, library } = facts;
  const why =
    environment.root !== null && environment.source === 'PATH'
      ? 'activated'
      : reasons[environment.source];
  const findings: Finding[] = [
    {
      ...{ name: 'python', state: 'good' },
      text: `${implementation} ${version}: ${describeEnvironment(environment)} (${why}), made from ${basePrefix}`,
    },
  ];
  if (library !== null) {
    findings.push({ name: 'libpython', state: 'good', text: `Its shared library is ${library}` });
  }
  const carried = lookAtBinding(
    { ...environment, version: facts.binaryVersion },
    facts,
    site,
    settings.noBuild,
  );
  findings.push(...carried.findings, lookAtCompiler(site, carried.isThere));
  if (carried.isThere) findings.push(await lookAtOpenssl(settings, environment.executable, site));
  return findings;
}

function lookAtBinding(
  environment: Environment,
  facts: InterpreterFacts,
  site: BindingSite,
  noBuild: boolean,
): { isThere: boolean; findings: Finding[] } {
  const name = 'binding';
  const whyNot = whyNotInstalled(environment, site);
  const installed = whyNot === null ? '' : `; ${whyNot}`;
  try {
    const binding = findBinding(environment, site);
    if (binding !== null) {
      const came = binding.origin === 'installed' ? 'installed by npm' : 'built for this user';
      const text = `The binding for it is ${came}: ${binding.path}${installed}`;
      return { isThere: true, findings: [{ name, state: 'good', text }] };
    }
    findRecipe(environment, facts, site);
    checkCache(site);
    const forbidden = noBuild || isOn(site.variables['WSGI_TS_NO_BUILD']);
    const what = forbidden
      ? ', and none is to be built (--no-build)'
      : ': the first start builds one';
    const finding: Finding = {
      ...{ name, state: forbidden ? 'problem' : 'warning' },
      text: `No binding for it yet${what}${installed}`,
      remedy: `wsgi-ts binding build --python ${quote(describeEnvironment(environment))} builds it.`,
    };
    return { isThere: false, findings: [finding] };
  } catch (error) {
    return { isThere: false, findings: [problem(name, error)] };
  }
}

/** What a binding is compiled with. */
function lookAtCompiler(site: BindingSite, isThere: boolean): Finding {
  const tools = findTools(site);
  const compiler = tools.compiler && (versionOf(tools.compiler) ?? tools.compiler);
  const make = tools.make && (versionOf(tools.make) ?? tools.make);
  const parts = [
    compiler ?? 'no C++ compiler',
    make ?? 'no make',
    findNodeHeaders(site) === null ? "Node's headers would be fetched" : "Node's headers are here",
  ];
  const text = `To build bindings with: ${parts.join('; ')}`;
  const isWell = isThere || (compiler !== null && make !== null);
  return { name: 'compiler', state: isWell ? 'good' : 'warning', text };
}

async function lookAtOpenssl(
  settings: Settings,
  executable: string,
  site: BindingSite,
): Promise<Finding> {
  const name = 'openssl';
  const ours = process.versions.openssl;
  const answer = await runProbe({
    ...{ python: settings.python, chdir: settings.chdir, pythonpath: settings.pythonpath },
    ...{ env: environmentVariables(settings.env), app: null },
  });
  if ('death' in answer && !answer.started) {
    return {
      ...{ name: 'binding', state: 'problem' },
      text: `Python can't be started with it: ${answer.death}`,
      remedy: 'wsgi-ts binding build --force builds it anew.',
    };
  }
  if ('death' in answer) {
    return {
      ...{ name, state: 'problem' },
      text: `Python's ssl module and Node's OpenSSL ${ours} can't live in one process: ${answer.death}`,
      remedy: 'Take a Python whose ssl module has OpenSSL 3.',
    };
  }
  if ('problem' in answer) {
    const { message, remedy } = answer.problem;
    return {
      name: 'binding',
      state: 'problem',
      text: message,
      ...(remedy === null ? {} : { remedy }),
    };
  }
  const { version, problem: why } = answer.result as {
    version: string | null;
    problem: string | null;
  };
  if (version === null) {
    const remedy = 'Take a Python that was built with OpenSSL, if your app needs it.';
    return { name, state: 'warning', text: `This Python has no working ssl: ${why ?? ''}`, remedy };
  }
  const alone = opensslAlone(executable, site);
  if (alone === null || alone === version) {
    return {
      name,
      state: 'good',
      text: `Python's ${version} and Node's OpenSSL ${ours}, side by side`,
    };
  }
  return {
    ...{ name, state: 'warning' },
    text: `Python's ssl runs Node's OpenSSL here (${version}), instead of its own (${alone})`,
    remedy:
      "With an allocator in LD_PRELOAD, on musl and on macOS they can't be kept apart. Packages that bring " +
      'OpenSSL 1.1, such as psycopg2-binary before 2.9.11, may crash.',
  };
}

/** The OpenSSL that the interpreter uses when it is not embedded; null where it has none. */
function opensslAlone(executable: string, { variables }: BindingSite): string | null {
  try {
    return execFileSync(executable, ['-I', '-c', 'import ssl; print(ssl.OPENSSL_VERSION)'], {
      ...{ encoding: 'utf8', stdio: 'pipe', timeout: 10_000 },
      env: { ...variables },
    }).trim();
  } catch {
    return null;
  }
}

function problem(name: string, error: unknown): Finding {
  if (!(error instanceof WsgiTsError)) throw error;
  const { message, remedy } = error;
  return { name, state: 'problem', text: message, ...(remedy === undefined ? {} : { remedy }) };
}
