"""Blocks that several networks share."""

from torch import nn


def double_conv(start, between, end, bias):
    """Two 3x3 convolutions, each with batch normalisation and ReLU."""

    def one(a, b):
        return [nn.Conv2d(a, b, 3, padding=1, bias=bias), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]

    return nn.Sequential(*one(start, between), *one(between, end))
