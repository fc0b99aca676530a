/** The printed table of configuration keys agrees with the schema. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';

t.test('docs/configuration.md is what the schema prints', async (t) => {
  await t.resolves(promisify(execFile)(process.execPath, ['scripts/docs.mjs', '--check']));
});
