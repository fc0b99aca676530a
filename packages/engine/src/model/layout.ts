/**
 * Where each parameter lies in one flat float array. Tensors carry their Hugging Face names and orientation [out, in]. Those
 * that a graph multiplies at once (q, k, v; gate, up) lie side by side and form one block; blocks begin at multiples of
 * `alignment` elements, and the gaps stay zero.
 */
import { SegueError } from '@segue/core';
import { type ModelConfig, traitsOf } from './config.js';

export const alignment = 16;

export interface ParameterTensor {
  /** Hugging Face name. */
  readonly name: string;
  readonly shape: readonly number[];
  /** In elements of the flat array. */
  readonly offset: number;
  readonly size: number;
}

/** What a graph takes as one weight. */
export interface ParameterBlock {
  readonly key: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  readonly tensors: readonly ParameterTensor[];
}

export interface ParameterLayout {
  readonly config: ModelConfig;
  readonly blocks: readonly ParameterBlock[];
  readonly tensors: readonly ParameterTensor[];
  /** Elements of the flat array, gaps included. */
  readonly length: number;
  /** Parameters without gaps. */
  readonly parameters: number;
}

type TensorShape = readonly [name: string, ...shape: number[]];

/** Keys of the blocks that every layer has, and of those that some architectures have. */
const commonLayerKeys = ['inputNorm', 'qkv', 'output', 'postNorm', 'gateUp', 'down'] as const;
const ownLayerKeys = ['qkvBias', 'queryNorm', 'keyNorm'] as const;
export type CommonLayerKey = (typeof commonLayerKeys)[number];
export type OwnLayerKey = (typeof ownLayerKeys)[number];
export type LayerKey = CommonLayerKey | OwnLayerKey;
export const layerKeys: readonly LayerKey[] = [...commonLayerKeys, ...ownLayerKeys];

export function layerBlockKey(layer: number, key: LayerKey): string {
  return `layers.${layer}.${key}`;
}

function blockShapes(config: ModelConfig): [key: string, tensors: TensorShape[]][] {
  const { hiddenSize, heads, kvHeads, headSize, intermediateSize, vocabularySize } = config;
  const { projectionBias, headNorms } = traitsOf(config);
  const blocks: [string, TensorShape[]][] = [
    ['embedding', [['model.embed_tokens.weight', vocabularySize, hiddenSize]]],
  ];
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    const tensors: Record<CommonLayerKey, TensorShape[]> & Partial<Record<OwnLayerKey, TensorShape[]>> = {
      inputNorm: [[`${at}.input_layernorm.weight`, hiddenSize]],
      qkv: [
        [`${at}.self_attn.q_proj.weight`, heads * headSize, hiddenSize],
        [`${at}.self_attn.k_proj.weight`, kvHeads * headSize, hiddenSize],
        [`${at}.self_attn.v_proj.weight`, kvHeads * headSize, hiddenSize],
      ],
      output: [[`${at}.self_attn.o_proj.weight`, hiddenSize, heads * headSize]],
      postNorm: [[`${at}.post_attention_layernorm.weight`, hiddenSize]],
      gateUp: [
        [`${at}.mlp.gate_proj.weight`, intermediateSize, hiddenSize],
        [`${at}.mlp.up_proj.weight`, intermediateSize, hiddenSize],
      ],
      down: [[`${at}.mlp.down_proj.weight`, hiddenSize, intermediateSize]],
    };
    if (projectionBias) {
      tensors.qkvBias = [
        [`${at}.self_attn.q_proj.bias`, heads * headSize],
        [`${at}.self_attn.k_proj.bias`, kvHeads * headSize],
        [`${at}.self_attn.v_proj.bias`, kvHeads * headSize],
      ];
    }
    if (headNorms) {
      tensors.queryNorm = [[`${at}.self_attn.q_norm.weight`, headSize]];
      tensors.keyNorm = [[`${at}.self_attn.k_norm.weight`, headSize]];
    }
    for (const key of layerKeys) {
      const shapes = tensors[key];
      if (shapes) blocks.push([layerBlockKey(layer, key), shapes]);
    }
  }
  blocks.push(['finalNorm', [['model.norm.weight', hiddenSize]]]);
  if (!config.tieEmbeddings) blocks.push(['head', [['lm_head.weight', vocabularySize, hiddenSize]]]);
  return blocks;
}

export function parameterLayout(config: ModelConfig): ParameterLayout {
  let offset = 0;
  const blocks = blockShapes(config).map(([key, shapes]): ParameterBlock => {
    const begin = Math.ceil(offset / alignment) * alignment;
    offset = begin;
    const tensors = shapes.map(([name, ...shape]) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const tensor = { name, shape, offset, size };
      offset += size;
      return tensor;
    });
    const rows = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
    return { key, shape: [rows, ...tensors[0]!.shape.slice(1)], offset: begin, size: offset - begin, tensors };
  });
  const tensors = blocks.flatMap((block) => block.tensors);
  const length = Math.ceil(offset / alignment) * alignment;
  return { config, blocks, tensors, length, parameters: tensors.reduce((sum, { size }) => sum + size, 0) };
}

/** The part of a flat array that belongs to a block or tensor; a view, not a copy. */
export function viewOf<A extends Float32Array | Float64Array>(
  flat: A,
  at: { readonly offset: number; readonly size: number },
): A {
  return flat.subarray(at.offset, at.offset + at.size) as A;
}

export function requireLength(layout: ParameterLayout, flat: { readonly length: number }): void {
  if (flat.length !== layout.length) {
    throw new SegueError('INTERNAL', `parameters have ${flat.length} elements, the model has ${layout.length}`);
  }
}
