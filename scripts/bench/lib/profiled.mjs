/**
 * Has a service write a profile of its main thread when it ends: an entry that begins the profiler and then runs the service. Worker threads,
 * and with them the engines, are left out.
 */
import { writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const services = ['replay', 'controller', 'trainer', 'reward', 'actor'];

/**
 * Programs to start in place of the services' own.
 * @param {string} folder for the profiles, one per process: `<id>.cpuprofile`
 * @returns {Promise<Record<string, string>>} by service
 */
export async function profiledEntries(folder) {
  await mkdir(folder, { recursive: true });
  const entries = services.map(async (service) => {
    const main = new URL(`../../../packages/${service}/dist/main.js`, import.meta.url);
    const entry = resolve(folder, `${service}.mjs`);
    const lines = [
      `import { beginProfile } from ${JSON.stringify(pathToFileURL(fileURLToPath(import.meta.url)).href)};`,
      `beginProfile(${JSON.stringify(resolve(folder))});`,
      `await import(${JSON.stringify(main.href)});`,
    ];
    await writeFile(entry, `${lines.join('\n')}\n`);
    return [service, entry];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Profiles this process until it exits. */
export function beginProfile(folder) {
  const id = process.argv[process.argv.indexOf('--id') + 1];
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start');
  process.on('exit', () =>
    session.post('Profiler.stop', (error, result) => {
      if (!error) writeFileSync(join(folder, `${id}.cpuprofile`), JSON.stringify(result.profile));
    }),
  );
}
