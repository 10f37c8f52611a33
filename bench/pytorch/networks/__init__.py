"""The networks of carpal's registry in PyTorch, one file each, under the registry's own name.

A file holds `def build(classes: int, options: dict) -> torch.nn.Module`. The module takes grey images `[n, 1, height, width]` in 0..1;
a network whose first convolution has three input channels repeats them itself (`x.expand(-1, 3, -1, -1)`). It returns logits
`[n, classes, height, width]`, or, where further heads take part in training, a tuple of such logits with the answer first, as carpal's
network does. `options` are those of the manifest; one that is left out has the registry's default. Trainable parameters must be as many
as carpal's: the benchmark compares the counts. Blocks that several networks share are in blocks.py.
"""

import importlib
from pathlib import Path


def build(name, classes, options):
    """The network `name` of the registry. Ends the program with a message where its file is missing."""
    if not (Path(__file__).parent / f"{name}.py").exists():
        raise SystemExit(f"there is no PyTorch definition of {name}: write it to bench/pytorch/networks/{name}.py")
    return importlib.import_module(f"networks.{name}").build(classes, options)


def heads_of(answer):
    """All heads of what a network returned, the answer first."""
    return tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)
