"""The encoders of UNetPlusPlus and EncoderUNet: modules with `widths` that return features from the largest map to the smallest."""

from networks import convnext, efficientnet
from networks.resnet import Basic, Bottleneck, ResNet

RESIDUAL = {"ResNet34": Basic, "ResNet50": Bottleneck}


def build_encoder(name, divisor):
    if name in RESIDUAL:
        return ResNet(RESIDUAL[name], max(1, 64 // divisor))
    if name == "ConvNeXtTiny":
        return convnext.ConvNeXt(divisor)
    return efficientnet.EfficientNet(name, divisor)
