"""
Writes fixtures/optimizers.json and fixtures/schedules.json next to this file: the results of PyTorch's optimizers on a small problem after 1 and 20 steps,
and the learning rates of its schedulers over 100 epochs. PyTorch has neither Lion nor the cosine with restarts and warm-up; they are
implemented here from their definitions. Run with any Python that has torch: python export.py
"""

import json
import math
import pathlib

import torch
from torch.optim import lr_scheduler

HERE = pathlib.Path(__file__).parent
STEPS = 20
SIZE = 4
HIDDEN = 3
CLASSES = 2


class Lion(torch.optim.Optimizer):
    """Chen and others 2023, Symbolic Discovery of Optimization Algorithms, algorithm 2."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                change = (beta1 * m + (1 - beta1) * p.grad).sign() + group["weight_decay"] * p
                p -= group["lr"] * change
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


class WarmUpRestarts:
    """Each cycle is a linear warm-up from the lowest rate and a cosine; the peak is multiplied by gamma, the length of the cosine by a factor."""

    def __init__(self, cycle, factor, warm_up, least, most, gamma):
        self.cycle, self.factor, self.warm_up, self.least, self.most, self.gamma = cycle, factor, warm_up, least, most, gamma

    def rates(self, epochs):
        at, length, number, rates = 0, self.cycle, 0, []
        for _ in range(epochs):
            if at >= length:
                at, length, number = at - length, (length - self.warm_up) * self.factor + self.warm_up, number + 1
            peak = self.most * self.gamma**number
            if at < self.warm_up:
                rates.append(self.least + (peak - self.least) * at / self.warm_up)
            else:
                done = (at - self.warm_up) / (length - self.warm_up)
                rates.append(self.least + (peak - self.least) * (1 + math.cos(math.pi * done)) / 2)
            at += 1
        return rates


def problem():
    """Weights and two batches of images and targets, in numbers that are exact in float32 and in a byte."""
    draw = torch.Generator().manual_seed(5)

    def integers(most, *shape):
        return torch.randint(0, most, shape, generator=draw)

    sizes = {"hidden/kernel": (1, HIDDEN), "hidden/bias": (HIDDEN,), "head/kernel": (HIDDEN, CLASSES), "head/bias": (CLASSES,)}
    return {
        "variables": {name: ((integers(129, *size) - 64) / 64).tolist() for name, size in sizes.items()},
        "images": [(integers(65, 2 * SIZE * SIZE) / 64).tolist() for _ in range(2)],
        "coverage": [integers(256, 2 * SIZE * SIZE * CLASSES).tolist() for _ in range(2)],
    }


def train(given, make):
    parameters = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in given["variables"].items()}
    kernels = [value for value in parameters.values() if value.dim() > 1]
    others = [value for value in parameters.values() if value.dim() == 1]
    optimizer = make(kernels, others)
    losses, after = [], {}
    for step in range(STEPS):
        images = torch.tensor(given["images"][step % 2], dtype=torch.float64).reshape(-1, 1)
        targets = torch.tensor(given["coverage"][step % 2], dtype=torch.float64).reshape(-1, CLASSES) / 255
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        hidden = torch.tanh(images @ parameters["hidden/kernel"] + parameters["hidden/bias"])
        logits = hidden @ parameters["head/kernel"] + parameters["head/bias"]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step + 1 in (1, STEPS):
            after[step + 1] = {name: value.detach().flatten().tolist() for name, value in parameters.items()}
    return {"losses": losses, "after": after}


def rate(step):
    return 0.05 * (1 - step / 40)


def groups(decay):
    return lambda kernels, others: [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def optimizers():
    optim = torch.optim
    decay = 0.1
    given = problem()
    betas = {"beta1": 0.8, "beta2": 0.95}
    rows = [
        ("AdamW", {}, lambda g: optim.AdamW(g)),
        ("AdamW", betas, lambda g: optim.AdamW(g, betas=(0.8, 0.95))),
        ("Adam", {}, lambda g: optim.Adam(g)),
        ("SGD", {"momentum": 0, "nesterov": False}, lambda g: optim.SGD(g)),
        ("SGD", {"momentum": 0.9, "nesterov": False}, lambda g: optim.SGD(g, momentum=0.9)),
        ("SGD", {}, lambda g: optim.SGD(g, momentum=0.9, nesterov=True)),
        ("RMSprop", {}, lambda g: optim.RMSprop(g)),
        ("RMSprop", {"momentum": 0.9, "smoothing": 0.9}, lambda g: optim.RMSprop(g, momentum=0.9, alpha=0.9)),
        ("Lion", {}, lambda g: Lion(g, lr=0.0, betas=(0.9, 0.99), weight_decay=0.0)),
    ]
    split = groups(decay)
    made = [
        {"name": name, "weightDecay": decay, "options": options, **train(given, lambda k, o, make=make: make(split(k, o)))}
        for name, options, make in rows
    ]
    return {"size": SIZE, "classes": CLASSES, "rates": [rate(step) for step in range(STEPS)], "problem": given, "rows": made}


EPOCHS = 100
LOSSES = [1 / min(e, 20 + e % 30) + 0.01 * ((e * 7919) % 64) / 64 for e in range(1, EPOCHS + 1)]


def sequence(make, warm_up=0):
    """The rate of each epoch if `step` is called after each epoch."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
    scheduler = make(optimizer)
    if warm_up > 0:
        warm = lr_scheduler.LinearLR(optimizer, start_factor=1 / (warm_up + 1), total_iters=warm_up)
        scheduler = lr_scheduler.SequentialLR(optimizer, [warm, scheduler], milestones=[warm_up])
    rates = []
    for loss in LOSSES:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
            scheduler.step(loss)
        else:
            scheduler.step()
    return rates


