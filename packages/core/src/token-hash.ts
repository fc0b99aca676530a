/**
 * The hash that names a token prefix in compare-and-append. Two 32-bit lanes, so 64 bits: it guards against stale
 * prefixes, not against an attacker. It can be continued: hashing b onto the hash of a gives the hash of a followed by b.
 */

const emptyLanes = [0x243f6a88, 0x85a308d3] as const;

/** Hash of no tokens. */
export const emptyTokenHash = formatLanes(emptyLanes[0], emptyLanes[1]);

/** 16 hex digits. @param before hash of the tokens in front; empty when left out */
export function hashTokens(tokens: Int32Array, before: string = emptyTokenHash): string {
  let low = Number.parseInt(before.slice(8), 16) | 0;
  let high = Number.parseInt(before.slice(0, 8), 16) | 0;
  // By index: walking by an iterator takes two and a half times as long, and every prefix is hashed.
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? 0;
    low = Math.imul(low ^ token, 0x01000193);
    low ^= low >>> 15;
    high = Math.imul(high + token + 0x9e3779b9, 0x85ebca6b);
    high ^= high >>> 13;
  }
  return formatLanes(high, low);
}

function formatLanes(high: number, low: number): string {
  return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0');
}
