import torch
from torch import nn
from torch.nn import functional as F


def conv_gelu(start, end, dilation=1):
    return nn.Sequential(nn.Conv2d(start, end, 3, padding=dilation, dilation=dilation), nn.BatchNorm2d(end), nn.GELU())


class DoubleAttention(nn.Module):
    """Attention by place and by channel (after CBAM, Woo et al. 2018): as the original computes it, or x weighted by the sum of both."""

    def __init__(self, channels, hidden, published):
        super().__init__()
        self.published = published
        self.place = nn.Conv2d(2, channels, 5, padding=2)
        self.channel = nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False))

    def forward(self, x):
        place = torch.sigmoid(self.place(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)))
        mean, maximum = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        if self.published:
            return 2 * (place + x * torch.sigmoid(self.channel(mean + maximum)))
        return x * (place + torch.sigmoid(self.channel(mean) + self.channel(maximum)))


class CustomUNet(nn.Module):
    """The original's own network: a dilated encoder with attention, 512-1024-512 at the bottom, skip connections that are added."""

    def __init__(self, classes, width=64, variant="published"):
        super().__init__()
        self.published = variant == "published"
        widths = [width * multiple for multiple in (1, 2, 4, 8)]
        hidden = max(1, width // 4)
        self.down = nn.ModuleDict()
        for level, (start, end) in enumerate(zip([3, *widths], widths), 1):
            convs = {"1": conv_gelu(start, end, 2), "2": conv_gelu(end, end, 2), "attention": DoubleAttention(end, hidden, self.published)}
            self.down[str(level)] = nn.ModuleDict(convs)
        self.bottom = nn.ModuleDict({"1": conv_gelu(widths[3], 2 * widths[3]), "2": conv_gelu(2 * widths[3], widths[3])})
        self.up = nn.ModuleDict()
        for level, (start, end) in enumerate(zip([*widths[1:], widths[3]], widths), 1):
            self.up[str(level)] = nn.ModuleDict({"grow": nn.ConvTranspose2d(start, end, 2, stride=2), "mix": conv_gelu(end, end)})
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        x = x.expand(-1, 3, -1, -1)
        skips = []
        for level in self.down.values():
            x = level["attention"](level["2"](level["1"](x)))
            x = x if self.published else self.dropout(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.dropout(self.bottom["2"](self.bottom["1"](x)))
        for level in reversed(self.up.values()):
            x = level["grow"](x) + skips.pop()
            x = level["mix"](self.dropout(x)) if self.published else self.dropout(level["mix"](x))
        return self.head(x)


def build(classes: int, options: dict) -> nn.Module:
    return CustomUNet(classes, **options)
