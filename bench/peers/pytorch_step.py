"""PyTorch as the peer of carpal's training step: the same networks, losses, optimizer, batch and threads.

Prints one line of JSON: {"seconds": [one figure a step], "items": images a step, "peakMb": resident memory at its highest}.
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def double_conv(start, between, end, bias):
    def one(a, b):
        return [nn.Conv2d(a, b, 3, padding=1, bias=bias), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]

    return nn.Sequential(*one(start, between), *one(between, end))


class UNet(nn.Module):
    """64-128-256-512, bottom 512-1024-512, transposed convolutions that keep their channels."""

    def __init__(self, classes):
        super().__init__()
        widths = [64, 128, 256, 512]
        self.down = nn.ModuleList(double_conv(a, b, b, True) for a, b in zip([3, *widths], widths))
        self.bottom = double_conv(512, 1024, 512, True)
        self.grow = nn.ModuleList(nn.ConvTranspose2d(w, w, 2, stride=2) for w in reversed(widths))
        ends = [64, 64, 128, 256]
        self.up = nn.ModuleList(double_conv(2 * w, w, end, True) for w, end in zip(reversed(widths), reversed(ends)))
        self.head = nn.Conv2d(64, classes, 1)

    def forward(self, x):
        x = x.expand(-1, 3, -1, -1)
        skips = []
        for encode in self.down:
            x = encode(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for grow, merge in zip(self.grow, self.up):
            x = merge(torch.cat([skips.pop(), grow(x)], 1))
        return self.head(x)


class SlimUNet(nn.Module):
    """width · (1, 2, 4, 8, 8), no biases before normalisation, bilinear up-sampling."""

    def __init__(self, classes, width=16, depth=5):
        super().__init__()
        widths = [width * (1, 2, 4, 8, 8)[min(level, 4)] for level in range(depth)]
        self.down = nn.ModuleList(double_conv(a, b, b, False) for a, b in zip([1, *widths], widths))
        self.up = nn.ModuleList(double_conv(a + b, a, a, False) for a, b in reversed(list(zip(widths, widths[1:]))))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for level, encode in enumerate(self.down):
            x = encode(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for merge in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = merge(torch.cat([skips.pop(), x], 1))
        return self.head(x)


def loss_of(logits, targets):
    """0.9 · Dice for each image and class + 0.1 · BCE."""
    probabilities = torch.sigmoid(logits)
    both = (probabilities * targets).sum((2, 3))
    dice = 1 - (2 * both + 1) / (probabilities.sum((2, 3)) + targets.sum((2, 3)) + 1)
    return 0.9 * dice.mean() + 0.1 * F.binary_cross_entropy_with_logits(logits, targets)


def main():
    request = json.loads(sys.argv[1])
    torch.manual_seed(0)
    torch.set_num_threads(request["threads"])
    size, count, classes = request["size"], request["count"], request["classes"]
    layout = torch.channels_last if request["layout"] == "channels_last" else torch.contiguous_format
    narrow = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[request["precision"]]
    device = request.get("device", "cpu")
    model = {"UNet": UNet, "SlimUNet": SlimUNet}[request["network"]](classes).to(device, memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    scaler = torch.amp.GradScaler(device, enabled=narrow is torch.float16)
    forward = torch.compile(model) if request.get("compile") else model
    images = torch.rand(count, 1, size, size, device=device).contiguous(memory_format=layout)
    coverage = torch.randint(0, 2, (count, classes, size, size), dtype=torch.uint8) * 255

    def step():
        # As in training, targets arrive as bytes and become floats where the step runs.
        targets = coverage.to(device).to(torch.float32).div(255).contiguous(memory_format=layout)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=narrow or torch.bfloat16, enabled=narrow is not None):
            logits = forward(images)
        loss = loss_of(logits.float(), targets)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.item()

    for _ in range(request["warmup"]):
        step()
    seconds = []
    for _ in range(request["repetitions"]):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": seconds, "items": count, "peakMb": peak}))


if __name__ == "__main__":
    main()
