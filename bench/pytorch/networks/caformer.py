"""CAFormer-S18 (Yu et al. 2022, "MetaFormer Baselines for Vision"). Modules have the names of carpal's variables."""

import torch
from torch import nn
from torch.nn import functional as F


class TokenNorm(nn.Module):
    """Layer normalisation of the last axis without bias."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        return F.layer_norm(x, x.shape[-1:], self.gamma, None, 1e-6)


class StarRelu(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.scale * F.relu(x) ** 2 + self.bias


class SeparableMixer(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = TokenNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels, bias=False)
        self.activation = StarRelu()
        self.depthwise = nn.Conv2d(2 * channels, 2 * channels, 7, padding=3, groups=2 * channels, bias=False)
        self.narrow = nn.Linear(2 * channels, channels, bias=False)

    def forward(self, x):
        x = self.activation(self.widen(self.norm(x))).permute(0, 3, 1, 2)
        return self.narrow(self.depthwise(x).permute(0, 2, 3, 1))


class AttentionMixer(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.norm = TokenNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.merge = nn.Linear(channels, channels, bias=False)
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        batch, height, width, channels = x.shape
        qkv = self.qkv(self.norm(x)).reshape(batch, height * width, 3, self.heads, channels // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return self.merge(y.reshape(batch, height, width, channels))


class Mlp(nn.Module):
    def __init__(self, channels, scaled):
        super().__init__()
        self.norm = TokenNorm(channels)
        self.widen = nn.Linear(channels, 4 * channels, bias=False)
        self.activation = StarRelu()
        self.narrow = nn.Linear(4 * channels, channels, bias=False)
        if scaled:
            self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        return self.narrow(self.activation(self.widen(self.norm(x))))


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.mix = AttentionMixer(channels, heads) if heads else SeparableMixer(channels)
        self.mlp = Mlp(channels, heads is not None)

    def forward(self, x):
        for part in (self.mix, self.mlp):
            x = (x * part.scale if hasattr(part, "scale") else x) + part(x)
        return x


class Stage(nn.Module):
    def __init__(self, start, channels, depth, heads, first):
        super().__init__()
        self.first = first
        self.norm = TokenNorm(channels if first else start)
        self.shrink = nn.Conv2d(start, channels, 7, 4, 2) if first else nn.Conv2d(start, channels, 3, 2, 1)
        self.blocks = depth
        for index in range(depth):
            self.add_module(str(index + 1), Block(channels, heads))

    def forward(self, x):
        """From `[n, h, w, c]` to `[n, h, w, c]`."""
        if not self.first:
            x = self.norm(x)
        x = self.shrink(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        if self.first:
            x = self.norm(x)
        for index in range(self.blocks):
            x = self.get_submodule(str(index + 1))(x)
        return x


class CAFormer(nn.Module):
    """The maps at 1/4, 1/8, 1/16 and 1/32 of images `[n, 3, h, w]`."""

    def __init__(self, divisor):
        super().__init__()
        heads = [2, 4, 10, 16]
        self.widths = [count * max(1, 32 // divisor) for count in heads]
        for index, (start, channels, depth) in enumerate(zip([3, *self.widths], self.widths, [3, 3, 9, 3])):
            self.add_module(f"stage{index + 1}", Stage(start, channels, depth, heads[index] if index > 1 else None, index == 0))

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        maps = []
        for index in range(4):
            x = self.get_submodule(f"stage{index + 1}")(x)
            maps.append(x.permute(0, 3, 1, 2))
        return maps
