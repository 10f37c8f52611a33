import torch
from torch import nn
from torch.nn import functional as F

from networks.encoders import build_encoder

DECODER = (256, 128, 64, 32, 16)


def conv_norm_relu(start, end):
    return nn.Sequential(nn.Conv2d(start, end, 3, padding=1, bias=False), nn.BatchNorm2d(end), nn.ReLU())


class Node(nn.Module):
    def __init__(self, start, others, end):
        super().__init__()
        self.conv1 = conv_norm_relu(start + others, end)
        self.conv2 = conv_norm_relu(end, end)

    def forward(self, below, *others):
        up = F.interpolate(below, scale_factor=2, mode="nearest")
        return self.conv2(self.conv1(torch.cat([up, *others], 1) if others else up))


class Decoder(nn.Module):
    """UNet++ (Zhou et al. 2018). Node x_i_j is the i-th last of row j (row 0 is 1/16 of the size) and sees the nodes x_k_j with k > i."""

    def __init__(self, widths, channels):
        super().__init__()
        deepest, *skips = reversed(widths)
        self.rows, self.channels = len(skips), channels
        blocks = {}
        for row, skip in enumerate(skips):
            below = skips[row - 1] if row > 0 else deepest
            blocks[f"x_0_{row}"] = Node(channels[row - 1] if row > 0 else deepest, skip * (row + 1), channels[row])
            for step in range(1, row + 1):
                blocks[f"x_{step}_{row}"] = Node(below, skip * (row + 1 - step), skip)
        # Rows without features of the encoder.
        for row in range(self.rows, len(channels)):
            blocks[f"x_0_{row}"] = Node(channels[row - 1], 0, channels[row])
        self.blocks = nn.ModuleDict(blocks)

    def forward(self, features):
        deepest, *skips = reversed(features)
        nodes = {}
        for row, skip in enumerate(skips):
            for step in range(row, -1, -1):
                start = nodes[step, row - 1] if step < row else (skips[row - 1] if row > 0 else deepest)
                others = [nodes[other, row] for other in range(step + 1, row + 1)]
                nodes[step, row] = self.blocks[f"x_{step}_{row}"](start, *others, skip)
        x = nodes[0, self.rows - 1]
        for row in range(self.rows, len(self.channels)):
            x = self.blocks[f"x_0_{row}"](x)
        return x


class UNetPlusPlus(nn.Module):
    """Modules have the names of segmentation_models.pytorch, so its weights fit."""

    def __init__(self, classes, encoder="ResNet34", divisor=1):
        super().__init__()
        self.encoder = build_encoder(encoder, divisor)
        channels = [max(1, width // divisor) for width in DECODER]
        self.decoder = Decoder(self.encoder.widths, channels)
        self.segmentation_head = nn.Sequential(nn.Conv2d(channels[-1], classes, 3, padding=1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x.expand(-1, 3, -1, -1))))


def build(classes: int, options: dict) -> nn.Module:
    return UNetPlusPlus(classes, **options)
