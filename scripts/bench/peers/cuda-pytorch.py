"""The tasks of `npm run bench -- cuda` in PyTorch and transformers, one a process: `generate` for decoding; for training a whole optimiser step
with scaled_dot_product_attention, cross_entropy over the trained tokens alone, clip_grad_norm_ and fused AdamW. The checkpoint, rows, micro-batches and
the k1.5 loss are those of the Segue side. `bfloat16` trains float32 masters under autocast. What is lost to copies is not looked at: nothing is copied.

Takes the task as its only argument (JSON), prints its figures as one line of JSON.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

warm_up_steps, measured_steps = 1, 3


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def timed(device, work):
    """Seconds that `work` takes, what it has queued on the GPU included."""
    synchronize(device)
    begin = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - begin


def load(task, dtype):
    torch.backends.cuda.matmul.allow_tf32 = task["precision"] == "tf32"
    torch.set_float32_matmul_precision("high" if task["precision"] == "tf32" else "highest")
    model = AutoModelForCausalLM.from_pretrained(task["folder"], dtype=dtype, attn_implementation="sdpa")
    return model.to(task["device"])


def memory(device):
    return {"gpuMemoryMiB": torch.cuda.max_memory_reserved() >> 20} if device == "cuda" else {}


def decode(task):
    device, batch, prompt, tokens = task["device"], task["batch"], task["prompt"], task["tokens"]
    model = load(task, torch.float16 if task["precision"] == "float16" else torch.float32).eval()
    vocabulary = model.config.vocab_size
    # The prompts of the Segue side; siblings, eight by eight, have the same one.
    rows = [[(i * 7 + (row >> 3) * 13) % vocabulary for i in range(prompt)] for row in range(batch)]
    inputs = torch.tensor(rows, device=device)

    def generate(count):
        model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            min_new_tokens=count,
            max_new_tokens=count,
            eos_token_id=None,
            pad_token_id=0,
        )

    with torch.no_grad():
        generate(min(tokens, 8))
        seconds = timed(device, lambda: generate(tokens))
    # With the prefill, as `generate` does not tell them apart.
    return {"tokensPerSecond": round(batch * tokens / seconds), "stepMs": round(1000 * seconds / tokens, 2)}


def train(task):
    device, count, length = task["device"], task["rows"], task["length"]
    per_batch = max(1, task["micro"] // length)
    model = load(task, torch.float32).train()
    vocabulary = model.config.vocab_size
    tokens = torch.tensor(
        [[(i * 31 + row * 17 + ((i * i) % 97)) % vocabulary for i in range(length + 1)] for row in range(count)],
        device=device,
    )
    # Of the targets, which begin with the second token.
    first = length // 4
    advantages = torch.tensor([0.5 if row % 2 == 0 else -0.5 for row in range(count)], device=device)
    reference, tau = -5.0, 0.1
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    half = task["precision"] == "bfloat16"
    norms = []

    def step():
        for at in range(0, count, per_batch):
            rows = tokens[at : at + per_batch]
            with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
                hidden = model.model(rows[:, :-1], use_cache=False).last_hidden_state[:, first:]
                logits = model.lm_head(hidden).float()
            targets = rows[:, 1 + first :]
            log_probs = -F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
            log_pi, log_ratio = log_probs.sum(1), (log_probs - reference).sum(1)
            loss = (-advantages[at : at + per_batch] * log_pi + 0.5 * tau * log_ratio**2).sum() / count
            loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        norms.append(norm)

    first_seconds = sum(timed(device, step) for _ in range(warm_up_steps))
    seconds = min(timed(device, step) for _ in range(measured_steps))
    return {
        "tokensPerSecond": round(count * length / seconds),
        "stepMs": round(1000 * seconds),
        "firstMs": round(1000 * first_seconds),
        # Of the first step: that of the Segue side, or the two do not do the same thing.
        "gradientNorm": float(f"{norms[0].item():.4g}"),
    }


def main():
    task = json.loads(sys.argv[1])
    figures = {"decode": decode, "train": train}[task["kind"]](task)
    print(json.dumps({"peer": f"torch {torch.__version__}", **figures, **memory(task["device"])}), flush=True)


main()
