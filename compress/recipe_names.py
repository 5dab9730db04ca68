"""Names that say what a recipe does, such as `ch50_qat8`, and the recipes they stand for."""

import dataclasses
import re

from compress.errors import CompressError
from compress.recipe import Precision, Recipe

GRAMMAR = (
    "[chNN_][spNN_]fp32, ptq8, qat8 or pqat8[_hard]: NN % of the multiply-adds removed with whole channels, NN % of "
    "the pointwise weights zero; float, int8 after training, int8 training, int8 training that keeps zeros; "
    "hard: learns the labels instead of the float network's answers. fp32, ptq8, qat8, sp75_pqat8, ch50_qat8 are such"
)
# What a sweep compares where nothing else is asked for: each way alone, two ways together, the labels for three.
SWEEP = (
    "fp32",
    "ptq8",
    "qat8",
    "qat8_hard",
    "sp20_pqat8",
    "sp50_pqat8",
    "sp75_pqat8",
    "sp75_pqat8_hard",
    "ch25_qat8",
    "ch50_qat8",
    "ch50_qat8_hard",
    "ch75_qat8",
    "ch50_sp50_pqat8",
)

_NAME = re.compile(r"(?:ch(\d\d)_)?(?:sp(\d\d)_)?(fp32|ptq8|p?qat8)(_hard)?")
_KEEPS_ZEROS = "pqat8"


def recipe_named(name: str, base: Recipe) -> Recipe:
    """The recipe that a name stands for.

    Args:
        name: as `GRAMMAR` says; 00 is no share.
        base: how long each stage trains, how much is tolerated, and all else that no name says.

    Raises:
        CompressError: a name that says nothing, or two things that do not go together.
    """
    found = _NAME.fullmatch(name)
    if found is None or "00" in found.group(1, 2):
        raise CompressError(f"no recipe {name!r}; a name is {GRAMMAR}")
    removed, zeros = (int(digits or 0) / 100 for digits in found.group(1, 2))
    way, is_hard = found[3], bool(found[4])
    if zeros and way == "qat8":
        raise CompressError(f"recipe {name!r}: qat8 would fill the zeros again; spNN_pqat8 keeps them")
    if way == _KEEPS_ZEROS and not zeros:
        raise CompressError(
            f"recipe {name!r}: pqat8 keeps zeros, and there are none; say how many (sp50_pqat8), or qat8"
        )
    precision: Precision = "qat8" if way == _KEEPS_ZEROS else way  # type: ignore[assignment]  # the pattern allows no other
    if is_hard and precision != "qat8" and not removed and not zeros:
        raise CompressError(f"recipe {name!r}: trains nothing, so it learns from nobody; leave _hard out")
    try:
        return dataclasses.replace(
            base,
            name=name,
            precision=precision,
            distil=not is_hard,
            sparsity=zeros,
            channels=dataclasses.replace(base.channels, keep=1 - removed, at_most=0.0, quantity="multiply_adds"),
        )
    except ValueError as error:
        raise CompressError(f"recipe {name!r}: {error}") from None