def schedules():
    plateau = {"factor": 0.5, "patience": 5, "threshold": 0.01, "cooldown": 2}
    rows = [
        ("MultiStepLR", {"milestones": [30, 60, 90], "gamma": 0.2}, lambda o: lr_scheduler.MultiStepLR(o, [30, 60, 90], 0.2)),
        ("CosineAnnealingLR", {"tMax": 100}, lambda o: lr_scheduler.CosineAnnealingLR(o, 100)),
        ("CosineAnnealingLR", {"tMax": 30, "minLearningRate": 1e-5}, lambda o: lr_scheduler.CosineAnnealingLR(o, 30, 1e-5)),
        (
            "CosineAnnealingWarmRestarts",
            {"cycleEpochs": 10, "cycleMultiplier": 2, "minLearningRate": 1e-5},
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, 2, 1e-5),
        ),
        ("CosineAnnealingWarmRestarts", {"cycleEpochs": 25}, lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 25)),
        ("ReduceLROnPlateau", {**plateau, "minLearningRate": 1e-6}, lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=1e-6, **plateau)),
        (
            "ReduceLROnPlateau",
            {"factor": 0.3, "patience": 0, "threshold": 0, "cooldown": 0, "minLearningRate": 1e-5},
            lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.3, patience=0, threshold=0, cooldown=0, min_lr=1e-5),
        ),
        ("PolynomialLR", {"tMax": 100, "power": 0.9}, lambda o: lr_scheduler.PolynomialLR(o, 100, 0.9)),
        ("PolynomialLR", {"tMax": 40, "power": 2}, lambda o: lr_scheduler.PolynomialLR(o, 40, 2)),
    ]
    made = [{"name": name, "options": options, "rates": sequence(make)} for name, options, make in rows]
    for name, options, make in rows:
        # ReduceLROnPlateau needs losses, so PyTorch cannot use it in a sequence.
        if name != "ReduceLROnPlateau":
            made.append({"name": name, "options": {**options, "warmupEpochs": 7}, "rates": sequence(make, 7)})
    for warm_up, factor, gamma in ((3, 2, 0.5), (0, 1, 1)):
        own = {"cycleEpochs": 10, "cycleMultiplier": factor, "cycleWarmupEpochs": warm_up, "gamma": gamma, "minLearningRate": 1e-5}
        rates = WarmUpRestarts(10, factor, warm_up, 1e-5, 1e-3, gamma).rates(EPOCHS)
        made.append({"name": "CustomCosineAnnealingWarmUpRestarts", "options": own, "rates": rates})
    return {"learningRate": 1e-3, "losses": LOSSES, "rows": made}


def rounded(value):
    """Twelve digits: more than float32 and the comparisons need."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    for name, made in (("optimizers", optimizers()), ("schedules", schedules())):
        (HERE / "fixtures" / f"{name}.json").write_text(json.dumps(rounded(made), separators=(",", ":")) + "\n")
