"""Runs an exported network in TensorFlow and its ONNX form in onnxruntime, and compares their logits with carpal's.

Arguments: the exported folder, the ONNX file, and files of raw float32 images and logits in the shapes of carpal.json. Prints one line of
JSON: the largest differences, and the largest logit.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import onnxruntime
import tensorflow as tf


def largest(difference):
    return float(np.abs(difference).max())


def main():
    folder, onnx, images_file, logits_file = sys.argv[1:]
    with open(os.path.join(folder, "carpal.json")) as file:
        shapes = json.load(file)["shapes"]
    images = np.fromfile(images_file, np.float32).reshape(shapes["images"])
    logits = np.fromfile(logits_file, np.float32).reshape(shapes["logits"])
    network = tf.saved_model.load(folder).signatures["serving_default"]
    in_tensorflow = network(images=tf.constant(images))["logits"].numpy()
    (in_onnx,) = onnxruntime.InferenceSession(onnx).run(["logits"], {"images": images})
    print(json.dumps({"savedModel": largest(in_tensorflow - logits), "onnx": largest(in_onnx - logits), "largest": largest(logits)}))


if __name__ == "__main__":
    main()
