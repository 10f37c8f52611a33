import torch
from torch import nn
from torch.nn import functional as F

from networks.blocks import double_conv


def single_conv(start, end):
    return nn.Sequential(nn.Conv2d(start, end, 3, padding=1), nn.BatchNorm2d(end), nn.ReLU(inplace=True))


def grown(x, factor):
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class UNet3Plus(nn.Module):
    """UNet 3+ (Huang et al. 2020): every decoder level sees all five scales. Guidance is the soft one of carpal."""

    def __init__(self, classes, width=64, guidance=False, deepSupervision=False):
        super().__init__()
        widths = [width * multiple for multiple in (1, 2, 4, 8, 16)]
        mixed = 5 * width
        self.down = nn.ModuleDict({str(n): double_conv(a, b, b, True) for n, a, b in zip(range(1, 6), [3, *widths], widths)})
        self.up = nn.ModuleDict()
        for level in range(1, 5):
            starts = {n: widths[n - 1] if n <= level or n == 5 else mixed for n in range(1, 6)}
            branches = nn.ModuleDict({str(n): single_conv(start, width) for n, start in starts.items()})
            self.up[str(level)] = nn.ModuleDict({"branches": branches, "mix": single_conv(mixed, mixed)})
        self.head = nn.Conv2d(mixed, classes, 3, padding=1)
        starts = {n: widths[4] if n == 5 else mixed for n in range(2, 6)} if deepSupervision else {}
        self.sides = nn.ModuleDict({str(n): nn.Conv2d(start, classes, 3, padding=1) for n, start in starts.items()})
        self.guidance = nn.Conv2d(widths[4], 2, 1) if guidance else None
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        x = x.expand(-1, 3, -1, -1)
        encoded = {}
        for level in range(1, 6):
            x = self.down[str(level)](x if level == 1 else F.max_pool2d(x, 2))
            encoded[level] = x
        decoded = {5: encoded[5]}
        for level in (4, 3, 2, 1):
            scales = []
            for source, branch in self.up[str(level)]["branches"].items():
                source = int(source)
                if source < level:
                    scales.append(branch(F.max_pool2d(encoded[source], 2 ** (level - source))))
                else:
                    scales.append(branch(grown((encoded if source == level else decoded)[source], 2 ** (source - level))))
            decoded[level] = self.up[str(level)]["mix"](torch.cat(scales, 1))
        heads = [self.head(decoded[1])]
        if self.training:
            heads += [grown(side(decoded[int(n)]), 2 ** (int(n) - 1)) for n, side in self.sides.items()]
        if self.guidance is not None:
            scores = self.guidance(self.dropout(encoded[5])).amax((2, 3), keepdim=True)
            presence = F.log_softmax(scores, 1)[:, 1:]
            heads = [head + presence for head in heads]
        return heads[0] if len(heads) == 1 else tuple(heads)


def build(classes: int, options: dict) -> nn.Module:
    return UNet3Plus(classes, **options)
