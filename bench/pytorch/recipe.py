"""The losses and schedules of a recipe in PyTorch. They take the fields of a manifest, and compute what the original computed."""

import math

import torch
from torch.nn import functional as F

AXES = {"perImageClass": (2, 3), "global": (0, 1, 2, 3)}
SMOOTH = 1


def area_loss(name, options, probabilities, targets):
    """Dice, IoU or FocalTversky: the mean over image and class, or one value for everything."""
    axes = AXES[options["reduction"]]
    both = (probabilities * targets).sum(axes)
    found, truth = probabilities.sum(axes), targets.sum(axes)
    if name == "Dice":
        return (1 - (2 * both + SMOOTH) / (found + truth + SMOOTH)).mean()
    if name == "IoU":
        return (1 - (both + SMOOTH) / (found + truth - both + SMOOTH)).mean()
    wrong = options["alpha"] * (found - both) + options["beta"] * (truth - both)
    return ((1 - (both + SMOOTH) / (both + wrong + SMOOTH)) ** options["gamma"]).mean()


def loss_of(losses):
    """The weighted sum of the losses, as a function of logits and targets."""

    def loss(logits, targets):
        probabilities = torch.sigmoid(logits)
        total = 0
        for entry in losses:
            if entry["name"] == "BCE":
                value = F.binary_cross_entropy_with_logits(logits, targets)
            elif entry["name"] in ("Dice", "IoU", "FocalTversky"):
                value = area_loss(entry["name"], entry, probabilities, targets)
            else:
                raise SystemExit(f"the baseline has no loss {entry['name']}: add it to bench/pytorch/recipe.py")
            total = total + entry["weight"] * value
        return total

    return loss


class Plateau:
    """Lowers the rate when the validation loss stops falling, as the original did."""

    def __init__(self, optimizer, options, _epochs):
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            factor=options["factor"],
            patience=options["patience"],
            threshold=options["threshold"],
            cooldown=options["cooldown"],
            min_lr=options["minLearningRate"],
        )

    def after_epoch(self, _epoch, validation_loss):
        self.schedule.step(validation_loss)


class Cosine:
    """A linear increase, then a cosine down to the smallest rate."""

    def __init__(self, optimizer, options, epochs):
        self.optimizer, self.options, self.epochs = optimizer, options, epochs
        self.rate = optimizer.param_groups[0]["lr"]
        self.set_rate(1)

    def set_rate(self, epoch):
        warm, least = self.options["warmupEpochs"], self.options["minLearningRate"]
        length = self.options.get("tMax") or max(1, self.epochs - warm)
        if epoch <= warm:
            rate = self.rate * epoch / (warm + 1)
        else:
            rate = least + (self.rate - least) * (1 + math.cos(math.pi * min(epoch - 1 - warm, length) / length)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def after_epoch(self, epoch, _validation_loss):
        self.set_rate(epoch + 1)


SCHEDULES = {"ReduceLROnPlateau": Plateau, "CosineAnnealingLR": Cosine}


def schedule_of(optimizer, scheduler, epochs):
    """The schedule of a recipe. Exits with a message if the baseline does not have it."""
    if scheduler["name"] not in SCHEDULES:
        raise SystemExit(f"the baseline has no schedule {scheduler['name']}: add it to bench/pytorch/recipe.py")
    return SCHEDULES[scheduler["name"]](optimizer, scheduler["options"], epochs)
