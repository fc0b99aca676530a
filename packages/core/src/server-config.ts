/** How an actor's inference server is run or reached, where the engine is one of somebody else's: docs/engines.md. */
import { z } from 'zod';
import { key } from './key-docs.js';

const ms = { unit: 'ms' };
const url = z
  .string()
  .regex(/^https?:\/\/\S+$/, { message: 'must begin with http:// or https://' })
  .nullable()
  .default(null);

export const serverConfigSchema = z
  .strictObject({
    dialect: key(
      z.enum(['llama.cpp', 'openai', 'vllm', 'sglang']).default('llama.cpp'),
      "What the server speaks: llama.cpp's own /completion, /v1/completions as llama.cpp or vLLM serve it, or SGLang's /generate",
    ),
    command: key(
      z
        .union([z.string().min(1), z.array(z.string()).min(1)])
        .nullable()
        .default(null),
      'Starts a server for a policy version; a text is split at spaces. Filled in: {gguf} or {folder}, {port}, {name}, {slots}, {context}, {threads}. null: `llama-server` on PATH, unless there is a `url`',
    ),
    url: key(url, 'Of a server that somebody else runs, without a path'),
    reloadUrl: key(
      url,
      'Where the server at `url` is told to serve another version, by POST of { model_path, weight_version }',
    ),
    startTimeoutMs: key(
      z.number().int().min(100).default(60_000),
      'Longest time until a server answers that was started, or told to load',
      ms,
    ),
    silenceTimeoutMs: key(
      z.number().int().min(100).default(30_000),
      'Longest time without a token of any sequence; then the engine has failed and another takes its place',
      ms,
    ),
    stopTimeoutMs: key(z.number().int().min(0).default(5_000), 'From SIGTERM to SIGKILL of a server', ms),
  })
  .refine(({ command, url }) => command === null || url === null, {
    message: 'has both a command and a url: a server is started, or somebody else runs it',
  })
  .refine(({ url, reloadUrl }) => reloadUrl === null || url !== null, {
    message: 'has a reloadUrl without a url',
  });

export type ServerConfig = z.output<typeof serverConfigSchema>;
