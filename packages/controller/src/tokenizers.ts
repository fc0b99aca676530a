/** The tokenizers of runs, as the controller gets at them: from the trainer. */
import type { PolicyVersionInfo } from '@segue/core';
import { RunTokenizers, type Tokenizer } from '@segue/tokenizer';
import type { Cluster } from './cluster.js';

export class Tokenizers {
  readonly #tokenizers: RunTokenizers;

  /** @param folder where downloaded tokenizers are kept, one folder per run */
  constructor(cluster: Cluster, folder: string) {
    const download = async function* (policy: PolicyVersionInfo['ref']) {
      yield* (await cluster.trainer()).downloadPolicy({ policy, from: null });
    };
    this.#tokenizers = new RunTokenizers({ folder, download });
  }

  of(policy: PolicyVersionInfo): Promise<Tokenizer> {
    return this.#tokenizers.get(policy.ref.runId, async () => policy);
  }
}
