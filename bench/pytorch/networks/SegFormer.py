import torch
from torch import nn
from torch.nn import functional as F

HEADS = [1, 2, 5, 8]
REDUCTIONS = [8, 4, 2, 1]
# Width of a head, heads and blocks per stage, channels of the decoder.
VARIANTS = {
    "published": (64, [1, 2, 4, 8], [3, 4, 6, 3], 256),
    "B0": (32, HEADS, [2, 2, 2, 2], 256),
    "B1": (64, HEADS, [2, 2, 2, 2], 256),
    "B2": (64, HEADS, [3, 4, 6, 3], 768),
    "B3": (64, HEADS, [3, 4, 18, 3], 768),
    "B4": (64, HEADS, [3, 8, 27, 3], 768),
    "B5": (64, HEADS, [3, 6, 40, 3], 768),
}


# Epsilon and dropout of the original.
PUBLISHED_EPSILON = 1e-5
PUBLISHED_DROPOUT = 0.1


def token_norm(channels, eps=1e-6):
    return nn.LayerNorm(channels, eps=eps)


def on_map(convolution, x):
    """A convolution over `[n, h, w, c]`."""
    return convolution(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def on_channels(linear, x):
    """A linear map of the channels of `[n, c, h, w]`."""
    return linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def heads_of(x, heads):
    """`[n, h, w, c]` or `[n, tokens, c]` as `[n, heads, tokens, c / heads]`."""
    x = x.flatten(1, -2)
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def joined(x, like):
    return x.transpose(1, 2).reshape(like.shape)


class TrueAttention(nn.Module):
    """Keys and values come from a map that a convolution shrinks, after normalisation."""

    def __init__(self, channels, heads, reduction):
        super().__init__()
        self.heads = heads
        self.reduction = reduction
        self.norm1 = token_norm(channels)
        self.query = nn.Linear(channels, channels)
        if reduction > 1:
            self.shrink = nn.Conv2d(channels, channels, reduction, reduction)
            self.norm = token_norm(channels)
        self.keyValue = nn.Linear(channels, 2 * channels)
        self.merge = nn.Linear(channels, channels)

    def forward(self, x):
        x = self.norm1(x)
        seen = self.norm(on_map(self.shrink, x)) if self.reduction > 1 else x
        k, v = (heads_of(part, self.heads) for part in self.keyValue(seen).chunk(2, -1))
        return self.merge(joined(F.scaled_dot_product_attention(heads_of(self.query(x), self.heads), k, v), x))


class PublishedAttention(nn.Module):
    """In each head, a linear map turns reduction^2 keys in raster order into one. All heads and the values share this map."""

    def __init__(self, channels, heads, reduction):
        super().__init__()
        self.heads = heads
        self.norm1 = token_norm(channels, PUBLISHED_EPSILON)
        self.dropout = nn.Dropout(PUBLISHED_DROPOUT)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.reduce = nn.Linear(reduction**2 * channels // heads, channels // heads)
        self.merge = nn.Linear(channels, channels)

    def forward(self, x):
        x = self.norm1(x)
        q, k, v = (heads_of(part(x), self.heads) for part in (self.query, self.key, self.value))
        k, v = (self.reduce(part.reshape(*part.shape[:2], -1, self.reduce.in_features)) for part in (k, v))
        dropped = self.dropout.p if self.dropout.training else 0.0
        return self.merge(joined(F.scaled_dot_product_attention(q, k, v, dropout_p=dropped), x))


class TrueMixFfn(nn.Module):
    def __init__(self, channels):
        super().__init__()
        wide = 4 * channels
        self.norm2 = token_norm(channels)
        self.widen = nn.Linear(channels, wide)
        self.depthwise = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        self.narrow = nn.Linear(wide, channels)

    def forward(self, x):
        return self.narrow(F.gelu(on_map(self.depthwise, self.widen(self.norm2(x)))))


class PublishedMixFfn(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm2 = token_norm(channels, PUBLISHED_EPSILON)
        self.dropout = nn.Dropout(PUBLISHED_DROPOUT)
        self.widen = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.narrow = nn.Conv2d(4 * channels, channels, 3, padding=1)

    def forward(self, x):
        return on_map(lambda y: self.dropout(self.narrow(F.gelu(self.widen(y)))), self.norm2(x))


class Block(nn.Module):
    def __init__(self, published, *shape):
        super().__init__()
        self.attention = (PublishedAttention if published else TrueAttention)(*shape)
        self.ffn = (PublishedMixFfn if published else TrueMixFfn)(shape[0])

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.ffn(x)


class Stage(nn.Module):
    def __init__(self, published, first, start, channels, heads, depth, reduction):
        super().__init__()
        self.published = published
        self.depth = depth
        self.patches = nn.Conv2d(start, channels, 7, 4, 3) if first else nn.Conv2d(start, channels, 3, 2, 1)
        self.patches.norm = nn.BatchNorm2d(channels) if published else token_norm(channels)
        for index in range(depth):
            self.add_module(str(index + 1), Block(published, channels, heads, reduction))
        if not published:
            self.norm = token_norm(channels)

    def forward(self, x):
        """From `[n, c, h, w]` to `[n, c, h, w]`."""
        x = self.patches(x)
        if self.published:
            x = self.patches.norm(x).permute(0, 2, 3, 1)
        else:
            x = self.patches.norm(x.permute(0, 2, 3, 1))
        for index in range(self.depth):
            x = self.get_submodule(str(index + 1))(x)
        return (x if self.published else self.norm(x)).permute(0, 3, 1, 2)


def at_size_of(x, first):
    return F.interpolate(x, size=first.shape[2:], mode="bilinear", align_corners=False)


class TrueDecoder(nn.Module):
    """A linear map per stage, all concatenated at 1/4 (the deepest first), 1x1, normalisation, ReLU, 1x1."""

    # Whether each stage's linear map and its share of the 1x1 convolution become one matrix, applied before interpolation.
    pointwise_first = False

    def __init__(self, widths, channels, classes):
        super().__init__()
        for index, width in enumerate(widths):
            self.add_module(f"stage{index + 1}", nn.Linear(width, channels))
        self.fuse = nn.Conv2d(4 * channels, channels, 1, bias=False)
        self.fuse.norm = nn.BatchNorm2d(channels)
        self.head = nn.Conv2d(channels, classes, 1)

    def forward(self, maps):
        return self.head(F.relu(self.fuse.norm(self.joined_by_matrices(maps) if self.pointwise_first else self.joined(maps))))

    def joined(self, maps):
        projected = [on_channels(self.get_submodule(f"stage{i + 1}"), x) for i, x in enumerate(maps)]
        return self.fuse(torch.cat([at_size_of(x, projected[0]) for x in reversed(projected)], 1))

    def joined_by_matrices(self, maps):
        """The same without the biases, which the normalisation removes."""
        shares = reversed(self.fuse.weight.flatten(1).chunk(len(maps), 1))
        matrices = [share @ self.get_submodule(f"stage{i + 1}").weight for i, share in enumerate(shares)]
        return sum(at_size_of(on_channels(lambda y: F.linear(y, matrix), x), maps[0]) for x, matrix in zip(maps, matrices))


class PublishedDecoder(nn.Module):
    """All maps concatenated at 1/4, 1x1, 1x1."""

    def __init__(self, widths, channels, classes):
        super().__init__()
        self.join = nn.Conv2d(sum(widths), channels, 1)
        self.head = nn.Conv2d(channels, classes, 1)

    def forward(self, maps):
        return self.head(self.join(torch.cat([at_size_of(x, maps[0]) for x in maps], 1)))


class Encoder(nn.Module):
    def __init__(self, published, widths, heads, depths):
        super().__init__()
        for index, start in enumerate([3, *widths[:-1]]):
            shape = (start, widths[index], heads[index], depths[index], REDUCTIONS[index])
            self.add_module(f"stage{index + 1}", Stage(published, index == 0, *shape))

    def forward(self, x):
        maps = []
        for index in range(4):
            x = self.get_submodule(f"stage{index + 1}")(x)
            maps.append(x)
        return maps


class SegFormer(nn.Module):
    def __init__(self, classes, variant="B2", divisor=1):
        super().__init__()
        head, heads, depths, channels = VARIANTS[variant]
        published = variant == "published"
        widths = [count * max(1, head // divisor) for count in heads]
        self.encoder = Encoder(published, widths, heads, depths)
        self.decoder = (PublishedDecoder if published else TrueDecoder)(widths, max(1, channels // divisor), classes)

    def forward(self, x):
        logits = self.decoder(self.encoder(x.expand(-1, 3, -1, -1)))
        return F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)


def build(classes: int, options: dict) -> nn.Module:
    return SegFormer(classes, **options)
