/**
 * The printed tables agree with what they are printed from: configuration keys with the schema, metrics with the services' tables; and
 * dashboards with their builders.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';

t.test('docs/configuration.md and docs/metrics.md are what the code prints', async (t) => {
  await t.resolves(promisify(execFile)(process.execPath, ['scripts/docs.mjs', '--check']));
});

t.test('the dashboards are what their builders make', async (t) => {
  await t.resolves(promisify(execFile)(process.execPath, ['scripts/dashboards.mjs', '--check']));
});
