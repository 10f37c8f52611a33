import torch
from torch import nn
from torch.nn import functional as F

from networks.resnet import Basic, Bottleneck

VARIANTS = {"W18": 18, "W32": 32, "W48": 48}


def conv_norm(start, end, size=3, stride=1):
    return [nn.Conv2d(start, end, size, stride, size // 2, bias=False), nn.BatchNorm2d(end)]


def conv_norm_relu(start, end, stride=1):
    return nn.Sequential(*conv_norm(start, end, 3, stride), nn.ReLU())


def up(x, factor):
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def enlarged(x, branch):
    """A map of that branch at the size of the first branch."""
    return x if branch == 0 else up(x, 2**branch)


class Exchange(nn.Module):
    """Residual blocks on every branch; then each branch becomes the sum of all branches at its size."""

    def __init__(self, widths):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(Basic(width, width) for _ in range(4))) for width in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self.route(widths, source, target) for source in range(len(widths))) for target in range(len(widths))
        )

    @staticmethod
    def route(widths, source, target):
        start, end = widths[source], widths[target]
        if source == target:
            return nn.Identity()
        if source > target:
            return nn.Sequential(*conv_norm(start, end, 1))
        steps = [conv_norm_relu(start, start, 2) for _ in range(target - source - 1)]
        return nn.Sequential(*steps, nn.Sequential(*conv_norm(start, end, 3, 2)))

    def forward(self, maps):
        maps = [branch(x) for branch, x in zip(self.branches, maps)]
        return [
            F.relu(sum(up(route(x), 2 ** (source - target)) if source > target else route(x) for source, (route, x) in enumerate(zip(into, maps))))
            for target, into in enumerate(self.fuse_layers)
        ]


class Backbone(nn.Module):
    """The features at 1/4, 1/8, 1/16 and 1/32; modules have timm's names."""

    def __init__(self, stem, width):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(3, stem, 3, 2)
        self.conv2, self.bn2 = conv_norm(stem, stem, 3, 2)
        self.layer1 = nn.Sequential(Bottleneck(stem, stem), *(Bottleneck(4 * stem, stem) for _ in range(3)))
        self.widths = [width * 2**branch for branch in range(4)]
        before = [4 * stem]
        for stage, modules in ((1, 1), (2, 4), (3, 3)):
            after = self.widths[: stage + 1]
            self.add_module(f"transition{stage}", self.transition(before, after))
            self.add_module(f"stage{stage + 1}", nn.Sequential(*(Exchange(after) for _ in range(modules))))
            before = after

    @staticmethod
    def transition(before, after):
        layers = []
        for branch, width in enumerate(after):
            if branch >= len(before):
                layers.append(nn.Sequential(conv_norm_relu(before[-1], width, 2)))
            elif before[branch] == width:
                layers.append(nn.Identity())
            else:
                layers.append(conv_norm_relu(before[branch], width))
        return nn.ModuleList(layers)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        maps = [self.layer1(x)]
        for stage in (1, 2, 3):
            transition = self.get_submodule(f"transition{stage}")
            maps = [layer(maps[branch] if branch < len(maps) else maps[-1]) for branch, layer in enumerate(transition)]
            maps = self.get_submodule(f"stage{stage + 1}")(maps)
        return maps


class HRNet(nn.Module):
    """HRNetV2 (Wang et al. 2020) for segmentation: branches concatenated at 1/4, 1x1 with bias, normalisation, ReLU, 1x1."""

    # Whether each branch takes its share of the first 1x1 convolution before it is interpolated; its bias is omitted then.
    pointwise_first = False

    def __init__(self, classes, variant="W48", divisor=1):
        super().__init__()
        self.backbone = Backbone(max(1, 64 // divisor), max(1, VARIANTS[variant] // divisor))
        channels = sum(self.backbone.widths)
        self.last_layer = nn.Sequential(
            nn.Conv2d(channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, classes, 1),
        )

    def forward(self, x):
        maps = self.backbone(x.expand(-1, 3, -1, -1))
        if self.pointwise_first:
            shares = self.last_layer[0].weight.split(self.backbone.widths, 1)
            joined = sum(enlarged(F.conv2d(x, share), branch) for branch, (x, share) in enumerate(zip(maps, shares)))
            return up(self.last_layer[1:](joined), 4)
        joined = torch.cat([enlarged(x, branch) for branch, x in enumerate(maps)], 1)
        return up(self.last_layer(joined), 4)


def build(classes: int, options: dict) -> nn.Module:
    return HRNet(classes, **options)
