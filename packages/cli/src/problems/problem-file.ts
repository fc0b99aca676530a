/**
 * Reads a JSONL file of problems: `prompt` (text or chat messages), `answer`, `scorer`, `tags`, `difficulty`, `metadata`, and optionally
 * `purpose` and `response`. A wrong line is refused with its number. Tokens and limits are the controller's business.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type ProblemInput, SegueError } from '@segue/core';
import { z } from 'zod';

const messagePartSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({ type: z.literal('image'), url: z.string() }),
]);

const messageSchema = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.union([z.string(), z.array(messagePartSchema).min(1)]),
});

const lineSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, 'must be made of [a-z0-9-]')
      .nullish(),
    purpose: z.enum(['train', 'evaluation', 'warmup']).default('train'),
    prompt: z.union([z.string().min(1), z.array(messageSchema).min(1)]),
    answer: z.string().default(''),
    scorer: z.string().min(1),
    tags: z.array(z.string()).default([]),
    difficulty: z.number().nullable().default(null),
    metadata: z.record(z.string(), z.unknown()).default({}),
    response: z.string().min(1).nullable().default(null),
  })
  .refine((line) => line.purpose !== 'warmup' || line.response !== null, {
    message: 'is needed when purpose is warmup',
    path: ['response'],
  });

/** One line of a problem file, as text. @param where file and line number, for the message */
export function parseProblemLine(text: string, where: string): ProblemInput {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SegueError(
      'INVALID_INPUT',
      `${where}: not JSON: ${error instanceof Error ? error.message : error}`,
      error,
    );
  }
  const result = lineSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const path = issue.path.length > 0 ? issue.path.map(String).join('.') : 'the line';
    throw new SegueError('INVALID_INPUT', `${where}: ${path} ${issue.message}`);
  }
  const { id, prompt, ...rest } = result.data;
  return { ...rest, id: id ?? null, prompt: typeof prompt === 'string' ? prompt : prompt.map(toMessage) };
}

function toMessage({ role, content }: z.output<typeof messageSchema>) {
  return { role, parts: typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content };
}

/** Streams the problems of a file; empty lines are skipped. */
export async function* readProblemFile(path: string): AsyncGenerator<ProblemInput> {
  const input = createReadStream(path, 'utf8');
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (line.trim() !== '') yield parseProblemLine(line, `${path}:${number}`);
    }
  } catch (error) {
    throw SegueError.from(error);
  }
}
