/**
 * Reads a JSONL file of problems: `prompt` (text or chat messages), `answer`, `scorer`, `tags`, `difficulty`, `metadata`, and optionally
 * `purpose` and `response`. A wrong line is refused with its number. Tokens and limits are the controller's business.
 */
import { createReadStream } from 'node:fs';
import { isId, type ProblemInput, SegueError } from '@segue/core';
import { z } from 'zod';

/** Far beyond what any service takes; a file without line ends is not read whole. */
const maxLineBytes = 64 * 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

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
    id: z.string().refine(isId, 'must be 1 to 128 of [a-z0-9-] and begin with a letter or digit').nullish(),
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
  let number = 0;
  try {
    for await (const bytes of linesOf(createReadStream(path), path)) {
      number += 1;
      const where = `${path}:${number}`;
      const line = readText(bytes, where);
      if (line.trim() !== '') yield parseProblemLine(line, where);
    }
  } catch (error) {
    throw SegueError.from(error);
  }
}

/** Ends at line feeds alone: the library's lines end at U+2028 too, which may stand in a text of JSON. */
async function* linesOf(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  let number = 1;
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    let at = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', at)) {
      yield Buffer.concat([...rest, chunk.subarray(at, end)]);
      rest = [];
      restBytes = 0;
      number += 1;
      at = end + 1;
    }
    rest.push(chunk.subarray(at));
    restBytes += chunk.length - at;
    if (restBytes > maxLineBytes) {
      throw new SegueError('INVALID_INPUT', `${path}:${number}: a line has at most ${maxLineBytes} bytes`);
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}

function readText(bytes: Buffer, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new SegueError('INVALID_INPUT', `${where}: not UTF-8`, error);
  }
}
