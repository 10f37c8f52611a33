"""An epoch as the original ran it, as the baseline of carpal's: data, steps and validation, written from its description.

Two workers decode, rasterise and resize the training images again in every epoch. A step runs the network twice unless "doubleForward" is
false: the original ran it once outside autocast and discarded the result. Validation reads one image at a time, enlarges its logits to the
label's own 2048 by 2048 pixels, and computes loss and soft Dice there.

Prints one line of JSON: {"seconds": [one figure per epoch], "items": images per epoch, "peakMb": peak resident memory}.
"""

import json
import resource
import sys
import time

import torch
from networks import build, heads_of
from pytorch_step import adamw, loss_of
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    """Pairs of an image and its annotation file."""

    def __init__(self, pairs, request, resize_label):
        from original import load_one

        self.load = lambda pair: load_one(*pair, request["classes"], request["size"], resize_label)
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return self.load(self.pairs[index])


def train(model, optimizer, batches, double_forward):
    model.train()
    total = 0.0
    for images, targets in batches:
        optimizer.zero_grad(set_to_none=True)
        # Both results have one name, so the activations of the first pass live until the second is done, as in the original.
        logits = model(images) if double_forward else None
        logits = model(images)
        loss = loss_of(logits, targets)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total


@torch.no_grad()
def validate(model, batches):
    model.eval()
    scores, total = [], 0.0
    for images, targets in batches:
        logits = F.interpolate(heads_of(model(images))[0], size=targets.shape[-2:], mode="bilinear", align_corners=False)
        total += loss_of(logits, targets).item()
        probabilities = torch.sigmoid(logits)
        both = (probabilities * targets).sum((2, 3))
        scores.append((2 * both + 1e-4) / (probabilities.sum((2, 3)) + targets.sum((2, 3)) + 1e-4))
    return total, torch.cat(scores).mean(0).mean().item()


def main():
    request = json.loads(sys.argv[1])
    # original.py, and the packages of the environment that has OpenCV, after torch's own.
    sys.path.extend(request["paths"])
    torch.manual_seed(0)
    torch.set_num_threads(request["threads"])
    model = build("UNet", len(request["classes"]), {})
    optimizer = adamw(model)
    count, double_forward = request["count"], request.get("doubleForward", True)

    def loaders(training, validation):
        first = DataLoader(Images(training, request, True), batch_size=count, shuffle=True, num_workers=2)
        return first, DataLoader(Images(validation, request, False), batch_size=1)

    def epoch(training, validation):
        batches, images = loaders(training, validation)
        train(model, optimizer, batches, double_forward)
        validate(model, images)

    training, validation = request["training"], request["validation"]
    # A warm-up epoch.
    epoch(training, validation)
    seconds = []
    for _ in range(request["repetitions"]):
        start = time.perf_counter()
        epoch(training, validation)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": seconds, "items": len(training) + len(validation), "peakMb": peak}))


if __name__ == "__main__":
    main()
