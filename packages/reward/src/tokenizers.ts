/** The tokenizers of runs, as the scorer gets at them: the active version names one, the trainer has its files. */
import type { Bus, Client } from '@segue/bus';
import { type PolicyRef, SegueError, type TrainerApi } from '@segue/core';
import { type PolicyPlace, RunTokenizers, type Tokenizer } from '@segue/tokenizer';

export interface TokenizerSource {
  readonly bus: Pick<Bus, 'getActivePolicy'>;
  readonly trainer: () => Promise<Pick<Client<TrainerApi>, 'downloadPolicy'>>;
  /** Where downloaded tokenizers are kept, one folder per run. */
  readonly folder: string;
}

export class Tokenizers {
  readonly #source: TokenizerSource;
  readonly #tokenizers: RunTokenizers;

  constructor(source: TokenizerSource) {
    this.#source = source;
    const download = async function* (policy: PolicyRef) {
      yield* (await source.trainer()).downloadPolicy({ policy, from: null });
    };
    this.#tokenizers = new RunTokenizers({ folder: source.folder, download });
  }

  get(runId: string): Promise<Tokenizer> {
    return this.#tokenizers.get(runId, () => this.#active(runId));
  }

  async #active(runId: string): Promise<PolicyPlace> {
    const active = await this.#source.bus.getActivePolicy(runId);
    if (active === null) throw new SegueError('UNAVAILABLE', `run ${runId} has no active policy, so no tokenizer yet`);
    const { version, manifestSha256, folder } = active;
    return { ref: { runId, version, manifestSha256 }, folder };
  }
}
