import torch
from torch import nn
from torch.nn import functional as F

from networks.blocks import double_conv


class NestedUNet(nn.Module):
    """UNet++ (Zhou et al. 2018): node (level, step) sees the earlier nodes of its level and the upsampled node below."""

    def __init__(self, classes, width=32, deepSupervision=False):
        super().__init__()
        widths = [width * multiple for multiple in (1, 2, 4, 8, 16)]
        nodes = {}
        for level, end in enumerate(widths):
            nodes[f"{level}_0"] = double_conv(3 if level == 0 else widths[level - 1], end, end, True)
        for step in range(1, 5):
            for level in range(5 - step):
                end = widths[level]
                nodes[f"{level}_{step}"] = double_conv(step * end + widths[level + 1], end, end, True)
        self.nodes = nn.ModuleDict(nodes)
        self.head = nn.Conv2d(width, classes, 1)
        self.sides = nn.ModuleDict({str(step): nn.Conv2d(width, classes, 1) for step in (1, 2, 3)} if deepSupervision else {})

    def forward(self, x):
        x = x.expand(-1, 3, -1, -1)
        rows = []
        for level in range(5):
            x = self.nodes[f"{level}_0"](x if level == 0 else F.max_pool2d(x, 2))
            rows.append([x])
        for step in range(1, 5):
            for level in range(5 - step):
                up = F.interpolate(rows[level + 1][step - 1], scale_factor=2, mode="bilinear", align_corners=True)
                rows[level].append(self.nodes[f"{level}_{step}"](torch.cat([*rows[level][:step], up], 1)))
        answer = self.head(rows[0][4])
        if not self.sides:
            return answer
        answers = (answer, *(side(rows[0][int(step)]) for step, side in self.sides.items()))
        # The original averages the probabilities of all heads in its evaluation.
        return answers if self.training else torch.logit(torch.stack(answers).sigmoid().mean(0))


def build(classes: int, options: dict) -> nn.Module:
    return NestedUNet(classes, **options)
