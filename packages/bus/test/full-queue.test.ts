/** A work queue that holds as much as it may: publishing is refused with RESOURCE_EXHAUSTED, waits for space, and goes through when there is some. */
import type { RolloutTask } from '@segue/core';
import { NatsError } from 'nats';
import t from 'tap';
import { fromNats } from '../dist/stream/connection.js';
import { rolloutTask } from './samples.js';
import { serveBus } from './served-bus.js';

const stream = 'SEGUE_ROLLOUT';

function task(member: number): RolloutTask {
  return { ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: `r-g0-t${member}` };
}

t.test('a full queue', async (t) => {
  const { bus, nc } = await serveBus(t);
  const jsm = await nc.jetstreamManager();
  await bus.publishRolloutTasks([task(0), task(1)]);
  const { state } = await jsm.streams.info(stream);
  await jsm.streams.update(stream, { max_bytes: state.bytes });

  const refusal = await nc
    .jetstream()
    .publish('segue.rollout.r.r-g0-t9', new Uint8Array(64))
    .then(
      () => null,
      (error: unknown) => error,
    );
  t.ok(refusal instanceof NatsError);
  t.match(fromNats(refusal, 'publishing'), {
    code: 'RESOURCE_EXHAUSTED',
    message: /publishing: maximum bytes/,
  });

  let isPublished = false;
  const publishing = bus.publishRolloutTasks([task(2)]).then(() => {
    isPublished = true;
  });
  const [first] = await bus.takeRolloutTasks(1, { waitMs: 5_000 });
  t.equal(first?.value.trajectoryId, 'r-g0-t0', 'what is in the queue stays readable');
  t.equal(isPublished, false);
  await first?.ack();
  await publishing;
  const rest = [...(await bus.takeRolloutTasks(2, { waitMs: 5_000 }))];
  t.same(
    rest.map(({ value }) => value.trajectoryId),
    ['r-g0-t1', 'r-g0-t2'],
    'nothing is lost, and the waiting one came when there was space',
  );
  for (const lease of rest) await lease.ack();
});
