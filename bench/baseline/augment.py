"""Augmentations of an image and its masks by albumentations, on one thread, as the baseline of carpal's.

The masks are rasterised and resized beforehand; carpal does this for every image. Prints the same JSON as original.py.
"""

import json
import os
import sys
import warnings

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
# Version 2 warns on every use that ShiftScaleRotate is a special case of another transform.
warnings.filterwarnings("ignore", category=UserWarning)

import albumentations as A
import cv2
import numpy as np
from original import label_of, resize_many, timed


def transform_of(spec, request):
    p, border = spec["probability"], cv2.BORDER_CONSTANT
    if spec["name"] == "rotate":
        return A.Rotate(limit=spec["degrees"], border_mode=border, p=p)
    if spec["name"] == "flipHorizontal":
        return A.HorizontalFlip(p=p)
    if spec["name"] == "shiftScaleRotate":
        limits = {"shift_limit": spec["shift"], "scale_limit": spec["scale"], "rotate_limit": spec["degrees"]}
        return A.ShiftScaleRotate(**limits, border_mode=border, p=p)
    if spec["name"] == "brightnessContrast":
        return A.RandomBrightnessContrast(spec["brightness"], spec["contrast"], p=p)
    if spec["name"] == "gamma":
        return A.RandomGamma((100 * spec["low"], 100 * spec["high"]), p=p)
    if spec["name"] == "gaussianNoise":
        return A.GaussNoise(std_range=(spec["sigma"], spec["sigma"]), p=p)
    if spec["name"] == "elastic":
        sigma = spec["sigma"] * request["size"]
        # Uniform noise smoothed by a Gaussian keeps 1/(2 sqrt(pi) sigma) of its deviation; carpal's control points keep about half.
        alpha = 0.5 * spec["alpha"] * request["size"] * 2 * np.sqrt(np.pi) * sigma
        kind = {"noise_distribution": "uniform", "approximate": request.get("approximate", False), "border_mode": border}
        return A.ElasticTransform(alpha=alpha, sigma=sigma, p=p, **kind)
    if spec["name"] == "gridDistortion":
        return A.GridDistortion(num_steps=spec["steps"], distort_limit=spec["limit"], border_mode=border, p=p)
    if spec["name"] == "clahe":
        return A.CLAHE(clip_limit=(1, spec["clipLimit"]), tile_grid_size=(spec["tiles"], spec["tiles"]), p=p)
    if spec["name"] == "gaussianBlur":
        return A.GaussianBlur(blur_limit=0, sigma_limit=(spec["low"], spec["high"]), p=p)
    raise SystemExit(f"albumentations has no counterpart to {spec['name']} here: add it to bench/baseline/augment.py")


def main():
    cv2.setNumThreads(1)
    request = json.loads(sys.argv[1])
    size = request["size"]
    transforms = A.Compose([transform_of(spec, request) for spec in request["augmentations"]], seed=1)
    pairs = []
    for image_path, json_path in request["pairs"]:
        image = cv2.resize(cv2.imread(image_path, cv2.IMREAD_GRAYSCALE), (size, size))[..., None]
        label = resize_many(label_of(json_path, request["classes"]), size)
        parts = [np.ascontiguousarray(label[..., i]) for i in range(label.shape[2])]
        pairs.append((image, {"masks": parts} if request["form"] == "list" else {"mask": label}))

    def epoch():
        for image, masks in pairs:
            transforms(image=image, **masks)["image"].astype(np.float32) / 255

    print(json.dumps({"seconds": timed(request["repetitions"], epoch), "items": len(pairs)}))


if __name__ == "__main__":
    main()
