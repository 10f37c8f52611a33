"""Writes trainer/models/pretrained/fixtures/mit-maps.safetensors: the four maps of Hugging Face's mix transformer for one grey image.

    python bench/pytorch/export_mit.py      (needs torch, numpy, safetensors and transformers; written with transformers 5.24.0)

The network is a narrow MiT-B0. Its weights are not stored: load-mit.test.ts derives them from the keys of Hugging Face's published files, as here. The
image is normalised as published weights expect it. It is padded with black before the first convolution, because carpal pads grey images
with 0; Hugging Face pads the normalised image with 0, the mean colour. The epsilon of all normalisations is that of the authors' blocks.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerModel

from export_drawn import uniform, write_safetensors

FIXTURE = Path(__file__).parents[2] / "trainer/models/pretrained/fixtures/mit-maps.safetensors"
SIZE = 64
EPSILON = 1e-6
MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
CONFIG = SegformerConfig(hidden_sizes=[4, 8, 20, 32], num_attention_heads=[1, 2, 5, 8], depths=[2, 2, 2, 2], sr_ratios=[8, 4, 2, 1])


def drawn(key, shape):
    values = uniform(key, int(np.prod(shape))).reshape(shape)
    if len(shape) > 1:
        values = values * np.float32(np.sqrt(3 / np.prod(shape[1:])))
    elif key.endswith(".weight"):
        values = np.float32(0.5) + values * np.float32(0.2)
    else:
        values = values * np.float32(0.2)
    return torch.from_numpy(values.astype(np.float32))


def published_model():
    """The model with weights that are drawn from the keys under which the library saves them."""
    with tempfile.TemporaryDirectory() as folder:
        SegformerModel(CONFIG).save_pretrained(folder)
        file = Path(folder) / "model.safetensors"
        save_file({key: drawn(key, array.shape) for key, array in load_file(file).items()}, file, {"format": "pt"})
        return SegformerModel.from_pretrained(folder).eval().double()


def main():
    model = published_model()
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = EPSILON
    first = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
    pads = first.padding[0]
    first.padding = (0, 0)
    grey = torch.from_numpy(uniform("images", SIZE * SIZE).reshape(1, 1, SIZE, SIZE) * np.float32(0.5) + np.float32(0.5)).double()
    normalised = (F.pad(grey, [pads] * 4).expand(-1, 3, -1, -1) - MEAN) / DEVIATION
    with torch.no_grad():
        maps = model(normalised, output_hidden_states=True).hidden_states
    arrays = {f"stage{index + 1}": each.permute(0, 2, 3, 1).float().contiguous().numpy() for index, each in enumerate(maps[-4:])}
    print({name: (array.shape, float(np.abs(array).max())) for name, array in arrays.items()})
    write_safetensors(FIXTURE, arrays)


if __name__ == "__main__":
    main()
