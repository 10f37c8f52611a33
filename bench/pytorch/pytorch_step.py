"""PyTorch as the peer of carpal's training step: the same networks, losses, optimizer, batch and threads.

Prints one line of JSON: {"seconds": [one figure a step], "items": images a step, "peakMb": resident memory at its highest, "parameters":
how many values are trained}.
"""

import json
import os
import resource
import statistics
import sys
import tempfile
import time

import torch
from networks import build, heads_of
from torch.nn import functional as F


def loss_of(answer, targets):
    """The mean over the network's heads of 0.9 · Dice for each image and class + 0.1 · BCE."""
    losses = [loss_of_head(logits.float(), targets) for logits in heads_of(answer)]
    return sum(losses) / len(losses)


def loss_of_head(logits, targets):
    probabilities = torch.sigmoid(logits)
    both = (probabilities * targets).sum((2, 3))
    dice = 1 - (2 * both + 1) / (probabilities.sum((2, 3)) + targets.sum((2, 3)) + 1)
    return 0.9 * dice.mean() + 0.1 * F.binary_cross_entropy_with_logits(logits, targets)


def adamw(model):
    """The optimizer as one kernel over all weights, which is PyTorch's fastest and what carpal's is, too."""
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)


def is_enough(seconds, effort):
    """Whether repetitions that took these seconds are enough, as effort.ts decides for carpal."""
    if not seconds:
        return False
    fewest = effort["slowRepetitions"] if statistics.median(seconds) > effort["slowSeconds"] else effort["repetitions"]
    return len(seconds) >= fewest and sum(seconds) >= effort["seconds"]


def main():
    # What an interrupted run left half-written in the shared cache would look as if the compiler refused the network.
    with tempfile.TemporaryDirectory() as compiled:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = compiled
        measure(json.loads(sys.argv[1]))


def measure(request):
    torch.manual_seed(0)
    torch.set_num_threads(request["threads"])
    size, count, classes = request["size"], request["count"], request["classes"]
    layout = torch.channels_last if request["layout"] == "channels_last" else torch.contiguous_format
    narrow = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[request["precision"]]
    device = request.get("device", "cpu")
    model = build(request["network"], classes, request.get("options", {})).to(device, memory_format=layout)
    optimizer = adamw(model)
    scaler = torch.amp.GradScaler(device, enabled=narrow is torch.float16)
    forward = torch.compile(model) if request.get("compile") else model
    images = torch.rand(count, 1, size, size, device=device).contiguous(memory_format=layout)
    # In the layout that the step works in, as the batches of carpal are: no step has to turn its targets around.
    coverage = (torch.randint(0, 2, (count, classes, size, size), dtype=torch.uint8) * 255).contiguous(memory_format=layout)

    def step():
        # As in training, targets arrive as bytes and become floats where the step runs.
        targets = coverage.to(device).to(torch.float32).div(255)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=narrow or torch.bfloat16, enabled=narrow is not None):
            answer = forward(images)
        loss = loss_of(answer, targets)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.item()

    for _ in range(request["warmup"]):
        step()
    seconds = []
    while not is_enough(seconds, request["effort"]):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    parameters = sum(values.numel() for values in model.parameters())
    print(json.dumps({"seconds": seconds, "items": count, "peakMb": peak, "parameters": parameters}))


if __name__ == "__main__":
    main()
