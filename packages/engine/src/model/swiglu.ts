/**
 * The gate of the feed-forward layer, with a gradient that keeps little: of the four wide arrays only gate and up stay until the
 * way back, where the others are computed again (cheaper than the memory, and as fast).
 */
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';

/** silu(gate) * up, all [rows, I]. */
export function swiGlu(b: Builder, gate: Value, up: Value): Value {
  const gated = b.mul(b.silu(gate), up);
  /** Again from gate and up: s = sigmoid(gate), gate s, and gate s up. */
  const remake = (gradient: Value) => {
    const late = b.after(gate, gradient);
    const s = b.sigmoid(late);
    const activated = b.mul(late, s);
    return { s, activated, again: b.mul(activated, up) };
  };
  let remade: ReturnType<typeof remake> | undefined;
  const parts = (gradient: Value) => {
    remade ??= remake(gradient);
    return remade;
  };
  b.setRecipe(gated, (gradient) => parts(gradient).again);
  return b.setGradient(gated, {
    inputs: [gate, up],
    rule: (gradient) => {
      const { s, activated, again } = parts(gradient);
      // d silu(gate) up = s up + gate s (1 - s) up
      const slope = b.add(again, b.mul(s, b.sub(up, again)));
      return [b.mul(gradient, slope), b.mul(gradient, activated)];
    },
  });
}
