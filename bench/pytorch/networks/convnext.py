"""ConvNeXt-T (Liu et al. 2022) with torchvision's names."""

import torch
from torch import nn

WIDTHS = (96, 192, 384, 768)
BLOCKS = (3, 3, 9, 3)
EPSILON = 1e-6


class MapNorm(nn.LayerNorm):
    """Layer normalisation over the channels of a map."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Channels(nn.Module):
    """Moves the channels of a map to the end, or back."""

    def __init__(self, *order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x.permute(*self.order)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layer_scale = nn.Parameter(torch.full((channels, 1, 1), 1e-6))
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            Channels(0, 2, 3, 1),
            nn.LayerNorm(channels, eps=EPSILON),
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
            Channels(0, 3, 1, 2),
        )

    def forward(self, x):
        return x + self.layer_scale * self.block(x)


class ConvNeXt(nn.Module):
    """The features of the four stages at 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, divisor):
        super().__init__()
        self.widths = [max(1, width // divisor) for width in WIDTHS]
        parts, start = [], 3
        for index, (end, count) in enumerate(zip(self.widths, BLOCKS)):
            if index == 0:
                parts.append(nn.Sequential(nn.Conv2d(start, end, 4, stride=4), MapNorm(end, eps=EPSILON)))
            else:
                parts.append(nn.Sequential(MapNorm(start, eps=EPSILON), nn.Conv2d(start, end, 2, stride=2)))
            parts.append(nn.Sequential(*(Block(end) for _ in range(count))))
            start = end
        self.features = nn.Sequential(*parts)

    def forward(self, x):
        maps = []
        for index, part in enumerate(self.features):
            x = part(x)
            if index % 2 == 1:
                maps.append(x)
        return maps
