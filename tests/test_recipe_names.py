"""A recipe's name says what it does, and a name that says nothing gets one line that says what names mean."""

import dataclasses
from pathlib import Path

import pytest

from compress.errors import CompressError
from compress.identity import measurement_identity
from compress.recipe import DEFAULT_RECIPE, Recipe, StageConfig, read_recipe
from compress.recipe_names import SWEEP, recipe_named
from tests.drawn import changed
from train.config import read_config

BASE = read_recipe()


def _said(recipe: Recipe) -> tuple[str, float, float, bool]:
    return recipe.precision, recipe.sparsity, recipe.channels.keep, recipe.distil


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fp32", ("fp32", 0, 1, True)),
        ("ptq8", ("ptq8", 0, 1, True)),
        ("qat8", ("qat8", 0, 1, True)),
        ("qat8_hard", ("qat8", 0, 1, False)),
        ("sp75_pqat8", ("qat8", 0.75, 1, True)),
        ("sp50_ptq8", ("ptq8", 0.5, 1, True)),
        ("ch50_qat8", ("qat8", 0, 0.5, True)),
        ("ch75_sp20_pqat8_hard", ("qat8", 0.2, 0.25, False)),
    ],
)
def test_a_name_decodes(name: str, said: tuple[str, float, float, bool]) -> None:
    recipe = recipe_named(name, BASE)
    assert _said(recipe) == said and recipe.name == name
    assert recipe.quantise == BASE.quantise and recipe.tolerance == BASE.tolerance


def test_every_recipe_of_a_sweep_has_a_name_that_decodes_to_another_one() -> None:
    recipes = [recipe_named(name, BASE) for name in SWEEP]
    assert len({_said(recipe) for recipe in recipes}) == len(SWEEP)


def test_the_default_settings_are_what_their_name_says() -> None:
    assert recipe_named(BASE.name, BASE) == BASE


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fast", "no recipe 'fast'; a name is"),
        ("", "no recipe ''"),
        ("ch5_qat8", "no recipe"),
        ("qat8_ch50", "no recipe"),
        ("sp00_pqat8", "no recipe"),
        ("sp75_qat8", "spNN_pqat8 keeps them"),
        ("pqat8", "there are none"),
        ("ptq8_hard", "trains nothing"),
        ("fp32_hard", "trains nothing"),
        ("sp99_pqat8", "sparsity must be 0 to 0.95"),
    ],
)
def test_a_name_that_says_nothing_is_one_line(name: str, message: str) -> None:
    with pytest.raises(CompressError) as caught:
        recipe_named(name, BASE)
    assert message in str(caught.value) and "\n" not in str(caught.value) and repr(name) in str(caught.value)


def test_measurements_from_before_a_key_still_belong_to_their_recipe() -> None:
    """They know neither precision nor channels; a recipe that uses them is another one."""
    config = read_config()
    identity = measurement_identity(config, recipe_named("sp20_pqat8", BASE), "0")["compression"]
    assert {"precision", "distil", "channels"}.isdisjoint(identity)
    for name in ("sp20_ptq8", "sp20_pqat8_hard", "ch50_sp20_pqat8"):
        other = dataclasses.replace(recipe_named(name, BASE), name="sp20_pqat8")
        assert measurement_identity(config, other, "0")["compression"] != identity


def test_the_settings_of_a_stage_left_out_belong_to_no_measurement() -> None:
    config, longer = read_config(), StageConfig(epochs=9, learning_rate=1e-3)
    for name, stage, counts in (
        ("qat8", "prune", False),
        ("sp20_pqat8", "prune", True),
        ("ptq8", "quantise", False),
        ("qat8", "quantise", True),
    ):
        recipe = recipe_named(name, BASE)
        other = dataclasses.replace(recipe, **{stage: longer})
        assert (measurement_identity(config, other, "0") != measurement_identity(config, recipe, "0")) == counts


def test_a_tolerance_in_percent_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(changed(DEFAULT_RECIPE.read_text("utf-8"), flips=2), "utf-8")
    with pytest.raises(CompressError, match=r"flips and weighted_f1 are shares, 0 to 1"):
        read_recipe(path)
