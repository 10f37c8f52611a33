"""PyTorch as the baseline of carpal's training step: the same network, loss, optimizer, batch size and threads.

Prints one line of JSON: {"seconds": [one figure per step], "items": images per step, "peakMb": peak resident memory, "parameters": the number
of trained parameters, "shortcuts": names from shortcuts.py}.
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
from shortcuts import apply_shortcuts
from torch.nn import functional as F

AUTOCAST = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def loss_of(answer, targets):
    """The mean over the network's heads of 0.9 · Dice per image and class + 0.1 · BCE."""
    losses = [loss_of_head(logits.float(), targets) for logits in heads_of(answer)]
    return sum(losses) / len(losses)


def loss_of_head(logits, targets):
    probabilities = torch.sigmoid(logits)
    both = (probabilities * targets).sum((2, 3))
    dice = 1 - (2 * both + 1) / (probabilities.sum((2, 3)) + targets.sum((2, 3)) + 1)
    return 0.9 * dice.mean() + 0.1 * F.binary_cross_entropy_with_logits(logits, targets)


def adamw(model):
    """The optimizer as one kernel over all weights: PyTorch's fastest, and what carpal does."""
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)


def is_enough(seconds, effort):
    """Whether repetitions that took these seconds are enough. harness/measure.ts applies the same rule to carpal."""
    if not seconds:
        return False
    fewest = effort["slowRepetitions"] if statistics.median(seconds) > effort["slowSeconds"] else effort["repetitions"]
    return len(seconds) >= fewest and sum(seconds) >= effort["seconds"]


def forward_of(model, device, dtype, compiled):
    """From images and coverage in bytes to the loss. torch.compile sees the network together with its loss."""

    def loss_of_batch(images, coverage):
        # As in training, targets arrive as bytes and become floats where the step runs.
        targets = coverage.to(torch.float32).div(255)
        with torch.autocast(device, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            answer = model(images)
        return loss_of(answer, targets)

    return torch.compile(loss_of_batch) if compiled else loss_of_batch


def main():
    # An interrupted run may leave broken files in the shared cache, which would look as if the compiler rejected the network.
    with tempfile.TemporaryDirectory() as compiled:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = compiled
        measure(json.loads(sys.argv[1]))


def measure(request):
    torch.manual_seed(0)
    torch.set_num_threads(request["threads"])
    size, count, classes = request["size"], request["count"], request["classes"]
    layout = torch.channels_last if request["layout"] == "channels_last" else torch.contiguous_format
    dtype, device = AUTOCAST[request["precision"]], request.get("device", "cpu")
    model = build(request["network"], classes, request.get("options", {}))
    shortcuts = apply_shortcuts(model)
    model = model.to(device, memory_format=layout)
    optimizer = adamw(model)
    scaler = torch.amp.GradScaler(device, enabled=dtype is torch.float16)
    forward = forward_of(model, device, dtype, request.get("compile", False))
    images = torch.rand(count, 1, size, size, device=device).contiguous(memory_format=layout)
    # In the layout that the step works in, as carpal's batches are: no step has to transpose its targets.
    coverage = (torch.randint(0, 2, (count, classes, size, size), dtype=torch.uint8) * 255).contiguous(memory_format=layout)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(images, coverage.to(device))
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
    print(json.dumps({"seconds": seconds, "items": count, "peakMb": peak, "parameters": parameters, "shortcuts": shortcuts}))


if __name__ == "__main__":
    main()
