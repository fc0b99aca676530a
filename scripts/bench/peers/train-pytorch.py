"""The training step of `npm run bench -- train` in PyTorch, as its documentation recommends it for the CPU: scaled_dot_product_attention,
cross_entropy, clip_grad_norm_ (foreach), fused AdamW, optionally torch.compile. The same model (RMSNorm, rotary positions, grouped-query
attention, SwiGLU, tied embedding), the same checkpoint, rows and k1.5 loss as the Segue side, so that loss and gradient norm must agree.

Reads a description (JSON) from the file named by its only argument; for every line on stdin does one step and prints one JSON line.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.size = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        self.q_proj = nn.Linear(c["hidden_size"], self.heads * self.size, bias=False)
        self.k_proj = nn.Linear(c["hidden_size"], self.kv_heads * self.size, bias=False)
        self.v_proj = nn.Linear(c["hidden_size"], self.kv_heads * self.size, bias=False)
        self.o_proj = nn.Linear(self.heads * self.size, c["hidden_size"], bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        split = lambda y, heads: y.view(batch, length, heads, self.size).transpose(1, 2)
        q = rotate(split(self.q_proj(x), self.heads), cos, sin)
        k = rotate(split(self.k_proj(x), self.kv_heads), cos, sin)
        v = split(self.v_proj(x), self.kv_heads)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.heads != self.kv_heads)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.up_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.down_proj = nn.Linear(c["intermediate_size"], c["hidden_size"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(c["hidden_size"], eps=c["rms_norm_eps"])
        self.self_attn = Attention(c)
        self.post_attention_layernorm = nn.RMSNorm(c["hidden_size"], eps=c["rms_norm_eps"])
        self.mlp = Mlp(c)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, c, length):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = nn.RMSNorm(c["hidden_size"], eps=c["rms_norm_eps"])
        half = c["head_dim"] // 2
        angles = torch.outer(torch.arange(length).double(), c["rope_theta"] ** -(torch.arange(half).double() / half))
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def forward(self, tokens, marked, targets):
        """Log-probabilities of the targets, [N], after the tokens at the flat places `marked` (None: all)."""
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        x = self.norm(x).flatten(0, 1)
        if marked is not None:
            x = x[marked]
        return -F.cross_entropy(F.linear(x, self.embed_tokens.weight), targets, reduction="none")


def main():
    with open(sys.argv[1]) as file:
        task = json.load(file)
    torch.set_num_threads(task["threads"])
    with open(f"{task['checkpoint']}/config.json") as file:
        config = json.load(file)
    rows = torch.tensor(task["tokens"])  # [B, T + 1]
    count, width = rows.shape
    tokens, targets = rows[:, :-1].contiguous(), rows[:, 1:]
    first = task["promptTokens"]  # trained tokens begin here
    marked = None
    if first > 1:
        marked = (torch.arange(count)[:, None] * (width - 1) + torch.arange(first - 1, width - 1)[None, :]).flatten()
    targets = targets[:, first - 1 :].flatten()
    reference = torch.tensor(task["referenceLogProbs"])[:, first:]
    advantages = torch.tensor(task["advantages"])
    model = Decoder(config, width - 1)
    # PyTorch reads the same little-endian float32 file without another library.
    load(model, f"{task['checkpoint']}/model.safetensors")
    optimizer = torch.optim.AdamW(model.parameters(), lr=task["learningRate"], betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0, fused=True)
    forward = torch.compile(model) if task["compile"] else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        log_probs = forward(tokens, marked, targets).view(count, -1)
        log_pi, log_ratio = log_probs.sum(1), (log_probs - reference).sum(1)
        loss = (-advantages * log_pi + 0.5 * task["tau"] * log_ratio**2).sum() / count
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        return {"loss": loss.item(), "gradientNorm": norm.item()}

    print(json.dumps({"ready": torch.__version__}), flush=True)
    for _ in sys.stdin:
        begin, begin_cpu = time.perf_counter(), time.process_time()
        result = step()
        times = {"ms": 1000 * (time.perf_counter() - begin), "cpuMs": 1000 * (time.process_time() - begin_cpu)}
        print(json.dumps({**times, **result}), flush=True)


def load(model, path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        parameters = dict(model.named_parameters())
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            file.seek(8 + size + entry["data_offsets"][0])
            data = bytearray(file.read(entry["data_offsets"][1] - entry["data_offsets"][0]))
            target = parameters.pop(name.removeprefix("model."))
            with torch.no_grad():
                target.copy_(torch.frombuffer(data, dtype=torch.float32).view(entry["shape"]))
    if parameters:
        raise SystemExit(f"the checkpoint lacks {sorted(parameters)}")


main()
