"""Inference as the original ran it, as the baseline of carpal's: from an image file to RLE text of every class, from its description.

The network runs, but its weights are random and would give noise. So its answer is replaced by logits that a trained network could give
(files of raw float32, channels first) before it is enlarged to the image's size.

Prints one line of JSON: {"seconds": [one figure per repetition], "items": images per repetition, "peakMb": peak resident memory}.
"""

import json
import resource
import sys

import torch
from networks import build, heads_of
from torch.nn import functional as F

IMAGE_SIZE = 2048


def main():
    request = json.loads(sys.argv[1])
    # original.py, and the packages of the environment that has OpenCV, after torch's own.
    sys.path.extend(request["paths"])
    import cv2
    import numpy as np
    from original import encode, timed

    torch.manual_seed(0)
    torch.set_num_threads(request["threads"])
    size, classes, threshold = request["size"], request["classes"], request["threshold"]
    layout = torch.channels_last if request["layout"] == "channels_last" else torch.contiguous_format
    model = build(request["network"], classes, request.get("options", {})).to(memory_format=layout).eval()
    trained = [torch.from_numpy(np.fromfile(path, dtype=np.float32).reshape(1, classes, size, size)) for path in request["logits"]]

    @torch.no_grad()
    def predict(path, logits):
        # One grey channel, which these networks take; the original passed three equal ones.
        image = cv2.imread(path, cv2.IMREAD_GRAYSCALE) / 255.0
        image = cv2.resize(image, (size, size)).astype(np.float32)
        answer = heads_of(model(torch.from_numpy(image)[None, None].contiguous(memory_format=layout)))[0]
        answer.copy_(logits)
        full = F.interpolate(answer, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear")
        masks = (torch.sigmoid(full) > threshold).numpy()
        return [encode(mask) for mask in masks[0]]

    seconds = timed(request["repetitions"], lambda: [predict(*pair) for pair in zip(request["images"], trained)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": seconds, "items": len(trained), "peakMb": peak}))


if __name__ == "__main__":
    main()
