/**
 * Writes deploy/grafana/dashboards/*.json from the builders in deploy/grafana/src; `--check` fails when a file is not current. Change the builders, never
 * the files: what is changed in Grafana itself is lost at the next writing.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBuild } from './lib/packages.mjs';
import { main, root, say } from './lib/process.mjs';

const folder = join(root, 'deploy/grafana/dashboards');

await main(async () => {
  await ensureBuild(['deploy/grafana']);
  const { dashboards } = await import('../deploy/grafana/dist/index.js');
  const wanted = new Map(
    Object.entries(dashboards).map(([name, dashboard]) => [name, `${JSON.stringify(dashboard, null, 2)}\n`]),
  );
  const present = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const surplus = present.filter((name) => !wanted.has(name));
  if (!process.argv.includes('--check')) {
    for (const [name, text] of wanted) await writeFile(join(folder, name), text);
    for (const name of surplus) await rm(join(folder, name));
    return 0;
  }
  const stale = surplus;
  for (const [name, text] of wanted) {
    if ((await readFile(join(folder, name), 'utf8').catch(() => '')) !== text) stale.push(name);
  }
  if (stale.length > 0) say(`deploy/grafana/dashboards: ${stale.join(', ')} not current: run npm run dashboards`);
  return stale.length === 0 ? 0 : 1;
});
