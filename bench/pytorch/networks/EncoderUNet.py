import torch
from torch import nn
from torch.nn import functional as F

from networks.encoders import build_encoder

DECODER = (256, 128, 64, 32, 16)


def conv_norm_relu(start, end):
    return nn.Sequential(nn.Conv2d(start, end, 3, padding=1, bias=False), nn.BatchNorm2d(end), nn.ReLU())


class Level(nn.Module):
    def __init__(self, start, end):
        super().__init__()
        self.conv1 = conv_norm_relu(start, end)
        self.conv2 = conv_norm_relu(end, end)

    def forward(self, below, skip):
        up = F.interpolate(below, scale_factor=2, mode="nearest")
        return self.conv2(self.conv1(up if skip is None else torch.cat([up, skip], 1)))


class Decoder(nn.Module):
    def __init__(self, widths, channels):
        super().__init__()
        deepest, *skips = reversed(widths)
        skips += [0] * (len(channels) - len(skips))
        starts = [deepest, *channels[:-1]]
        self.blocks = nn.ModuleList(Level(start + skip, end) for start, skip, end in zip(starts, skips, channels))

    def forward(self, features):
        x, *skips = reversed(features)
        skips += [None] * (len(self.blocks) - len(skips))
        for block, skip in zip(self.blocks, skips):
            x = block(x, skip)
        return x


class EncoderUNet(nn.Module):
    """Modules have the names of segmentation_models.pytorch's Unet, so its weights fit."""

    def __init__(self, classes, encoder="ResNet34", divisor=1):
        super().__init__()
        self.encoder = build_encoder(encoder, divisor)
        channels = [max(1, width // divisor) for width in DECODER]
        self.decoder = Decoder(self.encoder.widths, channels)
        self.segmentation_head = nn.Sequential(nn.Conv2d(channels[-1], classes, 3, padding=1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x.expand(-1, 3, -1, -1))))


def build(classes: int, options: dict) -> nn.Module:
    return EncoderUNet(classes, **options)
