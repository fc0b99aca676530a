/**
 * Brings a clone to where it can run: packages, nats-server, build. Every step is skipped when it is already done.
 * Plain Node without a dependency, since nothing is installed yet when it starts.
 */
import { dirname } from 'node:path';
import { ensureNatsServer } from './nats-server.mjs';
import { checkNode, ensureBuild, ensurePackages } from './packages.mjs';

/**
 * Does the whole set-up, speaking on stderr alone.
 *
 * @returns {Promise<Record<string, string>>} environment for what is started next: where nats-server is;
 *   empty when SEGUE_NATS_URL names a server that already runs
 */
export async function setUp() {
  checkNode();
  await ensurePackages();
  const natsServer = await ensureNatsServer();
  await ensureBuild();
  if (natsServer === null) return {};
  return { SEGUE_NATS_SERVER: natsServer, PATH: `${process.env.PATH ?? ''}:${dirname(natsServer)}` };
}
