"""
Opens what Segue writes with the transformers library and compares it with packages/engine/test/data/checkpoints: no weight missing or left over,
logits, and a greedy continuation of 128 tokens. Ends with an error when one differs.

Run from the repository root:  npm run build && pip install torch transformers safetensors && python scripts/reference/exported.py
"""

import json
import subprocess
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

ROOT = Path("packages/engine/test/data/checkpoints")


def compare(folder, source):
    facts = json.loads((source / "reference.json").read_text())
    expected = load_file(source / "reference.safetensors")["logits"]
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    left = {key: value for key, value in info.items() if value}
    prompt = torch.tensor([facts["prompt"]])
    with torch.no_grad():
        logits = model(torch.tensor([facts["prompt"] + facts["continuation"]])).logits[0]
    model.generation_config.eos_token_id = None
    settings = dict(do_sample=False, max_new_tokens=len(facts["continuation"]), pad_token_id=0)
    generated = model.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)[0, prompt.shape[1] :].tolist()
    error, same = float((logits - expected).abs().max()), generated == facts["continuation"]
    print(f"{folder.name}: {type(model).__name__}, logits within {error:.1e}, greedy tokens {'equal' if same else 'differ'}, {left or 'nothing left over'}")
    return error <= 1e-4 and same and not left


def main():
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["node", "scripts/reference/export.mjs", out], check=True)
        folders = sorted(Path(out).iterdir())
        results = [compare(folder, ROOT / folder.name.removesuffix(".own")) for folder in folders]
    if not all(results):
        raise SystemExit("differs")


if __name__ == "__main__":
    main()
