"""What a measurement out of fold belongs to: the settings, the compression and the data."""

import dataclasses
from typing import Any

from compress.recipe import Recipe
from train.config import Config

_BEFORE_THE_KEY = {"precision": "qat8", "distil": True}


def measurement_identity(config: Config, recipe: Recipe, data_sha256: str) -> dict[str, Any]:
    """What two measurements must share to be of the same networks; can be written as JSON.

    Shares of the split do not count: cross-validation has folds, and who learns from everyone has no parts. What the
    compression tolerates, how large cells are said to be, and the settings of a stage that is left out change no
    network. Nor is a key counted that has the value which all recipes had before there was the key.
    """
    settings = dataclasses.asdict(config)
    del settings["split"]
    compression = dataclasses.asdict(recipe)
    del compression["tolerance"], compression["cell_um"]
    if not recipe.channels.removes:
        del compression["channels"]
    if not recipe.sparsity:
        del compression["prune"]
    if recipe.precision != "qat8":
        del compression["quantise"]
    for key, always in _BEFORE_THE_KEY.items():
        if compression[key] == always:
            del compression[key]
    return {"config": settings, "compression": compression, "data_sha256": data_sha256}
