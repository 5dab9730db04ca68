"""MediaPipe Tasks' ImageClassifier on our own bundle; it decodes and resizes itself, and crops as it is told.

It takes the labels from the standard TFLite metadata, which `compress` writes into every bundle.
"""

from os import PathLike
from pathlib import Path
from typing import Any

import mediapipe
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.components.containers.rect import RectF
from mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions

from benchmarks.bare_loop import Look
from edge_runtime.bundle import read_bundle


def open_peer(model: Path) -> Look:
    """Opens the model of a bundle."""
    contract = read_bundle(model).contract
    labels, crop = contract.labels, contract.input.crop
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(model)), max_results=1)
    classifier: Any = vision.ImageClassifier.create_from_options(options)

    def look(path: str | PathLike[str]) -> int:
        image = mediapipe.Image.create_from_file(str(path))
        x, y = (1 - crop / image.width) / 2, (1 - crop / image.height) / 2
        middle = ImageProcessingOptions(region_of_interest=RectF(left=x, top=y, right=1 - x, bottom=1 - y))
        best = classifier.classify(image, middle).classifications[0].categories[0]
        return labels.index(best.category_name)

    return look
