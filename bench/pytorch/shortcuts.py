"""Shortcuts that give the same numbers as a published network with less work. carpal takes them, so the baseline takes them too.

`apply_shortcuts` changes a network in place and returns the names of the shortcuts that it found, which ../baseline/step-method.ts explains.
Parameters keep their names and their number: an unused bias stays a parameter.
"""

import torch
from torch import nn
from torch.nn import functional as F

# A size that every network accepts.
PROBE_SIZE = 64


class LeanConv2d(nn.Conv2d):
    """A convolution that sees one grey image instead of several equal channels, or omits its bias."""

    grey = False
    adds_bias = True

    def forward(self, x):
        weight = self.weight.sum(1, keepdim=True) if self.grey else self.weight
        bias = self.bias if self.adds_bias else None
        return F.conv2d(x[:, :1] if self.grey else x, weight, bias, self.stride, self.padding, self.dilation, self.groups)


def grey_convolutions(model):
    """The convolutions that see the grey image repeated in all their input channels."""
    found = set()

    def look(module, inputs):
        (x,) = inputs
        # An expanded axis has stride 0.
        if module.in_channels > 1 and x.stride(1) == 0:
            found.add(module)

    hooks = [module.register_forward_pre_hook(look) for module in model.modules() if type(module) is nn.Conv2d]
    was_training = model.training
    with torch.no_grad():
        model.eval()(torch.zeros(1, 1, PROBE_SIZE, PROBE_SIZE))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return found


def biased_before_norm(model):
    """The convolutions whose bias the batch normalisation after them removes."""
    sequences = [list(module) for module in model.modules() if isinstance(module, nn.Sequential)]
    pairs = [pair for modules in sequences for pair in zip(modules, modules[1:])]
    return {a for a, b in pairs if type(a) is nn.Conv2d and isinstance(b, nn.BatchNorm2d) and a.bias is not None}


def apply_shortcuts(model):
    """Changes the network in place; call it before the network is moved or compiled. Returns the names of the shortcuts, sorted."""
    grey, biased = grey_convolutions(model), biased_before_norm(model)
    names = set()
    for convolution in grey:
        convolution.__class__ = LeanConv2d
        convolution.grey = True
        names.add("grey-stem")
    for convolution in biased:
        convolution.__class__ = LeanConv2d
        convolution.adds_bias = False
        # As if there were no bias in inference either: without a gradient it stays at zero.
        nn.init.zeros_(convolution.bias)
        names.add("no-bias-before-norm")
    for module in model.modules():
        if hasattr(module, "pointwise_first"):
            module.pointwise_first = True
            names |= {"pointwise-before-upsampling", "no-bias-before-norm"}
    return sorted(names)
