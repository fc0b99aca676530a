/**
 * Reading what a run left behind: through the cluster that runs on the data folder, else through a replay store started for the moment on the store that is there.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ClientCredentials, connectStore, type StoreClient } from '@segue/client';
import {
  credentialsOf,
  defaultClusterOptions,
  LocalCluster,
  readClusterState,
  securityFolder,
} from '../cluster/local-cluster.js';
import { requireLocalStore } from '../store/local-store.js';
import { Interrupt } from './interrupt.js';

export async function withStore<T>(dataFolder: string, work: (store: StoreClient) => Promise<T>): Promise<T> {
  const running = await readClusterState(resolve(dataFolder));
  const address = running?.processes.find((p) => p.name === 'replay')?.address;
  if (running && address !== undefined) return withStoreAt(address, credentialsOf(running), work);
  await requireLocalStore(resolve(dataFolder));
  // Who asked for credentials while it ran does not show its store to everybody now.
  const secure = existsSync(securityFolder(dataFolder));
  const only = ['replay'] as const;
  const options = { ...defaultClusterOptions, dataFolder: resolve(dataFolder), actors: 0, only, secure };
  const cluster = new LocalCluster(options, (error) => interrupt.abort(error));
  const interrupt = new Interrupt(
    () => void process.stderr.write('stopping (Ctrl-C again ends at once)\n'),
    () => cluster.kill(),
  );
  try {
    await cluster.start(interrupt.signal);
    const { address } = cluster.child('replay').address;
    return await withStoreAt(address, cluster.credentials, (store) => interrupt.cut(work(store)));
  } finally {
    await cluster.stop();
    interrupt.close();
  }
}

/** A store that runs already. @param address host:port */
export async function withStoreAt<T>(
  address: string,
  credentials: ClientCredentials,
  work: (store: StoreClient) => Promise<T>,
): Promise<T> {
  const store = connectStore(address, credentials);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
