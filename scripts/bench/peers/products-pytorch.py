"""Rates of matrix products in PyTorch for `npm run bench -- products`: shapes (JSON list of [m, k, n]) and threads as arguments; for every
line on stdin one JSON line with the best GFLOP/s of each shape."""

import json
import sys
import time

import torch

shapes, threads = json.loads(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)


def rate(m, k, n):
    x, w, g = torch.rand(m, k), torch.rand(n, k), torch.rand(m, n)
    products = {"forward": lambda: x @ w.T, "inputGradient": lambda: g @ w, "weightGradient": lambda: g.T @ x}
    result = {}
    for name, product in products.items():
        best = float("inf")
        for _ in range(6):
            begin = time.perf_counter()
            product()
            best = min(best, time.perf_counter() - begin)
        result[name] = 2e-9 * m * k * n / best
    return result


print(json.dumps({"ready": torch.__version__}), flush=True)
for _ in sys.stdin:
    print(json.dumps([rate(*shape) for shape in shapes]), flush=True)
