// The columns of the compatibility matrix: each framework with its fixture app, what it needs, and the visit
// that shows that it works. Data only; read by matrix.ts, serving.ts and old-pins.ts.

import { inRepository } from '../../test/helpers/repository.ts';
import type { Package } from './environments.ts';
import {
  visitContacts,
  visitNotes,
  visitPolls,
  visitRainfall,
  visitShop,
  visitTutorial,
  visitUnits,
} from './visits.ts';
import type { Visit } from './visits.ts';

/** A framework's fixture app. */
export interface Framework {
  /** What `FRAMEWORKS=…` calls it. */
  readonly key: string;
  /** What the tables call it. */
  readonly title: string;
  readonly package: Package;
  /** Where it is served from, below fixtures/. */
  readonly folder: string;
  /** `module:variable` */
  readonly app: string;
  readonly visit: Visit;
  /** The variable that says where its data is. */
  readonly dataVariable?: string;
  /** Other variables, for the preparations and the server. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Lines that the app itself logs to wsgi.errors when all is well; they are entries of level ERROR
   * (docs/differences.md).
   */
  readonly says?: RegExp;
  /** What makes its data: arguments of Python, each run in the folder. */
  readonly preparations?: readonly (readonly string[])[];
}

function inFile(distribution: string, module: string, ...file: string[]): Package {
  const requirement = ['-r', inRepository('fixtures', ...file)];
  return { distribution, module, requirement, binary: false };
}

function small(distribution: string, module: string): Pick<Framework, 'package' | 'folder'> {
  const file = `${distribution.toLowerCase()}.txt`;
  return {
    package: inFile(distribution, module, 'frameworks', 'requirements', file),
    folder: 'frameworks',
  };
}

const tutorial = { folder: 'tutorial', app: 'app:app', visit: visitTutorial };

/** In the order of the table. */
export const frameworks: readonly Framework[] = [
  {
    ...tutorial,
    key: 'tutorial',
    title: 'Flask: the tutorial’s app',
    package: inFile('Flask', 'flask', 'tutorial', 'requirements.txt'),
  },
  {
    key: 'shop',
    title: 'Flask-SQLAlchemy: a shop',
    package: inFile('Flask-SQLAlchemy', 'flask_sqlalchemy', 'shop', 'requirements.txt'),
    folder: 'shop',
    app: 'wsgi:app',
    visit: visitShop,
    dataVariable: 'SHOP_INSTANCE_PATH',
    env: { SHOP_SECRET_KEY: 'a secret of the matrix' },
    says: /from 127\.0\.0\.1: INFO in logs: /,
    preparations: [['-m', 'flask', '--app', 'wsgi', 'init-db']],
  },
  {
    key: 'polls',
    title: 'Django: polls',
    package: inFile('Django', 'django', 'polls', 'requirements.txt'),
    folder: 'polls',
    app: 'polls.wsgi:application',
    visit: visitPolls,
    dataVariable: 'POLLS_DATA_DIR',
    env: { POLLS_SECRET_KEY: 'a secret of the matrix, of fifty characters at the least' },
    preparations: [
      ['manage.py', 'migrate', '--verbosity=0'],
      ['manage.py', 'loaddata', 'questions'],
      ['manage.py', 'collectstatic', '--no-input', '--verbosity=0'],
    ],
  },
  {
    ...small('Bottle', 'bottle'),
    key: 'bottle',
    title: 'Bottle',
    app: 'bottle_notes:app',
    visit: visitNotes,
  },
  {
    ...small('Falcon', 'falcon'),
    key: 'falcon',
    title: 'Falcon',
    app: 'falcon_units:app',
    visit: visitUnits,
  },
  {
    ...small('Pyramid', 'pyramid.config'),
    key: 'pyramid',
    title: 'Pyramid',
    app: 'pyramid_contacts:app',
    visit: visitContacts,
  },
  {
    ...small('Dash', 'dash'),
    key: 'dash',
    title: 'Dash',
    app: 'dash_rainfall:app',
    visit: visitRainfall,
  },
];

/** The tutorial's exercise with the pins that it once had: a row of its own (old-pins.ts). */
export const oldPins: Framework = {
  ...tutorial,
  key: 'flask-1.1.1',
  title: 'Flask 1.1.1',
  package: inFile('Flask', 'flask', 'frameworks', 'requirements', 'flask-1.1.1.txt'),
};
