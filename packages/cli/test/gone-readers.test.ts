/** Output without a reader, by processes whose output is closed, a file or a terminal: what is lost in silence, and what is told as a failure. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { until } from '../../../test/support/waiting.js';

const moduleOf = (name: string) => JSON.stringify(new URL(`../dist/${name}`, import.meta.url).href);
/** Of a process that would stand still for ever. */
const timeout = 20_000;

function start(script: string, stdout: 'pipe' | NodeJS.WritableStream) {
  const program = `import { outliveReaders, passOn } from ${moduleOf('view/gone-readers.js')}; outliveReaders(); ${script}`;
  const args = ['--input-type=module', '-e', program];
  return spawn(process.execPath, args, { stdio: ['ignore', stdout as 'pipe', 'pipe'], timeout });
}

t.test('a process whose log nobody takes any more does not stand still', async (t) => {
  // More than a pipe holds, written as a service writes its log: it waits until there is room.
  const talker = `for (let i = 0; i < 64; i++) fs.writeSync(2, 'x'.repeat(16384) + '\\n');`;
  const child = start(
    `import { spawn, spawnSync } from 'node:child_process';
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(talker)}], { stdio: ['ignore', 'ignore', 'pipe'], timeout: ${timeout} });
    child.on('spawn', () => process.stdout.write('started'));
    passOn(child.stderr, process.stderr);
    child.on('close', (code) => process.exit(code ?? 1));`,
    'pipe',
  );
  child.stderr?.destroy();
  t.strictSame(await once(child, 'exit'), [0, null]);
});

t.test('an error of a file is a failure, also one that a closed terminal has', async (t) => {
  const file = createWriteStream(join(t.testdir(), 'out'));
  await once(file, 'open');
  const failing = (code: string) =>
    `process.stdout.emit('error', Object.assign(new Error('write ${code}'), { code: '${code}' }));`;
  const codeOf = async (script: string) => {
    const child = start(script, file);
    const [code] = await once(child, 'exit');
    return code;
  };
  t.not(await codeOf(failing('EIO')), 0);
  t.not(await codeOf(failing('ENOSPC')), 0);
  t.equal(await codeOf(failing('EPIPE')), 0);
  t.equal(await codeOf(`process.stdout.isTTY = true; ${failing('EIO')}`), 0, 'a terminal that is gone');
  file.end();
});

// Of util-linux; elsewhere a program of that name takes other arguments.
const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

t.test('after its terminal was closed a process ends by SIGHUP', { skip: !hasScript && 'no script(1)' }, async (t) => {
  const folder = t.testdir();
  const program = join(folder, 'closed.mjs');
  const begun = join(folder, 'begun');
  const status = join(folder, 'status');
  writeFileSync(
    program,
    `import { writeFileSync } from 'node:fs';
    import { Interrupt } from ${moduleOf('run/interrupt.js')};
    import { outliveReaders } from ${moduleOf('view/gone-readers.js')};
    outliveReaders();
    const interrupt = new Interrupt(() => process.stderr.write('stopping'), () => {});
    const staysUp = setTimeout(() => process.exit(1), ${timeout});
    writeFileSync(${JSON.stringify(begun)}, String(process.pid));
    await interrupt.cut(new Promise(() => {})).catch(() => {});
    clearTimeout(staysUp);
    interrupt.close();
    process.exitCode = 130;`,
  );
  // The shell stays to tell how it ended.
  const shell = `trap '' HUP; '${process.execPath}' '${program}'; echo $? > '${status}'`;
  const terminal = spawn('script', ['-qec', shell, '/dev/null'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, SHELL: '/bin/sh' },
  });
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  await until(async () => Number(read(begun)) > 0, 'the process is there');
  terminal.kill('SIGKILL');
  await once(terminal, 'exit');
  // As a shell of a person does to its jobs when its terminal is gone.
  process.kill(Number(read(begun)), 'SIGHUP');
  await until(async () => read(status).endsWith('\n'), 'the process ends');
  t.equal(read(status), '129\n', '128 and the number of the signal; Node by itself aborts with 134');
});
