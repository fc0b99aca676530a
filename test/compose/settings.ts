/** Settings with which tests start deploy/docker-compose.yml: free ports, and images that are made here and not pulled. */
import { freePort } from '../support/nats.js';
import { ensureBaseImage } from './base-image.js';

export async function testSettings() {
  const base = await ensureBaseImage();
  const [port, page, prometheus] = [await freePort(), await freePort(), await freePort()];
  return {
    SEGUE_IMAGE: 'segue:test',
    SEGUE_BUILD_IMAGE: base,
    SEGUE_RUNTIME_IMAGE: base,
    SEGUE_BUILD_NETWORK: 'host',
    NATS_IMAGE: base,
    PROMETHEUS_IMAGE: base,
    SEGUE_PORT: String(port),
    SEGUE_PAGE_PORT: String(page),
    PROMETHEUS_PORT: String(prometheus),
    // Small policies on two cores.
    SEGUE_TRAINER_THREADS: '1',
  } as const satisfies Record<string, string>;
}
