"""Writes the fixtures of trainer/models/reference/drawn, with which drawn.test.ts compares carpal's networks: PyTorch's results for the same weights.

    python bench/pytorch/export_drawn.py [CASE ...]      (needs torch and numpy)

Each case of cases.json is a network of bench/pytorch/networks at small widths. Its weights are not stored: both sides derive them from the
variables' names (`weights_of` here, drawn-weights.ts there). A fixture `<case>.safetensors` holds logits of one batch, in inference and in
training, and gradients of a few variables. Only every third row and column of the logits is kept. PyTorch computes in float64.

Most modules have the names of carpal's variables: replacing `.` by `/` and the array's name by carpal's turns a PyTorch name into carpal's. `path_of`
handles the networks whose modules have other names.
"""

import json
import re
import struct
import sys
from pathlib import Path

import numpy as np
import torch

import networks

FIXTURES = Path(__file__).parents[2] / "trainer/models/reference/drawn"

NORMS = (torch.nn.BatchNorm2d, torch.nn.LayerNorm)
STRIDE = 3


def uniform(name, count):
    """`count` numbers in -1..1, derived from the name alone: FNV-1a of the name, then a 32-bit integer mix per position."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    mixed = (np.arange(count, dtype=np.uint64) * 2654435761 + seed) & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        mixed = ((mixed ^ (mixed >> np.uint64(shift))) * factor) & 0xFFFFFFFF
    mixed ^= mixed >> np.uint64(16)
    return (mixed.astype(np.float64) / 2**31 - 1).astype(np.float32)


def weights_of(name, shape):
    """The values of one of carpal's variables, in carpal's shape."""
    values = uniform(name, int(np.prod(shape))).reshape(shape)
    last = name.split("/")[-1]
    if last == "kernel":
        inputs = shape[0] * shape[1] if len(shape) == 4 and shape[3] == 1 and shape[0] > 1 else int(np.prod(shape[:-1]))
        return values * np.float32(np.sqrt(3 / inputs))
    if last == "gamma":
        return np.float32(0.5) + values * np.float32(0.2)
    if last == "scale":
        return 1 + values * np.float32(0.2)
    if last == "bias":
        return np.float32(0.3) + values * np.float32(0.2)
    if last == "movingVariance":
        return 1 + values * np.float32(0.5)
    return values * np.float32(0.2)


def word_of(module, key):
    """carpal's name of a PyTorch array."""
    if isinstance(module, NORMS):
        return {"weight": "gamma", "bias": "beta", "running_mean": "movingMean", "running_var": "movingVariance"}[key]
    return {"weight": "kernel", "layer_scale": "layerScale"}.get(key, key)


def ours(module, array):
    """A PyTorch array in carpal's order of axes, as a view."""
    if array.ndim == 2:
        return array.T
    if array.ndim != 4:
        return array
    if isinstance(module, torch.nn.ConvTranspose2d):
        return array.permute(2, 3, 1, 0)
    if module.groups > 1:
        return array.permute(2, 3, 0, 1)
    return array.permute(2, 3, 1, 0)


def path_of(path, model):
    """carpal's path of a module: U-Nets number their levels from the top, and a convolution and its normalisation share a name."""
    if type(model).__name__ not in ("UNet", "SlimUNet"):
        return path.replace(".", "/")
    levels = len(model.up)
    path = re.sub(r"^down\.(\d+)", lambda found: f"down{int(found[1]) + 1}", path)
    path = re.sub(r"^up\.(\d+)", lambda found: f"up{levels - int(found[1])}", path)
    path = re.sub(r"^grow\.(\d+)", lambda found: f"up{levels - int(found[1])}/grow", path)
    return re.sub(r"\.(\d+)$", lambda found: f"/{int(found[1]) // 3 + 1}", path)


def variables_of(model):
    """Every array of the model under carpal's name: its module, the array, the array in carpal's axes."""
    found = {}
    for path, module in model.named_modules():
        for key, array in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if key == "num_batches_tracked":
                continue
            word = word_of(module, key)
            found[f"{path_of(path, model)}/{word}"] = (module, array, ours(module, array))
    return found


def heads(answer):
    """All heads, channels last, every third row and column."""
    kept = [head.permute(0, 2, 3, 1)[:, ::STRIDE, ::STRIDE] for head in networks.heads_of(answer)]
    return [head.detach().to(torch.float32).contiguous().numpy() for head in kept]


def fixture(case):
    model = networks.build(case["network"], case["classes"], case["options"]).double()
    variables = variables_of(model)
    with torch.no_grad():
        for name, (_, _, view) in variables.items():
            view.copy_(torch.from_numpy(weights_of(name, tuple(view.shape))))
    size, batch = case["size"], case["batch"]
    images = torch.from_numpy(uniform("images", batch * size * size).reshape(batch, 1, size, size) * np.float32(0.5) + np.float32(0.5)).double()
    model.eval()
    with torch.no_grad():
        arrays = {f"inference/{index}": head for index, head in enumerate(heads(model(images)))}
    model.train()
    for module in model.modules():
        if isinstance(module, (torch.nn.Dropout, torch.nn.Dropout2d)):
            module.eval()
    answer = networks.heads_of(model(images))
    arrays.update({f"training/{index}": head for index, head in enumerate(heads(answer))})
    loss = 0
    for index, head in enumerate(answer):
        shape = head.permute(0, 2, 3, 1).shape
        weights = torch.from_numpy(uniform(f"head{index}", int(np.prod(shape))).reshape(shape))
        loss = loss + (head.permute(0, 2, 3, 1) * weights).mean()
    loss.backward()
    for name in case["gradients"]:
        module, parameter, _ = variables[name]
        arrays[f"gradient/{name}"] = ours(module, parameter.grad).to(torch.float32).contiguous().numpy()
    return arrays


def write_safetensors(path, arrays):
    header, at = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values()))


def main():
    cases = json.loads((FIXTURES / "cases.json").read_text())
    for case in cases:
        if len(sys.argv) == 1 or case["name"] in sys.argv[1:]:
            write_safetensors(FIXTURES / f"{case['name']}.safetensors", fixture(case))


if __name__ == "__main__":
    main()
