"""Blocks that DUCKNet and RAPUNet share. Modules have the names of carpal's variables."""

from torch import nn
from torch.nn import functional as F


class ConvReluNorm(nn.Conv2d):
    """Convolution with bias, ReLU, batch normalisation."""

    def __init__(self, start, end, size=3, dilation=1):
        super().__init__(start, end, size, padding="same", dilation=dilation)
        self.norm = nn.BatchNorm2d(end)

    def forward(self, x):
        return self.norm(F.relu(super().forward(x)))


def numbered(modules):
    """A sequence whose members are named 1, 2, 3 …"""
    sequence = nn.Sequential()
    for index, module in enumerate(modules):
        sequence.add_module(str(index + 1), module)
    return sequence


def atrous_chain(start, end, length):
    return numbered(ConvReluNorm(end if index else start, end, dilation=index + 1) for index in range(length))


class ResnetBlock(nn.Module):
    """Two convolutions plus a 1x1 convolution with ReLU; the sum is normalised."""

    def __init__(self, start, end, normalized_skip):
        super().__init__()
        self.skip = nn.Conv2d(start, end, 1)
        if normalized_skip:
            self.skip.norm = nn.BatchNorm2d(end)
        self.normalized_skip = normalized_skip
        self.add_module("1", ConvReluNorm(start, end))
        self.add_module("2", ConvReluNorm(end, end))
        self.norm = nn.BatchNorm2d(end)

    def forward(self, x):
        skip = F.relu(self.skip(x))
        if self.normalized_skip:
            skip = self.skip.norm(skip)
        return self.norm(self.get_submodule("2")(self.get_submodule("1")(x)) + skip)


def resnet_blocks(count, start, end, normalized_skip):
    return numbered(ResnetBlock(end if index else start, end, normalized_skip) for index in range(count))


def halving(start, end):
    return nn.Conv2d(start, end, 2, stride=2)
