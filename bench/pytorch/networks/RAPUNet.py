import torch
from torch import nn
from torch.nn import functional as F

from networks.caformer import CAFormer
from networks.duck import ResnetBlock, atrous_chain, halving, resnet_blocks


class RapuBlock(nn.Module):
    """Normalisation, an atrous chain plus a residual block, normalisation."""

    def __init__(self, start, end):
        super().__init__()
        self.before = nn.BatchNorm2d(start)
        self.atrous = atrous_chain(start, end, 3)
        self.residual = ResnetBlock(start, end, False)
        self.after = nn.BatchNorm2d(end)

    def forward(self, x):
        x = self.before(x)
        return self.after(self.atrous(x) + self.residual(x))


class ConvNormAct(nn.Conv2d):
    """Convolution without bias, normalisation, ReLU."""

    def __init__(self, start, end, size):
        super().__init__(start, end, size, padding="same", bias=False)
        self.norm = nn.BatchNorm2d(end)

    def forward(self, x):
        return F.relu(self.norm(super().forward(x)))


def resized(x, factor):
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class Side(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.project = nn.Conv2d(channels, channels, 1, bias=False)
        self.refine = ConvNormAct(channels, channels, 1)

    def forward(self, x):
        x = self.project(x)
        return torch.sigmoid(x), self.refine(x)


class BoundaryAggregation(nn.Module):
    """Selective boundary aggregation of a fine map and a coarse one of half its size."""

    def __init__(self, channels):
        super().__init__()
        self.fine = Side(channels)
        self.coarse = Side(channels)
        self.join = ConvNormAct(2 * channels, 2 * channels, 3)

    def forward(self, fine, coarse):
        (gate_fine, fine), (gate_coarse, coarse) = self.fine(fine), self.coarse(coarse)
        selected_fine = fine + fine * gate_fine + (1 - gate_fine) * resized(gate_coarse * coarse, 2)
        selected_coarse = coarse + coarse * gate_coarse + (1 - gate_coarse) * resized(gate_fine * fine, 0.5)
        return self.join(torch.cat([selected_fine, resized(selected_coarse, 2)], 1))


class Bias(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x + self.bias[:, None, None]


class RAPUNet(nn.Module):
    """A chain of RAPU blocks to which the maps of a CAFormer-S18 are added; the sum of two aggregations of their maps is the answer."""

    def __init__(self, classes, width=16, head="perClass", divisor=1):
        super().__init__()
        published = head == "published"
        widths = [width * 2**level for level in range(6)]
        self.encoder = CAFormer(divisor)
        self.bare = nn.Conv2d(3, widths[1], 3, stride=2, padding=1)
        for index, start in enumerate(self.encoder.widths):
            self.add_module(f"beside{index + 2}", nn.Conv2d(start, widths[index + 2], 1))
        self.down0 = RapuBlock(3, width)
        for level in range(1, 6):
            self.add_module(f"halve{level}", halving(widths[level - 1], widths[level]))
            if level < 5:
                self.add_module(f"down{level}", RapuBlock(widths[level], widths[level]))
        self.bottom1 = resnet_blocks(2, widths[5], widths[5], False)
        self.bottom2 = resnet_blocks(2, widths[5], widths[4], False)
        self.deep = ConvNormAct(2 * widths[4] + widths[3], 32, 1)
        self.fine = ConvNormAct(widths[2], 32, 3)
        self.coarse = ConvNormAct(2 * widths[4], 32, 1)
        self.boundary = BoundaryAggregation(32)
        maps = 1 if published else classes
        self.deepMaps = nn.Conv2d(32, maps, 1, bias=False)
        self.boundaryMaps = nn.Conv2d(64, maps, 1, bias=False)
        self.head = nn.Conv2d(1, classes, 1) if published else Bias(classes)

    def forward(self, x):
        images = x.expand(-1, 3, -1, -1)
        maps = self.encoder(images)
        beside = [self.bare(images)] + [self.get_submodule(f"beside{index + 2}")(map) for index, map in enumerate(maps)]
        x = self.down0(images)
        levels = []
        for level in range(1, 6):
            x = self.get_submodule(f"halve{level}")(x) + beside[level - 1]
            if level < 5:
                x = self.get_submodule(f"down{level}")(x)
            levels.append(x)
        bottom = self.bottom2(self.bottom1(x))
        _, quarter, eighth, sixteenth, _ = levels
        deep = self.deep(torch.cat([resized(bottom, 4), resized(sixteenth, 2), eighth], 1))
        coarse = resized(self.coarse(torch.cat([resized(bottom, 2), sixteenth], 1)), 2)
        boundary = self.boundary(self.fine(quarter), coarse)
        return self.head(resized(self.deepMaps(deep), 8) + resized(self.boundaryMaps(boundary), 4))


def build(classes: int, options: dict) -> nn.Module:
    return RAPUNet(classes, **options)
