/**
 * A local cluster around some work: started before, stopped after, whatever happens in between.
 */
import { connect, type SegueClient } from '@segue/client';
import type { SegueError } from '@segue/core';
import { type ClusterOptions, LocalCluster } from '../cluster/local-cluster.js';
import { Interrupt } from './interrupt.js';

export interface ClusterWork {
  readonly client: SegueClient;
  readonly cluster: LocalCluster;
  readonly interrupt: Interrupt;
}

/** @param tell something for the person: on stderr, so that stdout stays the run's own */
export async function withLocalCluster<T>(
  options: ClusterOptions,
  tell: (text: string) => void,
  work: (access: ClusterWork) => Promise<T>,
): Promise<T> {
  let isUp = false;
  const interrupt = new Interrupt(
    () => tell(`stopping${isUp ? ': what is being generated is cut and saved' : ''} (Ctrl-C again ends at once)`),
    () => cluster.kill(),
  );
  let fail: (error: SegueError) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Nobody may wait for it yet.
  failed.catch(() => {});
  const cluster = new LocalCluster(options, (error) => {
    fail(error);
    interrupt.abort(error);
  });
  try {
    await cluster.start(interrupt.signal);
    isUp = true;
    const client = connect(cluster.controllerAddress, cluster.credentials);
    try {
      // Without a process that cannot be kept alive, work may wait for ever.
      return await Promise.race([work({ client, cluster, interrupt }), failed]);
    } finally {
      client.close();
      await cluster.stop();
    }
  } finally {
    interrupt.close();
  }
}
