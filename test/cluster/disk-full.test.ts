/** A whole cluster on a disk that is full for a while: store, broker, checkpoints and logs. Nothing dies of it, callers are refused, and the run goes on to its end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectReplay } from '@segue/bus';
import { SegueError } from '@segue/core';
import t from 'tap';
import { startSegue } from '../support/command.js';
import { cannotMount, smallDisk } from '../support/small-disk.js';
import { writeToyTask } from '../support/toy-task.js';

// The broker wants to see room for all its streams when it starts.
const roomy = 1_500 * (1 << 20);
const iterations = 4;

t.test('the disk of a local cluster is full, and then it is not', { skip: cannotMount() }, async (t) => {
  const { config, problems } = await writeToyTask({ iterations });
  const disk = smallDisk(roomy, 1);
  t.teardown(() => disk.remove());
  let iterationEnded: () => void = () => undefined;
  const oneIteration = new Promise<null>((resolve) => {
    iterationEnded = () => resolve(null);
  });
  const args = ['run', '--json', '--config', config, '--problems', problems, '--data', disk.folder];
  const run = startSegue(args, () => iterationEnded(), disk.wrapper);
  t.teardown(() => run.process.kill('SIGKILL'));
  const pid = run.process.pid ?? 0;
  const early = await Promise.race([oneIteration, run.ended]);
  if (early) throw new Error(`the run ended before its first iteration did: ${early.stderr}`);

  const outside = disk.outside(pid);
  disk.fill(pid, 0);
  const cluster = JSON.parse(readFileSync(join(outside, 'cluster.json'), 'utf8'));
  const address = cluster.processes.find(({ name }: { name: string }) => name === 'replay').address;
  const replay = connectReplay(address);
  const { runs } = await replay.listRuns({});
  const runId = runs[0]?.id ?? '';
  let refusal: SegueError | null = null;
  while (refusal === null) {
    // Pages that are free inside of the file take a few.
    const probe = { runId, kind: 'probe', bodyJson: JSON.stringify('x'.repeat(100_000)), atMs: 0, key: '' };
    await replay.appendEvent(probe).catch((error: unknown) => {
      refusal = SegueError.from(error);
    });
  }
  t.match(refusal, { code: 'RESOURCE_EXHAUSTED', message: /free disk space/ });
  replay.close();
  disk.resize(pid, roomy);

  const ended = await run.ended;
  t.equal(ended.code, 0, ended.stderr);
  const summary = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '{}');
  t.match(summary, { type: 'summary', state: 'finished', iterations });
});
