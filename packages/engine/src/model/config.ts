/**
 * The shape of a model, and its reading from and writing to the config.json of Hugging Face checkpoints: Llama, Qwen2 and Qwen3 (RMSNorm,
 * rotary positions, grouped-query attention, SwiGLU). What differs between them is in one table; anything else is refused by name.
 */
import { SegueError } from '@segue/core';
import { formatRope, parseRope, type RopeScaling } from './rope.js';

/** What sets the supported architectures apart. */
const architectures = {
  LlamaForCausalLM: { modelType: 'llama', projectionBias: false, headNorms: false },
  Qwen2ForCausalLM: { modelType: 'qwen2', projectionBias: true, headNorms: false },
  Qwen3ForCausalLM: { modelType: 'qwen3', projectionBias: false, headNorms: true },
} as const;

export type Architecture = keyof typeof architectures;

export interface Traits {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** A bias on queries, keys and values. */
  readonly projectionBias: boolean;
  /** An RMS norm on every query and key head, before the rotation. */
  readonly headNorms: boolean;
}

export interface ModelConfig {
  /** Default LlamaForCausalLM. */
  readonly architecture?: Architecture;
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
  /** How the rotary positions are stretched; left out: not at all. */
  readonly ropeScaling?: RopeScaling;
  /** Whether the output projection is the embedding. */
  readonly tieEmbeddings: boolean;
  /** Longest sequence. */
  readonly maxPositions: number;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
}

/** The content of a config.json. */
export type ConfigFields = Readonly<Record<string, unknown>>;

const activations = ['silu', 'swish'];

export function traitsOf({ architecture = 'LlamaForCausalLM' }: Pick<ModelConfig, 'architecture'>): Traits {
  return architectures[architecture];
}

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

/** The object in a config.json. @param source names the file in errors */
export function parseConfigFields(json: string, source = 'config.json'): ConfigFields {
  let fields: unknown;
  try {
    fields = JSON.parse(json);
  } catch (error) {
    throw new SegueError('INVALID_INPUT', `${source} is not JSON: ${SegueError.from(error).rawMessage}`, error);
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new SegueError('INVALID_INPUT', `${source} is not an object`);
  }
  return { ...fields };
}

/** @param source names the file in errors */
export function parseModelConfig(json: string, source = 'config.json'): ModelConfig {
  return modelConfigOf(parseConfigFields(json, source), source);
}

/** The model that the fields of a config.json describe. INVALID_INPUT naming the key that is not supported. */
export function modelConfigOf(json: ConfigFields, source = 'config.json'): ModelConfig {
  const fields = new Map(Object.entries(json));
  const refuse = (message: string) => new SegueError('INVALID_INPUT', `${source}: ${message}`);
  const architecture = architectureOf(fields, refuse);
  const number = (name: string, fallback?: number): number => {
    const value = fields.get(name) ?? fallback;
    if (typeof value !== 'number') throw refuse(`${name} must be a number, not ${JSON.stringify(value)}`);
    return value;
  };
  refuseUnsupported(fields, architecture, refuse);
  const hiddenSize = number('hidden_size');
  const heads = number('num_attention_heads');
  const maxPositions = number('max_position_embeddings');
  const { theta, scaling } = parseRope(fields, maxPositions, refuse);
  const config: ModelConfig = {
    architecture,
    hiddenSize,
    layers: number('num_hidden_layers'),
    heads,
    kvHeads: number('num_key_value_heads', heads),
    headSize: number('head_dim', architecture === 'Qwen3ForCausalLM' ? 128 : hiddenSize / heads),
    intermediateSize: number('intermediate_size'),
    vocabularySize: number('vocab_size'),
    rmsNormEpsilon: number('rms_norm_eps', 1e-6),
    ropeTheta: theta,
    ...(scaling ? { ropeScaling: scaling } : {}),
    tieEmbeddings: fields.get('tie_word_embeddings') === true,
    maxPositions,
    ...specialTokens(fields, refuse),
  };
  return requireModelConfig(config, source);
}

