import torch
from torch import nn
from torch.nn import functional as F

from networks.blocks import double_conv


class UNet(nn.Module):
    """64-128-256-512, bottom 512-1024-512, transposed convolutions that keep the number of channels."""

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


def build(classes: int, options: dict) -> nn.Module:
    return UNet(classes)
