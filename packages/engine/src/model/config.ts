/**
 * The shape of a model, and its reading from and writing to the config.json of Hugging Face checkpoints (Llama shape:
 * RMSNorm, rotary positions, grouped-query attention, SwiGLU, no biases).
 */
import { SegueError } from '@segue/core';

export interface ModelConfig {
  readonly hiddenSize: number;
  readonly layers: number;
  /** Query heads; a multiple of `kvHeads`. */
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Width of the SwiGLU. */
  readonly intermediateSize: number;
  readonly vocabularySize: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  /** Whether the output projection is the embedding. */
  readonly tieEmbeddings: boolean;
  /** Longest sequence. */
  readonly maxPositions: number;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
}

export const architecture = 'LlamaForCausalLM';

const activations = ['silu', 'swish'];

/** Throws INVALID_CONFIG naming the field when a shape cannot be built. */
export function requireModelConfig(config: ModelConfig, source = 'model'): ModelConfig {
  const wrong = (field: string, message: string) => new SegueError('INVALID_CONFIG', `${source}: ${field} ${message}`);
  const positive = [
    'hiddenSize',
    'layers',
    'heads',
    'kvHeads',
    'headSize',
    'intermediateSize',
    'vocabularySize',
    'maxPositions',
  ] as const;
  for (const field of positive) {
    if (!Number.isSafeInteger(config[field]) || config[field] < 1) {
      throw wrong(field, `must be a whole number above 0, not ${config[field]}`);
    }
  }
  if (config.heads % config.kvHeads !== 0) {
    throw wrong('heads', `(${config.heads}) must be a multiple of kvHeads (${config.kvHeads})`);
  }
  if (config.headSize % 2 !== 0) throw wrong('headSize', `must be even for rotary positions, not ${config.headSize}`);
  for (const field of ['rmsNormEpsilon', 'ropeTheta'] as const) {
    if (!(config[field] > 0)) throw wrong(field, `must be above 0, not ${config[field]}`);
  }
  const special = [...(config.bosTokenId === null ? [] : [config.bosTokenId]), ...config.eosTokenIds];
  for (const id of special) {
    if (!Number.isInteger(id) || id < 0 || id >= config.vocabularySize) {
      throw wrong('eosTokenIds', `and bosTokenId must lie in the vocabulary of ${config.vocabularySize}, not ${id}`);
    }
  }
  return config;
}

/** @param source names the file in errors */
export function parseModelConfig(json: string, source = 'config.json'): ModelConfig {
  let fields: unknown;
  try {
    fields = JSON.parse(json);
  } catch (error) {
    throw new SegueError('INVALID_INPUT', `${source} is not JSON: ${SegueError.from(error).rawMessage}`, error);
  }
  if (typeof fields !== 'object' || fields === null)
    throw new SegueError('INVALID_INPUT', `${source} is not an object`);
  return requireModelConfig(fromFields(new Map(Object.entries(fields)), source), source);
}

function fromFields(fields: ReadonlyMap<string, unknown>, source: string): ModelConfig {
  const unsupported = (message: string) => new SegueError('INVALID_INPUT', `${source}: ${message}`);
  const architectures = fields.get('architectures');
  if (!Array.isArray(architectures) || architectures.length !== 1 || architectures[0] !== architecture) {
    throw unsupported(`architectures ${JSON.stringify(architectures)} is not supported, only ["${architecture}"]`);
  }
  const number = (name: string, fallback?: number): number => {
    const value = fields.get(name) ?? fallback;
    if (typeof value !== 'number') throw unsupported(`${name} must be a number, not ${JSON.stringify(value)}`);
    return value;
  };
  const activation = fields.get('hidden_act') ?? 'silu';
  if (!activations.includes(String(activation)))
    throw unsupported(`hidden_act ${activation} is not supported, only silu`);
  for (const name of ['attention_bias', 'mlp_bias']) {
    if (fields.get(name)) throw unsupported(`${name} is not supported`);
  }
  const scaling = fields.get('rope_scaling');
  if (scaling !== undefined && scaling !== null) throw unsupported('rope_scaling is not supported');
  const hiddenSize = number('hidden_size');
  const heads = number('num_attention_heads');
  return {
    hiddenSize,
    layers: number('num_hidden_layers'),
    heads,
    kvHeads: number('num_key_value_heads', heads),
    headSize: number('head_dim', hiddenSize / heads),
    intermediateSize: number('intermediate_size'),
    vocabularySize: number('vocab_size'),
    rmsNormEpsilon: number('rms_norm_eps'),
    ropeTheta: number('rope_theta', 10_000),
    tieEmbeddings: fields.get('tie_word_embeddings') === true,
    maxPositions: number('max_position_embeddings'),
    ...specialTokens(fields, unsupported),
  };
}

function specialTokens(
  fields: ReadonlyMap<string, unknown>,
  unsupported: (message: string) => SegueError,
): Pick<ModelConfig, 'bosTokenId' | 'eosTokenIds'> {
  const ids = (name: string): number[] => {
    const value = fields.get(name) ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.map((id) => {
      if (typeof id !== 'number') throw unsupported(`${name} must be a token id, not ${JSON.stringify(value)}`);
      return id;
    });
  };
  return { bosTokenId: ids('bos_token_id')[0] ?? null, eosTokenIds: ids('eos_token_id') };
}

/** The config.json of a model, as other software reads it. */
export function formatModelConfig(config: ModelConfig): string {
  const fields = {
    architectures: [architecture],
    model_type: 'llama',
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediateSize,
    hidden_act: 'silu',
    vocab_size: config.vocabularySize,
    rms_norm_eps: config.rmsNormEpsilon,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tieEmbeddings,
    max_position_embeddings: config.maxPositions,
    attention_bias: false,
    mlp_bias: false,
    torch_dtype: 'float32',
    bos_token_id: config.bosTokenId,
    eos_token_id: config.eosTokenIds.length === 1 ? config.eosTokenIds[0] : config.eosTokenIds,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}
