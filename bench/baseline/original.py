"""The method of the code base that carpal replaces ("the original"), as a baseline of `carpal bench`.

Written from its description (numpy and OpenCV, one thread, full-size bitmaps), not copied. Each command prints one line of JSON:
{"seconds": [one figure per repetition], "items": items per repetition}. coco-* commands add "firstMasks": the masks of the first image as
compressed text.
"""

import csv
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

IMAGE_SIZE = 2048


def timed(repetitions, work):
    """The seconds of each repetition, after one warm-up run."""
    work()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def timed_each(repetitions, inputs, prepare, work):
    """The seconds of each repetition of the work on all inputs, after one warm-up repetition. Preparing an input is not timed."""
    seconds = []
    for _ in range(repetitions + 1):
        spent = 0.0
        for one in inputs:
            prepared = prepare(one)
            start = time.perf_counter()
            work(prepared)
            spent += time.perf_counter() - start
        seconds.append(spent)
    return seconds[1:]


def label_of(path, classes):
    """One full-size binary channel per class, by cv2.fillPoly."""
    label = np.zeros((IMAGE_SIZE, IMAGE_SIZE, len(classes)), dtype=np.uint8)
    with open(path) as file:
        annotations = json.load(file)["annotations"]
    for annotation in annotations:
        channel = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
        cv2.fillPoly(channel, [np.array(annotation["points"], dtype=np.int32)], 1)
        label[..., classes.index(annotation["label"])] = channel
    return label


def resize_many(label, size):
    """cv2 resizes at most four channels in one call; the augmentation library that the original used does the same."""
    parts = [cv2.resize(label[..., i : i + 4], (size, size), interpolation=cv2.INTER_NEAREST) for i in range(0, label.shape[2], 4)]
    return np.concatenate([part if part.ndim == 3 else part[..., None] for part in parts], axis=2)


def load_one(image_path, json_path, classes, size, resize_label=True):
    """An image of the original's data set: decode, rasterise, resize, convert to float, channels first. Validation keeps the label's size."""
    image = cv2.imread(str(image_path)) / 255.0
    label = label_of(json_path, classes)
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    if resize_label:
        label = resize_many(label, size)
    return tuple(np.ascontiguousarray(part.transpose(2, 0, 1)).astype(np.float32) for part in (image, label))


def load(pairs, classes, size):
    """One epoch of the original's data set."""
    for image_path, json_path in pairs:
        load_one(image_path, json_path, classes, size)


def encode(mask):
    """The row-major, 1-indexed RLE text of a bitmap."""
    pixels = np.concatenate([[0], mask.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(x) for x in runs)


def decode(text):
    """The bitmap of an RLE text."""
    words = text.split()
    starts, lengths = (np.asarray(x, dtype=int) for x in (words[0::2], words[1::2]))
    starts -= 1
    mask = np.zeros(IMAGE_SIZE * IMAGE_SIZE, dtype=np.uint8)
    for low, high in zip(starts, starts + lengths):
        mask[low:high] = 1
    return mask.reshape(IMAGE_SIZE, IMAGE_SIZE)


def vote(tables):
    """Hard vote: decodes every row of every submission to a bitmap, sums over submissions, takes the majority, and encodes it."""
    for rows in zip(*tables):
        total = sum(decode(row).astype(np.uint16) for row in rows)
        encode((total > len(rows) // 2).astype(np.uint8))


def read_rles(path, limit):
    csv.field_size_limit(1 << 28)
    with open(path, newline="") as file:
        return [row["rle"] for _, row in zip(range(limit), csv.DictReader(file))]


def coco_dice(coco, pairs):
    """Dice of corresponding masks of pairs of images."""
    for first, second in pairs:
        for a, b in zip(first, second):
            both = coco.area(coco.merge([a, b], intersect=True))
            2 * both / (coco.area(a) + coco.area(b))


def coco_figure(command, request):
    """Bitmaps take 120 MB per image, so only those of one image are held."""
    from pycocotools import mask as coco

    paths, repetitions = request["annotations"], request["repetitions"]
    # pycocotools works on column-major arrays.
    rles = [coco.encode(np.asfortranarray(label_of(path, request["classes"]))) for path in paths]
    if command == "coco-encode":
        seconds = timed_each(repetitions, rles, coco.decode, coco.encode)
    elif command == "coco-decode":
        seconds = timed_each(repetitions, rles, lambda rle: rle, coco.decode)
    else:
        seconds = timed(repetitions, lambda: coco_dice(coco, zip(rles, rles[1:] + rles[:1])))
    first = [rle["counts"].decode() for rle in rles[0]]
    return {"seconds": seconds, "items": len(paths) * len(request["classes"]), "firstMasks": first}


def main():
    cv2.setNumThreads(1)
    command, request = sys.argv[1], json.loads(sys.argv[2])
    repetitions = request["repetitions"]
    if command == "load":
        root, classes = Path(request["folder"]), request["classes"]
        images = sorted(root.glob("train/DCM/*/*.png"))[: request["images"]]
        pairs = [(p, root / "train/outputs_json" / p.parent.name / f"{p.stem}.json") for p in images]
        items, work = len(pairs), lambda: load(pairs, classes, request["size"])
    elif command == "encode":
        label = label_of(request["annotation"], request["classes"])
        masks = [np.ascontiguousarray(label[..., i]) for i in range(label.shape[2])]
        items, work = len(masks), lambda: [encode(mask) for mask in masks]
    elif command == "decode":
        texts = read_rles(request["submission"], request["rows"])
        items, work = len(texts), lambda: [decode(text) for text in texts]
    elif command == "vote":
        tables = [read_rles(path, request["rows"]) for path in request["submissions"]]
        items, work = len(tables[0]), lambda: vote(tables)
    elif command.startswith("coco-"):
        print(json.dumps(coco_figure(command, request)))
        return
    else:
        sys.exit(f"unknown command {command}")
    print(json.dumps({"seconds": timed(repetitions, work), "items": items}))


if __name__ == "__main__":
    main()
