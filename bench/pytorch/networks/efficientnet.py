"""EfficientNet and EfficientNet-Lite (Tan and Le 2019) with the names of efficientnet_pytorch, so that published weights fit."""

import math

import torch
from torch import nn
from torch.nn import functional as F

# Kernel, stride of the first block, expansion, channels, blocks.
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
STEM = 32
# Factors of the widths and of the blocks.
SCALES = {"0": (1.0, 1.0), "1": (1.0, 1.1), "2": (1.1, 1.2)}
# The last stage at each size from 1/4, counted from 0.
FEATURES = (1, 2, 4, 6)
EPSILON = 1e-3


def scaled(width, factor):
    exact = width * factor
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded


def same_padding(x, size, stride):
    """Zeros around x by TensorFlow's rule."""
    pads = []
    for extent in (x.shape[-1], x.shape[-2]):
        zeros = max((math.ceil(extent / stride) - 1) * stride + size - extent, 0)
        pads += [zeros // 2, zeros - zeros // 2]
    return F.pad(x, pads)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=EPSILON)


class Block(nn.Module):
    def __init__(self, start, end, size, stride, expansion, residual, lite):
        super().__init__()
        wide = start * expansion
        self.size, self.stride, self.expands, self.residual, self.lite = size, stride, expansion != 1, residual, lite
        self.activate = F.relu6 if lite else F.silu
        if self.expands:
            self._expand_conv, self._bn0 = nn.Conv2d(start, wide, 1, bias=False), norm(wide)
        self._depthwise_conv, self._bn1 = nn.Conv2d(wide, wide, size, stride=stride, groups=wide, bias=False), norm(wide)
        if not lite:
            between = max(1, start // 4)
            self._se_reduce, self._se_expand = nn.Conv2d(wide, between, 1), nn.Conv2d(between, wide, 1)
        self._project_conv, self._bn2 = nn.Conv2d(wide, end, 1, bias=False), norm(end)

    def forward(self, x):
        y = self.activate(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self.activate(self._bn1(self._depthwise_conv(same_padding(y, self.size, self.stride))))
        if not self.lite:
            y = y * torch.sigmoid(self._se_expand(F.silu(self._se_reduce(y.mean((2, 3), keepdim=True)))))
        y = self._bn2(self._project_conv(y))
        return y + x if self.residual else y


class EfficientNet(nn.Module):
    """The features of the stem at 1/2, and of the stages 2, 3, 5 and 7 at 1/4, 1/8, 1/16 and 1/32."""

    # Of the images, after the zeros around them: carpal sees black outside of an image.
    mean, deviation = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)

    def __init__(self, kind, divisor):
        super().__init__()
        width, depth = SCALES[kind[-1]]
        lite = "Lite" in kind
        self.activate = F.relu6 if lite else F.silu
        divided = lambda channels: max(1, channels // divisor)
        start = divided(STEM if lite else scaled(STEM, width))
        self._conv_stem, self._bn0 = nn.Conv2d(3, start, 3, stride=2, bias=False), norm(start)
        self.widths, self.ends, blocks = [start], [], []
        for index, (size, stride, expansion, channels, count) in enumerate(STAGES):
            end = divided(scaled(channels, width))
            for block in range(count if lite and index in (0, len(STAGES) - 1) else math.ceil(count * depth)):
                blocks.append(Block(start, end, size, stride if block == 0 else 1, expansion, block > 0, lite))
                start = end
            if index in FEATURES:
                self.ends.append(len(blocks) - 1)
                self.widths.append(end)
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x):
        x = (same_padding(x, 3, 2) - self.mean.to(x)) / self.deviation.to(x)
        x = self.activate(self._bn0(self._conv_stem(x)))
        features = [x]
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self.ends:
                features.append(x)
        return features
