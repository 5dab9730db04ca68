"""The contract is read strictly: every key present, known, of its type, in its range, and named when it is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge_runtime.contract import Contract
from edge_runtime.strict_json import StrictJsonError, dumps, loads

Document = dict[str, Any]


@pytest.fixture
def document(default_contract: Contract) -> Document:
    parsed: Document = json.loads(dumps(default_contract))
    return parsed


def part(document: Document, where: str) -> tuple[Any, str]:
    """The object that holds the last key of a dotted path, and that key."""
    *parents, key = where.split(".")
    for parent in parents:
        document = document[parent]
    return document, key


def paths(document: Document, prefix: str = "") -> list[str]:
    """Every key of a document, dotted, but for the free keys of the recipe."""
    found = []
    for key, value in document.items():
        found.append(prefix + key)
        if isinstance(value, dict) and key != "recipe":
            found += paths(value, f"{prefix}{key}.")
    return found


def test_a_contract_survives_writing_and_reading(default_contract: Contract) -> None:
    assert loads(dumps(default_contract), Contract) == default_contract


def test_a_table_survives_too_and_none_stays_none(document: Document) -> None:
    assert document["input"]["optical_density_table"] is None
    document["input"]["optical_density_table"] = list(range(256))
    contract = loads(json.dumps(document), Contract)
    assert contract.input.optical_density_table == tuple(range(256))
    assert loads(dumps(contract), Contract) == contract


@pytest.mark.parametrize("key", ["um_per_pixel", "stain_reference"])
def test_a_model_may_know_no_scale_and_no_stain(document: Document, key: str) -> None:
    document["input"][key] = None
    contract = loads(json.dumps(document), Contract)
    assert getattr(contract.input, key) is None
    assert loads(dumps(contract), Contract) == contract


def test_the_same_contract_gives_the_same_text(default_contract: Contract) -> None:
    assert dumps(loads(dumps(default_contract), Contract)) == dumps(default_contract)


def test_every_missing_key_is_named(document: Document) -> None:
    for where in paths(document):
        copy = json.loads(json.dumps(document))
        holder, key = part(copy, where)
        del holder[key]
        with pytest.raises(StrictJsonError) as caught:
            loads(json.dumps(copy), Contract)
        assert str(caught.value) == f"key '{where}' is missing"


@pytest.mark.parametrize("where", ["mean", "input.mean", "provenance.int8_scores.f2", "provenance.int8_scores.auroc.n"])
def test_an_unknown_key_is_named(document: Document, where: str) -> None:
    holder, key = part(document, where)
    holder[key] = 1
    with pytest.raises(StrictJsonError, match=f"key '{where}' is unknown"):
        loads(json.dumps(document), Contract)


@pytest.mark.parametrize("key", ["schema", "crop", "abstain_low"])
def test_a_repeated_key_is_named(document: Document, key: str) -> None:
    text = json.dumps(document)
    at = text.index(f'"{key}"')
    with pytest.raises(StrictJsonError, match=f"key '{key}' stands twice"):
        loads(f'{text[:at]}"{key}": 1, {text[at:]}', Contract)


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("schema", "1", "must be int"),
        ("schema", True, "must be int"),
        ("schema", 1.0, "must be int"),
        ("name", None, "must be str"),
        ("labels", "all", "must be a list"),
        ("labels", ["all", 2], "labels[1]"),
        ("input", [], "must be an object"),
        ("input.crop", 384.5, "must be int"),
        ("input.colour_order", "RGB", "must be 'rgb' or 'bgr'"),
        ("input.colour_order", ["rgb"], "must be 'rgb' or 'bgr'"),
        ("input.interpolation", "linear", "must be 'area'"),
        ("input.scale", "0.1", "must be float"),
        ("input.scale", None, "must be float"),
        ("input.scale", False, "must be float"),
        ("input.scale", 10**400, "must be float"),
        ("input.um_per_pixel", "0.25", "must be float"),
        ("input.stain_reference", 0.25, "must be an object"),
        ("input.stain_reference.density", 0.25, "must be a list"),
        ("input.stain_reference.density", [0.5, None, 0.5], "density[1]"),
        ("input.optical_density_table", 0.25, "must be a list"),
        ("input.optical_density_table", [0, 1.5], "optical_density_table[1]"),
        ("decision.logit_offset", {"all": 0}, "must be a list"),
        ("decision.logit_offset", [0, None], "logit_offset[1]"),
        ("provenance.recipe", ["a"], "must be an object"),
        ("provenance.recipe.epoch", 1, "must be str"),
        ("provenance.int8_scores.auroc", 0.9, "must be an object"),
        ("model.sha256", 0, "must be str"),
    ],
)
def test_an_ill_typed_key_is_named(document: Document, where: str, value: object, message: str) -> None:
    holder, key = part(document, where)
    holder[key] = value
    with pytest.raises(StrictJsonError) as caught:
        loads(json.dumps(document), Contract)
    assert where in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("input.size", 4),
        ("input.size", 2048),
        ("input.crop", 100),
        ("input.crop", 5000),
        ("input.scale", 0),
        ("input.scale", -1.0),
        ("input.um_per_pixel", 0),
        ("input.um_per_pixel", -0.05),
        ("input.stain_reference.density", [0.5, 0.5]),
        ("input.stain_reference.deviation", [0.1, 0.0, 0.1]),
        ("input.optical_density_table", [0] * 255),
        ("input.optical_density_table", [0] * 255 + [256]),
        ("input.optical_density_table", [-1] + [0] * 255),
        ("decision.logit_scale", 0),
        ("decision.abstain_low", 0.6),
        ("decision.abstain_low", -0.1),
        ("decision.abstain_high", 0.4),
        ("decision.abstain_high", 1.1),
        ("labels", ["all"]),
        ("labels", ["all", "all"]),
        ("labels", ["all", ""]),
        ("labels", ["all", "hem "]),
        ("decision.logit_offset", [0.0]),
    ],
)
def test_a_value_out_of_its_range_is_named(document: Document, where: str, value: object) -> None:
    holder, key = part(document, where)
    holder[key] = value
    with pytest.raises(StrictJsonError, match=key):
        loads(json.dumps(document), Contract)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(document: Document, constant: str) -> None:
    text = json.dumps(document).replace(f'"scale": {document["input"]["scale"]}', f'"scale": {constant}')
    assert constant in text
    with pytest.raises(StrictJsonError, match=r"NaN|Infinity|input\.scale"):
        loads(text, Contract)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1", '"x"', "{'schema': 1}", "[" * 100_000, '{"schema": ' + "1" * 5000 + "}", "\ufeff{}"],
    ids=lambda text: text[:12],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError):
        loads(text, Contract)


def test_an_integer_stands_for_a_float(document: Document) -> None:
    document["input"]["offset"] = -1
    offset = loads(json.dumps(document), Contract).input.offset
    assert (offset, type(offset)) == (-1.0, float)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_json_does_not_know_is_not_written(mean_bundle: Callable[..., Any], value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps(mean_bundle(logit_offset=(value, 0.0, 0.0)).contract)
