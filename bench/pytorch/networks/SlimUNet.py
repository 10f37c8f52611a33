import torch
from torch import nn
from torch.nn import functional as F

from networks.blocks import double_conv


class SlimUNet(nn.Module):
    """width * (1, 2, 4, 8, 8), no biases before normalisation, bilinear upsampling."""

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


def build(classes: int, options: dict) -> nn.Module:
    return SlimUNet(classes, **options)
