"""A fold of the original's training as the baseline of `carpal bench quality`, written from its description.

Images and labels are those of the original's data set (OpenCV), decoded once and held in memory. Each epoch trains on shuffled batches and
validates at the labels' own size; the weights with the highest soft Dice count. The network is then applied to the test images: logits are
enlarged bilinearly to the image's own size, and a pixel belongs to a class if its probability is above one half. The masks are written as a
submission.

Its second forward pass, whose result the original discarded, is left out. Early stopping is off on both sides.

Prints one line of JSON: {"seconds": [seconds of training and validation], "items": trained images, "peakMb": peak resident memory,
"parameters": the number of trained parameters, "bestEpoch": the epoch of the best weights}.
"""

import copy
import csv
import json
import os
import random
import resource
import sys
import time

import numpy as np
import torch
from networks import build, heads_of
from recipe import loss_of, schedule_of
from torch.nn import functional as F


def enlarged(logits, size):
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def batch_of(pairs):
    return tuple(torch.from_numpy(np.stack(parts)) for parts in zip(*pairs))


def train(model, optimizer, loss, pairs, count, order):
    model.train()
    for start in range(0, len(order), count):
        images, targets = batch_of([pairs[index] for index in order[start : start + count]])
        optimizer.zero_grad(set_to_none=True)
        heads = heads_of(model(images))
        value = sum(loss(logits, targets) for logits in heads) / len(heads)
        value.backward()
        optimizer.step()


@torch.no_grad()
def validate(model, loss, pairs):
    """The mean loss and the mean soft Dice, at the labels' own size."""
    model.eval()
    scores, total = [], 0.0
    for pair in pairs:
        images, targets = batch_of([pair])
        logits = enlarged(heads_of(model(images))[0], targets.shape[-2:])
        total += loss(logits, targets).item()
        probabilities = torch.sigmoid(logits)
        both = (probabilities * targets).sum((2, 3))
        scores.append((2 * both + 1e-4) / (probabilities.sum((2, 3)) + targets.sum((2, 3)) + 1e-4))
    return total / len(pairs), torch.cat(scores).mean(0).mean().item()


@torch.no_grad()
def write_submission(model, request, original, cv2):
    model.eval()
    side = request["imageSize"]
    with open(request["out"], "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_name", "class", "rle"])
        for path in request["test"]:
            image = cv2.resize(cv2.imread(path) / 255.0, (request["size"],) * 2, interpolation=cv2.INTER_LINEAR)
            pixels = torch.from_numpy(image.transpose(2, 0, 1)[:1].astype(np.float32))[None]
            masks = torch.sigmoid(enlarged(heads_of(model(pixels))[0], (side, side)))[0] > 0.5
            for name, mask in zip(request["classes"], masks.numpy().astype(np.uint8)):
                writer.writerow([os.path.basename(path), name, original.encode(mask)])


def main():
    request = json.loads(sys.argv[1])
    # original.py, and the packages of the environment that has OpenCV, after torch's own.
    sys.path.extend(request["paths"])
    import cv2
    import original

    cv2.setNumThreads(1)
    original.IMAGE_SIZE = request["imageSize"]
    torch.manual_seed(request["seed"])
    torch.set_num_threads(request["threads"])
    draws = random.Random(request["seed"])

    def load(pairs, resize_label):
        # The networks of this folder take grey images; the three channels are equal.
        loaded = (original.load_one(*pair, request["classes"], request["size"], resize_label) for pair in pairs)
        return [(image[:1], label) for image, label in loaded]

    training, validation = load(request["training"], True), load(request["validation"], False)
    model = build(request["network"], len(request["classes"]), request["options"])
    recipe, epochs = request["recipe"], request["epochs"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe["learningRate"], weight_decay=recipe["weightDecay"], fused=True)
    schedule = schedule_of(optimizer, recipe["scheduler"], epochs)
    loss = loss_of(recipe["loss"])
    best, best_epoch, best_weights = -1.0, 0, None
    start = time.perf_counter()
    for epoch in range(1, epochs + 1):
        order = list(range(len(training)))
        draws.shuffle(order)
        train(model, optimizer, loss, training, request["count"], order)
        validation_loss, dice = validate(model, loss, validation)
        schedule.after_epoch(epoch, validation_loss)
        if dice > best:
            best, best_epoch, best_weights = dice, epoch, copy.deepcopy(model.state_dict())
    seconds = time.perf_counter() - start
    if best_weights is not None:
        model.load_state_dict(best_weights)
    write_submission(model, request, original, cv2)
    parameters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    figure = {"seconds": [seconds], "items": epochs * len(training), "peakMb": peak, "parameters": parameters}
    print(json.dumps({**figure, "bestEpoch": best_epoch}))


if __name__ == "__main__":
    main()
