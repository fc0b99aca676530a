/** An actor behind the command in `ACTOR_WRAPPER`, a list as JSON, in place of the actor's own program. What it is told and asked passes through. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../../packages/actor/dist/main.js', import.meta.url));
const [command, ...before] = JSON.parse(process.env.ACTOR_WRAPPER ?? '[]');
const child = spawn(command, [...before, process.execPath, entry, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
child.once('close', (code) => process.exit(code ?? 1));
