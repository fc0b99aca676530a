/** Commands that read a store refuse a folder without one, and leave nothing in it. It starts no cluster. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { withStore } from '../dist/run/with-store.js';
import { requireLocalStore, requireNoContainers } from '../dist/store/local-store.js';

const unread = async () => t.fail('nothing is read');

t.test('no store is made for being read', async (t) => {
  const folder = t.testdir({ empty: {} });
  for (const data of [join(folder, 'empty'), join(folder, 'missing')]) {
    await t.rejects(withStore(data, unread), { code: 'NOT_FOUND', message: /there is no store in .*data\.mdb/ });
  }
  t.strictSame(readdirSync(join(folder, 'empty')), []);
  t.notOk(existsSync(join(folder, 'missing')));
});

t.test('the store of a cluster in containers is not looked for here', async (t) => {
  const state = JSON.stringify({ controller: 'localhost:7400', page: '', prometheus: '', grafana: null });
  const data = t.testdir({ compose: { 'cluster.json': state }, replay: { 'data.mdb': 'of an earlier cluster' } });
  const refusal = { code: 'FAILED_PRECONDITION', message: /runs in containers .*replay-data/ };
  await t.rejects(withStore(data, unread), refusal);
  await t.rejects(requireNoContainers(data), refusal);
});

t.test('a store that is there may be read', async (t) => {
  await t.resolves(requireLocalStore(t.testdir({ replay: { 'data.mdb': '' } })));
});
