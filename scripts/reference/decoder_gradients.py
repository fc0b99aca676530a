"""
A second, independent implementation of the decoder and the two losses, in JAX with float64 and automatic differentiation.
Writes packages/engine/test/data/decoder-reference.json: parameters, inputs, log-probabilities, losses and gradients of tiny
models, which packages/engine/test/model.test.ts compares with the graphs.

Run from the repository root:  pip install jax numpy && python scripts/reference/decoder_gradients.py
"""

import base64
import json

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

OUT = "packages/engine/test/data/decoder-reference.json"

COMMON = dict(hidden_size=16, head_dim=4, intermediate_size=20, vocab_size=11, rms_norm_eps=1e-5, max_position_embeddings=16)
CONFIGS = {
    "grouped, tied": dict(COMMON, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, rope_theta=10000.0, tie_word_embeddings=True),
    "one key-value head, untied": dict(COMMON, num_hidden_layers=1, num_attention_heads=6, num_key_value_heads=1, rope_theta=500.0, tie_word_embeddings=False),
}


def shapes(c):
    d, q, kv = c["hidden_size"], c["num_attention_heads"] * c["head_dim"], c["num_key_value_heads"] * c["head_dim"]
    yield "model.embed_tokens.weight", (c["vocab_size"], d)
    for i in range(c["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (d,)
        yield layer + "self_attn.q_proj.weight", (q, d)
        yield layer + "self_attn.k_proj.weight", (kv, d)
        yield layer + "self_attn.v_proj.weight", (kv, d)
        yield layer + "self_attn.o_proj.weight", (d, q)
        yield layer + "post_attention_layernorm.weight", (d,)
        yield layer + "mlp.gate_proj.weight", (c["intermediate_size"], d)
        yield layer + "mlp.up_proj.weight", (c["intermediate_size"], d)
        yield layer + "mlp.down_proj.weight", (d, c["intermediate_size"])
    yield "model.norm.weight", (d,)
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", (c["vocab_size"], d)


def norm(x, w, eps):
    return w * x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True) + eps)


def rotate(x, theta):  # [B, T, heads, D]
    length, size = x.shape[1], x.shape[3]
    frequency = theta ** (-jnp.arange(0, size, 2) / size)
    angle = jnp.outer(jnp.arange(length), frequency)  # [T, D/2]
    angle = jnp.concatenate([angle, angle], axis=-1)[None, :, None, :]
    half = jnp.concatenate([-x[..., size // 2 :], x[..., : size // 2]], axis=-1)
    return x * jnp.cos(angle) + half * jnp.sin(angle)


def decoder(p, c, tokens):
    batch, length = tokens.shape
    heads, groups, size, eps = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], c["rms_norm_eps"]
    seen = jnp.tril(jnp.ones((length, length), bool))
    x = p["model.embed_tokens.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        w = lambda name: p[f"model.layers.{i}.{name}.weight"]
        h = norm(x, w("input_layernorm"), eps)
        split = lambda name, n: jnp.einsum("btc,oc->bto", h, w(f"self_attn.{name}_proj")).reshape(batch, length, n, size)
        q = rotate(split("q", heads), c["rope_theta"])
        k = jnp.repeat(rotate(split("k", groups), c["rope_theta"]), heads // groups, axis=2)
        v = jnp.repeat(split("v", groups), heads // groups, axis=2)
        score = jnp.einsum("bthd,bshd->bhts", q, k) / np.sqrt(size)
        attention = jax.nn.softmax(jnp.where(seen, score, -jnp.inf), axis=-1)
        o = jnp.einsum("bhts,bshd->bthd", attention, v).reshape(batch, length, heads * size)
        x = x + o @ w("self_attn.o_proj").T
        h = norm(x, w("post_attention_layernorm"), eps)
        x = x + (jax.nn.silu(h @ w("mlp.gate_proj").T) * (h @ w("mlp.up_proj").T)) @ w("mlp.down_proj").T
    head = p["model.embed_tokens.weight"] if c["tie_word_embeddings"] else p["lm_head.weight"]
    return norm(x, p["model.norm.weight"], eps) @ head.T


def token_log_probs(p, c, tokens, temperature):
    """[B, T]; entry t is that of token t, entry 0 is 0."""
    log_p = jax.nn.log_softmax(decoder(p, c, tokens)[:, :-1] / temperature, axis=-1)
    picked = jnp.take_along_axis(log_p, tokens[:, 1:, None], axis=-1)[..., 0]
    return jnp.pad(picked, ((0, 0), (1, 0)))


def policy_loss(p, c, data, mean):
    log_p, mask = token_log_probs(p, c, data["tokens"], data["temperature"]), data["mask"]
    count = mask.sum(axis=1) if mean else 1.0
    first = data["advantages"] * (mask * data["weights"] * log_p).sum(axis=1) / count
    ratio = (mask * (log_p - data["reference"])).sum(axis=1) / count
    return jnp.mean(-first + data["tau"] / 2 * ratio**2)


def supervised_loss(p, c, data):
    log_p = token_log_probs(p, c, data["tokens"], 1.0)
    return -(data["mask"] * log_p).sum() / data["mask"].sum()


def pack(array):
    return base64.b64encode(np.asarray(array, dtype="<f4").tobytes()).decode()


def main():
    result = {}
    for seed, (name, c) in enumerate(CONFIGS.items()):
        random = np.random.default_rng(seed)
        # Rounded to float32, so that the stored parameters are exactly those that were differentiated.
        p = {n: (1.0 if len(s) == 1 else 0.0) + random.normal(0, 0.3, s).astype(np.float32).astype(np.float64) for n, s in shapes(c)}
        p = {n: x.astype(np.float32).astype(np.float64) for n, x in p.items()}
        lengths = [9, 5, 7]
        tokens = random.integers(0, c["vocab_size"], (3, 9))
        mask = np.zeros((3, 9))
        for row, length in enumerate(lengths):
            mask[row, 2:length] = 1
        mask[0, 4] = 0
        f32 = lambda x: np.asarray(x, np.float32).astype(np.float64)
        data = dict(
            tokens=tokens,
            mask=mask,
            advantages=f32([0.75, -1.25, 0.5]),
            weights=f32(random.uniform(0.5, 1.5, (3, 9))),
            reference=f32(random.uniform(-3, -1, (3, 9))),
            tau=0.25,
            temperature=0.8,
        )
        p = {n: jnp.asarray(x) for n, x in p.items()}
        losses = {
            "policySum": lambda q: policy_loss(q, c, data, False),
            "policyMean": lambda q: policy_loss(q, c, data, True),
            "supervised": lambda q: supervised_loss(q, c, data),
        }
        result[name] = dict(
            config=c,
            parameters={n: pack(x) for n, x in p.items()},
            lengths=lengths,
            tokens=tokens.tolist(),
            mask=mask.astype(int).tolist(),
            advantages=data["advantages"].tolist(),
            weights=data["weights"].tolist(),
            reference=data["reference"].tolist(),
            tau=data["tau"],
            temperature=data["temperature"],
            logProbs=np.asarray(token_log_probs(p, c, tokens, data["temperature"])).tolist(),
            losses={n: float(f(p)) for n, f in losses.items()},
            gradients={n: {k: pack(g) for k, g in jax.grad(f)(p).items()} for n, f in losses.items()},
        )
    with open(OUT, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
