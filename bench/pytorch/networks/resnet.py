"""The residual networks (He et al. 2016) with torchvision's names."""

from torch import nn
from torch.nn import functional as F


def shortcut(start, end, stride):
    if stride == 1 and start == end:
        return None
    return nn.Sequential(nn.Conv2d(start, end, 1, stride=stride, bias=False), nn.BatchNorm2d(end))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, start, middle, stride=1, dilation=1):
        super().__init__()
        end = 4 * middle
        self.conv1 = nn.Conv2d(start, middle, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, end, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(end)
        self.downsample = shortcut(start, end, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Basic(nn.Module):
    expansion = 1

    def __init__(self, start, end, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(start, end, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(end)
        self.conv2 = nn.Conv2d(end, end, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(end)
        self.downsample = shortcut(start, end, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """The features of the stem and of the four stages, at 1/2, 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, block, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.widths = [width]
        start = width
        for stage, count in enumerate((3, 4, 6, 3)):
            middle, end = width * 2**stage, width * 2**stage * block.expansion
            blocks = [block(start, middle, 1 if stage == 0 else 2), *(block(end, middle) for _ in range(count - 1))]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            self.widths.append(end)
            start = end

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        features = [x]
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features
