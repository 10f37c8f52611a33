"""The networks of carpal's registry in PyTorch, as published: one file per network, named as in the registry.

A file holds `def build(classes: int, options: dict) -> torch.nn.Module`. The module takes grey images `[n, 1, height, width]` in 0..1.
A network whose first convolution has three input channels repeats the image itself (`x.expand(-1, 3, -1, -1)`). The module returns logits
`[n, classes, height, width]`. If further heads take part in training, it returns a tuple of such logits with the answer first, as carpal's
network does. `options` are those of the manifest; a missing option has the registry's default. The number of trained parameters must equal
carpal's: the benchmark compares them. Blocks that several networks share are in blocks.py. Shortcuts, which give the same numbers with less
work, are in ../shortcuts.py.
"""

import importlib
from pathlib import Path


def build(name, classes, options):
    """The network `name` of the registry. Exits with a message if its file is missing."""
    if not (Path(__file__).parent / f"{name}.py").exists():
        raise SystemExit(f"there is no PyTorch definition of {name}: add it to bench/pytorch/networks/{name}.py")
    return importlib.import_module(f"networks.{name}").build(classes, options)


def heads_of(answer):
    """All heads in the result of a network, the answer first."""
    return tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)
