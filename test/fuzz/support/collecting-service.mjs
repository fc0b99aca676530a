/** A service's own program in a process that, told by SIGUSR2, collects its garbage and writes down how much memory it holds. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
let order = 0;
process.on('SIGUSR2', () => {
  for (let i = 0; i < 3; i++) collect();
  const file = join(process.env.SEGUE_FUZZ_MEMORY ?? '', `${process.pid}-${order++}`);
  writeFileSync(`${file}.new`, String(process.memoryUsage.rss()));
  renameSync(`${file}.new`, file);
});
const id = process.argv[process.argv.indexOf('--id') + 1] ?? '';
await import(`../../../packages/${id.replace(/-\d+$/, '')}/dist/main.js`);
