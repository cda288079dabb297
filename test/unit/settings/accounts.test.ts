// Users and groups by name, from files and answers that are made up here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupId, primaryGroup, userId } from '../../../src/settings/accounts.ts';

const asked: string[] = [];
const sources = {
  file: (name: 'passwd' | 'group') =>
    name === 'passwd'
      ? 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34::/:/bin/false\nbroken:x\n'
      : 'root:x:0:\nadm:x:4:root\n',
  ask: (program: string, args: readonly string[]) => {
    asked.push([program, ...args].join(' '));
    const answers: Record<string, string> = {
      'id -u ldap-user': '70001\n',
      'id -g 70001': '70002\n',
      'getent group ldap-group': 'ldap-group:*:70003:a,b\n',
    };
    return answers[asked.at(-1) ?? ''] ?? '';
  },
};

test('the files are read, and directories are asked for who is not there', () => {
  assert.equal(userId('www-data', sources), 33);
  assert.equal(primaryGroup(33, sources), 34);
  assert.equal(groupId('adm', sources), 4);
  assert.deepEqual(asked, []);
  assert.equal(userId('ldap-user', sources), 70001);
  assert.equal(primaryGroup(70001, sources), 70002);
  assert.equal(groupId('ldap-group', sources), 70003);
});

test('who is nowhere is undefined, and no name becomes an option', () => {
  asked.length = 0;
  for (const name of ['', '-a', '--help', 'a:b', 'a\nb', 'broken'])
    assert.deepEqual([userId(name, sources), groupId(name, sources)], [undefined, undefined]);
  assert.deepEqual([...new Set(asked)], ['id -u broken', 'getent group broken']);
  assert.equal(primaryGroup(54321, sources), undefined);
});

test('this machine knows root', () => {
  assert.equal(userId('root'), 0);
  assert.equal(primaryGroup(0), 0);
});
