/** What a local cluster has its message server keep of who is there: little, since each process says so each second. What that is worth is docs/load.md's. */
import { connect } from 'nats';
import t from 'tap';
import { defaultClusterOptions, LocalCluster } from '../dist/cluster/local-cluster.js';

/** Up to here nats-server makes a stream of blocks of 32 KB, in place of 4 MB. */
const smallBlocksMaxBytes = 4 * 32_000;

t.test("a local cluster's registry lies in small blocks", async (t) => {
  const fail = (error: Error) => t.fail(error);
  const cluster = new LocalCluster({ ...defaultClusterOptions, dataFolder: t.testdir(), only: ['replay'] }, fail);
  try {
    await cluster.start();
    const nc = await connect({ servers: cluster.child('nats').address.address });
    const { config } = await (await nc.jetstreamManager()).streams.info('KV_segue_registry').finally(() => nc.close());
    t.ok(config.max_bytes > 0 && config.max_bytes < smallBlocksMaxBytes, `${config.max_bytes} bytes`);
  } finally {
    // Before the folder goes.
    await cluster.stop();
  }
});
