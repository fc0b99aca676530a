/** What is known of a process by its number alone. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { commandByPs, commandOf } from '../dist/cluster/process-identity.js';

const withoutPs = spawnSync('ps', ['-p', String(process.pid)]).status !== 0 && 'this machine has no ps';
/** At the end of a long line of options. */
const ownFile = /process-identity\.test\.ts$/;
const nobody = 999_999_999;

t.test('the command that a process was started by', async (t) => {
  t.match((await commandOf(process.pid)).replaceAll('\0', ' ').trim(), ownFile);
  t.equal(await commandOf(nobody), '');
});

t.test('the same where there is no /proc', { skip: withoutPs }, async (t) => {
  t.match(await commandByPs(process.pid), ownFile);
  t.equal(await commandByPs(nobody), '');
});
