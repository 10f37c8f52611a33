"""Writes the fixtures of trainer/models/reference/stored: PyTorch's results for small versions of carpal's networks.

    python bench/pytorch/export_stored.py [FILE ...]

Builds the definitions in bench/pytorch/networks, draws weights from a fixed seed, and writes one safetensors file per network: its weights under
PyTorch's names ("weights/..."), images, the logits of every head in inference ("eval/0") and in training without dropout ("train/0", ...), the
moving averages of one batch normalisation after that pass, and the gradient of half the sum of all squared training logits with respect to one
kernel. Everything is computed in double precision and stored in single precision. Needs bench/pytorch/requirements.txt.
"""

import json
import struct
import sys
from pathlib import Path

import torch
from torch import nn

from networks import build, heads_of

FIXTURE_FOLDER = Path(__file__).parents[2] / "trainer/models/reference/stored"

CLASSES, SIZE, COUNT = 3, 32, 2

# File name: network, options, and the weights whose gradient is stored.
FIXTURES = {
    "nested-unet": ("NestedUNet", {"width": 1, "deepSupervision": True}, "nodes.0_0.0.weight"),
    "unet3plus": ("UNet3Plus", {"width": 1, "guidance": True, "deepSupervision": True}, "down.1.0.weight"),
    "fcn-resnet50": ("FCNResNet50", {"width": 2}, "backbone.conv1.weight"),
    "custom-unet": ("CustomUNet", {"width": 2}, "down.1.1.0.weight"),
    "custom-unet-improved": ("CustomUNet", {"width": 2, "variant": "improved"}, "down.1.1.0.weight"),
}


def draw(model, generator):
    """Draws weights of the usual size, and normalisations that change their input."""
    normalised = set()
    for path, module in model.named_modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.BatchNorm2d):
            normalised |= {f"{path}.weight", f"{path}.bias"}
            # Small before a residual is added: sixteen full ones would amplify the rounding errors of single precision.
            largest = 0.4 if path.endswith("bn3") else 1.5
            module.weight.data.uniform_(largest / 3, largest, generator=generator)
            module.bias.data.uniform_(-0.1, 0.5, generator=generator)
            module.running_mean.uniform_(-0.3, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    for name, array in model.named_parameters():
        if array.ndim > 1:
            array.data.normal_(0, (1.5 / array[0].numel()) ** 0.5, generator=generator)
        elif name not in normalised:
            array.data.uniform_(-0.2, 0.2, generator=generator)


def write(path, arrays, metadata):
    """A safetensors file of float32 arrays."""
    header, blobs, end = {"__metadata__": metadata}, [], 0
    for name, array in arrays.items():
        blob = array.detach().to(torch.float32).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + len(blob)]}
        blobs.append(blob)
        end += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def export(file):
    network, options, differentiated = FIXTURES[file]
    generator = torch.Generator().manual_seed(21)
    model = build(network, CLASSES, options)
    draw(model, generator)
    weights = {f"weights/{name}": array.clone() for name, array in model.state_dict().items() if array.is_floating_point()}
    images = torch.rand(COUNT, 1, SIZE, SIZE, generator=generator)
    model.double()
    model.eval()
    answers = {"eval/0": heads_of(model(images.double()))[0]}
    model.train()
    heads = heads_of(model(images.double()))
    answers |= {f"train/{index}": logits for index, logits in enumerate(heads)}
    (sum((logits**2).sum() for logits in heads) / 2).backward()
    answers[f"gradient/{differentiated}"] = dict(model.named_parameters())[differentiated].grad
    moved = next(name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d))
    for part in ("running_mean", "running_var"):
        answers[f"moved/{moved}.{part}"] = model.state_dict()[f"{moved}.{part}"]
    metadata = {"network": network, "options": json.dumps(options), "classes": str(CLASSES)}
    write(FIXTURE_FOLDER / f"{file}.safetensors", weights | {"images": images} | answers, metadata)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or FIXTURES:
        export(wanted)
