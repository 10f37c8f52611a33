from torch import nn
from torch.nn import functional as F

from networks.duck import ConvReluNorm, atrous_chain, halving, numbered, resnet_blocks


class DuckBlock(nn.Module):
    """Normalisation, the sum of six branches, normalisation."""

    def __init__(self, start, end):
        super().__init__()
        self.before = nn.BatchNorm2d(start)
        self.wide = atrous_chain(start, end, 3)
        self.mid = atrous_chain(start, end, 2)
        self.residual1 = resnet_blocks(1, start, end, True)
        self.residual2 = resnet_blocks(2, start, end, True)
        self.residual3 = resnet_blocks(3, start, end, True)
        self.separated = numbered([ConvReluNorm(start, end, (1, 3)), ConvReluNorm(end, end, (3, 1))])
        self.after = nn.BatchNorm2d(end)

    def forward(self, x):
        x = self.before(x)
        branches = [self.wide, self.mid, self.residual1, self.residual2, self.residual3, self.separated]
        return self.after(sum(branch(x) for branch in branches))


class DUCKNet(nn.Module):
    """Five downsampling steps, to each of which a second chain of convolutions adds the images; a DUCK block per level; a decoder that adds its skips."""

    def __init__(self, classes, width=16):
        super().__init__()
        widths = [width * 2**level for level in range(6)]
        self.down0 = DuckBlock(3, width)
        for level in range(1, 6):
            self.add_module(f"bare{level}", halving(3 if level == 1 else widths[level - 1], widths[level]))
            self.add_module(f"halve{level}", halving(widths[level - 1], widths[level]))
            if level < 5:
                self.add_module(f"down{level}", DuckBlock(widths[level], widths[level]))
            self.add_module(f"up{level - 1}", DuckBlock(widths[level - 1], widths[max(0, level - 2)]))
        self.bottom1 = resnet_blocks(2, widths[5], widths[5], True)
        self.bottom2 = resnet_blocks(2, widths[5], widths[4], True)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        bare = x.expand(-1, 3, -1, -1)
        x = self.down0(bare)
        skips = []
        for level in range(1, 6):
            skips.append(x)
            bare = self.get_submodule(f"bare{level}")(bare)
            x = self.get_submodule(f"halve{level}")(x) + bare
            if level < 5:
                x = self.get_submodule(f"down{level}")(x)
        x = self.bottom2(self.bottom1(x))
        for level in range(4, -1, -1):
            x = self.get_submodule(f"up{level}")(F.interpolate(x, scale_factor=2, mode="nearest") + skips.pop())
        return self.head(x)


def build(classes: int, options: dict) -> nn.Module:
    return DUCKNet(classes, **options)
