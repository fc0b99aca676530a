"""
Tiny checkpoints with random weights, written by the transformers library, and what that library computes from them: logits, log-probabilities,
the gradient of the k1.5 loss, the weights after one AdamW step, and a greedy continuation. All in double precision (the library keeps the
rotary angles in single), stored as float32. packages/engine/test/checkpoints.test.ts compares the engine with them.

Run from the repository root:  pip install torch transformers safetensors && python scripts/reference/checkpoints.py
"""

import json
import os
import shutil

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

OUT = "packages/engine/test/data/checkpoints"
SIZE = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, vocab_size=40, max_position_embeddings=160, bos_token_id=1, eos_token_id=2)
LLAMA3 = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32, rope_theta=500.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=40, rope_theta=1000.0)
LINEAR = dict(rope_type="linear", factor=2.5, rope_theta=10000.0)

# Every architecture tied and untied, every kind of rotary positions, every element type, one to several query heads per key-value head.
MODELS = {
    "llama-llama3-untied": (LlamaForCausalLM, LlamaConfig(**SIZE, num_attention_heads=4, num_key_value_heads=2, rope_parameters=LLAMA3), torch.float32),
    "llama-linear-tied": (LlamaForCausalLM, LlamaConfig(**SIZE, num_attention_heads=2, num_key_value_heads=2, rope_parameters=LINEAR, tie_word_embeddings=True), torch.float16),
    "qwen2-tied": (Qwen2ForCausalLM, Qwen2Config(**SIZE, num_attention_heads=4, num_key_value_heads=1, tie_word_embeddings=True), torch.bfloat16),
    "qwen2-yarn-untied": (Qwen2ForCausalLM, Qwen2Config(**SIZE, num_attention_heads=4, num_key_value_heads=2, rope_parameters=YARN), torch.float32),
    "qwen3-tied": (Qwen3ForCausalLM, Qwen3Config(**SIZE, head_dim=8, num_attention_heads=6, num_key_value_heads=2, tie_word_embeddings=True), torch.float32),
    "qwen3-untied-sharded": (Qwen3ForCausalLM, Qwen3Config(**SIZE, head_dim=6, num_attention_heads=3, num_key_value_heads=1), torch.bfloat16),
}

LENGTHS, PROMPT, NEW_TOKENS = [12, 7, 9], 6, 128
TAU, TEMPERATURE, LEARNING_RATE, DECAY, MAX_NORM = 0.25, 0.8, 1e-3, 0.1, 1.0
# Greedy decoding is compared token by token: the best token must be ahead of the second by more than rounding.
MIN_MARGIN = 1e-3
MIN_DISTINCT = 10


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        mean = 1.0 if name.endswith("norm.weight") else 0.0
        # Layers say more than the embedding does, or a tied model would repeat its last token for ever.
        scale = 0.2 if parameter.ndim == 1 else (0.5 if "embed_tokens" in name else 1.6 / np.sqrt(parameter.shape[1]))
        parameter.data = (mean + scale * noise).to(parameter.dtype)


def greedy(model, prompt):
    """The continuation, and the least lead of a chosen token; given up once that is too small."""
    tokens, margin = list(prompt), np.inf
    with torch.no_grad():
        for _ in range(NEW_TOKENS):
            best = model(torch.tensor([tokens])).logits[0, -1].topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            if margin <= MIN_MARGIN:
                break
            tokens.append(int(best.indices[0]))
    return tokens[len(prompt) :], margin


def policy_loss(model, data):
    rows = []
    for row, length in enumerate(LENGTHS):
        tokens = torch.tensor([data["tokens"][row]])
        log_p = torch.log_softmax(model(tokens).logits[0, :-1] / TEMPERATURE, dim=-1)
        picked = log_p.gather(1, tokens[0, 1:, None])[:, 0]
        mask = torch.tensor(data["mask"][row][1:], dtype=torch.float64)
        reference = torch.tensor(data["reference"][row][1:], dtype=torch.float64)
        ratio = (mask * (picked - reference)).sum()
        rows.append((-data["advantages"][row] * (mask * picked).sum() + TAU / 2 * ratio**2, [0.0, *(mask * picked).tolist()]))
    return torch.stack([loss for loss, _ in rows]).mean(), [picked for _, picked in rows]


def tensors_of(model, value):
    """By name, without the output layer of a tied model; float32."""
    return {name: value(p).detach().to(torch.float32).contiguous() for name, p in model.named_parameters()}


def write(name, kind, config, dtype):
    folder = f"{OUT}/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    config.dtype = dtype
    for seed in range(1000):
        model = kind(config).to(dtype)
        randomize(model, seed)
        double = kind(config).to(torch.float64)
        double.load_state_dict({key: value.to(torch.float64) for key, value in model.state_dict().items()})
        double.eval()
        random = np.random.default_rng(seed)
        prompt = random.integers(3, config.vocab_size, PROMPT).tolist()
        continuation, margin = greedy(double, prompt)
        if margin > MIN_MARGIN and len(set(continuation)) >= MIN_DISTINCT:
            break
    else:
        raise SystemExit(f"{name}: no seed gives a greedy continuation without near ties")
    shard = dict(max_shard_size="4KB") if "sharded" in name else {}
    model.save_pretrained(folder, **shard)

    data = dict(
        tokens=[random.integers(0, config.vocab_size, length).tolist() for length in LENGTHS],
        mask=[[0, 0] + [1] * (length - 2) for length in LENGTHS],
        reference=[np.float32(random.uniform(-4, -2, length)).tolist() for length in LENGTHS],
        advantages=[0.75, -1.25, 0.5],
    )
    with torch.no_grad():
        logits = double(torch.tensor([prompt + continuation])).logits[0]
    double.zero_grad()
    loss, log_probs = policy_loss(double, data)
    loss.backward()
    gradients = tensors_of(double, lambda p: p.grad)
    decaying = [p for p in double.parameters() if p.ndim > 1]
    others = [p for p in double.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [dict(params=decaying, weight_decay=DECAY), dict(params=others, weight_decay=0.0)], lr=LEARNING_RATE, betas=(0.9, 0.95), eps=1e-8
    )
    norm = float(torch.nn.utils.clip_grad_norm_(double.parameters(), MAX_NORM))
    optimizer.step()
    stepped = tensors_of(double, lambda p: p)
    reference = {"logits": logits.to(torch.float32)}
    reference |= {f"gradient.{key}": value for key, value in gradients.items()}
    reference |= {f"stepped.{key}": value for key, value in stepped.items()}
    save_file(reference, f"{folder}/reference.safetensors")
    facts = dict(
        **data,
        logProbs=log_probs,
        loss=loss.item(),
        gradientNorm=norm,
        tau=TAU,
        temperature=TEMPERATURE,
        learningRate=LEARNING_RATE,
        weightDecay=DECAY,
        maxGradientNorm=MAX_NORM,
        prompt=prompt,
        continuation=continuation,
    )
    with open(f"{folder}/reference.json", "w") as file:
        json.dump(facts, file)
        file.write("\n")
    print(f"{name}: seed {seed}, margin {margin:.4f}, {len(set(continuation))} distinct tokens, loss {loss.item():.4f}")


def main():
    os.makedirs(OUT, exist_ok=True)
    for name, (kind, config, dtype) in MODELS.items():
        write(name, kind, config, dtype)


if __name__ == "__main__":
    main()
