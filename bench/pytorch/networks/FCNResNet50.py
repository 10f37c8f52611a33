from torch import nn
from torch.nn import functional as F

from networks.resnet import Bottleneck


class ResNet50(nn.Module):
    """With torchvision's names; the last two stages have dilation instead of strides."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        start = width
        for stage, (count, stride, first, others) in enumerate([(3, 1, 1, 1), (4, 2, 1, 1), (6, 1, 1, 2), (3, 1, 2, 4)]):
            middle = width * 2**stage
            blocks = [Bottleneck(start, middle, stride, first)]
            blocks += [Bottleneck(4 * middle, middle, 1, others) for _ in range(count - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            start = 4 * middle

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class FCNResNet50(nn.Module):
    """torchvision's fcn_resnet50 without the auxiliary head."""

    def __init__(self, classes, width=64):
        super().__init__()
        self.backbone = ResNet50(width)
        between = 8 * width
        self.classifier = nn.Sequential(
            nn.Conv2d(32 * width, between, 3, padding=1, bias=False),
            nn.BatchNorm2d(between),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(between, classes, 1),
        )

    def forward(self, x):
        logits = self.classifier(self.backbone(x.expand(-1, 3, -1, -1)))
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)


def build(classes: int, options: dict) -> nn.Module:
    return FCNResNet50(classes, **options)
