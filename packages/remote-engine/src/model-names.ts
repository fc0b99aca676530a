/** Which models a server says that it serves. */
import { z } from 'zod';
import { parseMessage } from './dialect.js';
import { callJson } from './http.js';

const listSchema = z.object({ data: z.array(z.object({ id: z.string() })) });

export async function modelNames(url: string, signal: AbortSignal): Promise<string[]> {
  const list = parseMessage(listSchema, await callJson(`${url}/v1/models`, null, signal));
  return list.data.map(({ id }) => id);
}