type Refuse = (message: string) => SegueError;

function architectureOf(fields: ReadonlyMap<string, unknown>, refuse: Refuse): Architecture {
  const named: unknown = fields.get('architectures');
  const [only] = Array.isArray(named) && named.length === 1 ? named : [];
  const known = Object.keys(architectures).find((name): name is Architecture => name === only);
  if (known) return known;
  const supported = Object.keys(architectures).join(', ');
  throw refuse(`architectures ${JSON.stringify(named)} is not supported, only one of ${supported}`);
}

/** Keys that change what a model computes in ways that the decoder does not know. */
function refuseUnsupported(fields: ReadonlyMap<string, unknown>, architecture: Architecture, refuse: Refuse): void {
  const activation = fields.get('hidden_act') ?? 'silu';
  if (!activations.includes(String(activation))) throw refuse(`hidden_act ${activation} is not supported, only silu`);
  for (const name of ['attention_bias', 'mlp_bias']) {
    const isOwn = name === 'attention_bias' && traitsOf({ architecture }).projectionBias;
    if (fields.get(name) && !isOwn) throw refuse(`${name} is not supported`);
  }
  if (fields.get('quantization_config')) throw refuse('quantization_config: quantized weights are not supported');
  if (fields.get('use_sliding_window')) throw refuse('use_sliding_window is not supported');
  const layerTypes: unknown = fields.get('layer_types') ?? [];
  const other = Array.isArray(layerTypes) ? layerTypes.find((type) => type !== 'full_attention') : layerTypes;
  if (other !== undefined) throw refuse(`layer_types ${JSON.stringify(other)} is not supported, only full_attention`);
}

function specialTokens(
  fields: ReadonlyMap<string, unknown>,
  refuse: Refuse,
): Pick<ModelConfig, 'bosTokenId' | 'eosTokenIds'> {
  const ids = (name: string): number[] => {
    const value = fields.get(name) ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.map((id) => {
      if (typeof id !== 'number') throw refuse(`${name} must be a token id, not ${JSON.stringify(value)}`);
      return id;
    });
  };
  return { bosTokenId: ids('bos_token_id')[0] ?? null, eosTokenIds: ids('eos_token_id') };
}

/** The config.json of a model, as other software reads it. @param weightType of the weights beside it */
export function formatModelConfig(config: ModelConfig, weightType = 'float32'): string {
  const { architecture = 'LlamaForCausalLM' } = config;
  const { modelType, projectionBias } = traitsOf(config);
  return formatConfigFields({
    architectures: [architecture],
    model_type: modelType,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediateSize,
    hidden_act: 'silu',
    vocab_size: config.vocabularySize,
    rms_norm_eps: config.rmsNormEpsilon,
    ...formatRope(config),
    tie_word_embeddings: config.tieEmbeddings,
    max_position_embeddings: config.maxPositions,
    ...(projectionBias ? {} : { attention_bias: false }),
    ...(architecture === 'LlamaForCausalLM' ? { mlp_bias: false } : { use_sliding_window: false }),
    torch_dtype: weightType,
    bos_token_id: config.bosTokenId,
    eos_token_id: config.eosTokenIds.length > 1 ? config.eosTokenIds : (config.eosTokenIds[0] ?? null),
  });
}

/** A config.json that came from elsewhere, unchanged but for the type of the weights, under the key that it uses. */
export function formatKeptFields(fields: ConfigFields, weightType: string): string {
  const keys = ['torch_dtype', 'dtype'].filter((key) => key in fields);
  const entries = (keys.length > 0 ? keys : ['torch_dtype']).map((key) => [key, weightType]);
  return formatConfigFields({ ...fields, ...Object.fromEntries(entries) });
}

function formatConfigFields(fields: ConfigFields): string {
  return `${JSON.stringify(fields, null, 2)}\n`;
}
