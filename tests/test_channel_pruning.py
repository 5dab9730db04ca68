"""Channels are chosen by what they matter, the budget is met, and what is left still becomes int8."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras as keras
from click.testing import CliRunner

from compress.budget import Budget
from compress.channel_config import ChannelConfig, Criterion
from compress.channel_pruning import prune_channels, remove_channels
from compress.channels import coupled_channels
from compress.cli import group as cli
from compress.errors import CompressError
from compress.export import export_int8
from compress.finetune import clone
from compress.importance import importance
from compress.multiply_adds import MultiplyAdds
from compress.narrow import narrow_units
from compress.quantise import quantise_network
from compress.recipe import StageConfig
from compress.removals import removals
from compress.sensitivity import SHARES, sensitivities, sensitivity_table
from compress.size import multiply_adds
from edge_runtime.interpreter import Interpreter
from edge_runtime.notice import RESEARCH_USE
from tests.channel_networks import examples, known_network, residual_network, shorten
from tests.operators import assert_all_int8, operators_of
from train.config import Config, read_config
from train.data import load_data
from train.dataset import read_dataset
from train.files import write_json
from train.loop import predict
from train.run import NETWORK, STATE, Run
from train.split import Split

HALF = ChannelConfig(keep=0.5, steps=2)
DEAD, GROUP = 5, "block0_pointwise"


@pytest.fixture(scope="module")
def config() -> Config:
    shipped = read_config()
    return dataclasses.replace(shipped, fit=dataclasses.replace(shipped.fit, batch=16))


@pytest.fixture
def with_a_dead_channel() -> keras.Model:
    """One channel of a block that says nothing, nor does the depthwise kernel that reads it."""
    network = known_network()
    for name in (f"{GROUP}_norm", "block1_depthwise_norm"):
        gamma, beta, *statistics = network.get_layer(name).get_weights()
        gamma[DEAD] = beta[DEAD] = 0.0
        network.get_layer(name).set_weights([gamma, beta, *statistics])
    return network


def _widths(network: keras.Model) -> dict[str, int]:
    return {group.name: len(group.units) for group in coupled_channels(network).groups}


def test_the_budget_is_met_in_steps_and_the_network_given_is_unchanged(config: Config) -> None:
    network, seen = known_network(), []
    before, whole = predict(network, examples().pixels), multiply_adds(network)
    made = prune_channels(network, examples(), config, HALF, on_step=lambda i, own: seen.append(multiply_adds(own)))
    assert len(seen) == 2 and 0.5 * whole < seen[0] <= 0.5**0.5 * whole
    assert seen[1] == multiply_adds(made) <= 0.5 * whole
    assert all(width % 8 == 0 for width in _widths(made).values()), _widths(made)
    np.testing.assert_array_equal(predict(network, examples().pixels), before)


def test_what_is_left_becomes_all_int8(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Residual blocks, stain front and all."""
    shorten(monkeypatch)
    network, stage = known_network("mobilenet_v2", stain_front=True), StageConfig(1, 1e-4)
    narrowed = prune_channels(network, examples(), config, dataclasses.replace(HALF, steps=1))
    aware = quantise_network(narrowed, network, examples(), config, stage)
    model = export_int8(aware, examples().pixels)
    assert_all_int8(model)
    assert "ADD" in dict(operators_of(model))
    assert len(Interpreter(model).invoke(np.zeros((1, 32, 32, 3), np.uint8))[0]) == 2


@pytest.mark.parametrize("criterion", ["batch_norm_scale", "taylor"])
def test_a_channel_that_does_nothing_matters_nothing_and_goes_first(
    with_a_dead_channel: keras.Model, criterion: Criterion
) -> None:
    channels = coupled_channels(with_a_dead_channel)
    values = importance(with_a_dead_channel, channels, examples(), criterion)
    units = next(group.units for group in channels.groups if group.name == GROUP)
    assert values[units[DEAD]] == 0 and (np.delete(values[units], DEAD) > 0).all()
    assert (values >= 0).all()
    gone = np.flatnonzero(~removals(with_a_dead_channel, channels, values, round_to=1)[1])
    assert gone.tolist() == [units[DEAD]]


def test_the_smallest_weights_matter_least() -> None:
    network = residual_network()
    (kernel,) = network.get_layer("inside").get_weights()
    kernel[..., 4] /= 100
    network.get_layer("inside").set_weights([kernel])
    channels = coupled_channels(network)
    values = importance(network, channels, examples(), "l1")
    units = next(group.units for group in channels.groups if group.name == "inside")
    assert values[units].argmin() == 4
    assert values[units].mean() == pytest.approx(1)


def test_first_order_taylor_is_what_the_loss_does() -> None:
    """Against the loss itself with each channel turned down a little."""
    network, cells = residual_network(), examples(8)
    channels = coupled_channels(network)
    values = importance(network, channels, cells, "taylor")
    units = next(group.units for group in channels.groups if group.name == "inside")
    channel = int(values[units].argmax())
    step, dimmed = 1e-3, clone(network)
    gamma, beta, *statistics = dimmed.get_layer("inside_norm").get_weights()
    # A factor passes ReLU, but not its cap; here none reaches it.
    gamma[channel] *= 1 - step
    beta[channel] *= 1 - step
    dimmed.get_layer("inside_norm").set_weights([gamma, beta, *statistics])
    moved = np.abs(np.log(_of_truth(dimmed, cells)) - np.log(_of_truth(network, cells))).mean() / step
    assert values[units[channel]] == pytest.approx(moved, rel=0.1)  # the ReLUs behind it bend a little even so


def _of_truth(network: keras.Model, cells: Any) -> np.ndarray:
    return predict(network, cells.pixels).astype(np.float64)[np.arange(len(cells.targets)), cells.targets]


def test_removals_end_at_the_narrowest_and_are_counted_as_built() -> None:
    network = residual_network()
    channels = coupled_channels(network)
    order = removals(network, channels, np.arange(channels.count, dtype=float), round_to=4)
    work = MultiplyAdds(network, channels)
    assert all(work.of(before) > work.of(after) for before, after in itertools.pairwise(order))
    narrowest = narrow_units(network, channels, order[-1])
    assert set(_widths(narrowest).values()) == {4}
    assert work.of(order[-1]) == multiply_adds(narrowest) and work.of(order[0]) == multiply_adds(network)
    assert all(len(np.flatnonzero(order[1][g.units])) % 4 == 0 or order[1][g.units].all() for g in channels.groups)


def test_sensitivity_knows_what_does_nothing(with_a_dead_channel: keras.Model) -> None:
    rows = list(sensitivities(with_a_dead_channel, examples(), criterion="taylor", shares=(1 / 16,)))
    by_group = {row.group: row for row in rows}
    nothing = by_group.pop(GROUP)
    assert nothing.removed == 1 and nothing.channels == 16 and nothing.multiply_adds > 0
    assert nothing.moved == pytest.approx(0, abs=1e-6) and nothing.flips == 0 and nothing.auroc == 0
    assert by_group and all(row.moved > 1e-5 for row in by_group.values())
    assert f"| {GROUP} | 1 of 16 |" in sensitivity_table(rows)


def test_the_command_shows_every_group_of_a_run(config: Config, drawn_cells: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(config, picture=dataclasses.replace(config.picture, size=32))
    groups, run = tmp_path / "groups.csv", tmp_path / "run"
    groups.write_text("subject,group\n", "utf-8")
    run.mkdir()
    known_network().save(run / NETWORK)
    parts = dict.fromkeys((cell.subject for cell in read_dataset(drawn_cells).cells), "train")
    read = load_data(read_dataset(drawn_cells), settings, {}, Split(parts))
    finished = Run(settings, read.fingerprint, ("all", "hem"), parts, None, (0.4, 0.6), "nothing", 1, None)
    write_json(run / STATE, dataclasses.asdict(finished))
    done = CliRunner().invoke(
        cli, ["sensitivity", *map(str, ("--data", drawn_cells, "--groups", groups, "--run", run))]
    )
    assert done.exit_code == 0, done.output
    rows = [line.split(" | ")[0] for line in done.output.splitlines()]
    for name in ("stem", "block0_pointwise", "block1_pointwise", "block2_pointwise"):
        assert rows.count(f"| {name}") == len(SHARES)
    assert done.output.endswith(f"{RESEARCH_USE}\n")


def test_file_bytes_are_a_budget() -> None:
    network, pixels = known_network(), examples().pixels
    channels = coupled_channels(network)
    narrowest = removals(network, channels, np.ones(channels.count), round_to=8)[-1]
    least, most = (len(export_int8(own, pixels)) for own in (narrow_units(network, channels, narrowest), network))
    settings = ChannelConfig(0.5, "file_bytes", at_most=(least + most) / 2)
    made = remove_channels(network, examples(), settings, Budget(network, pixels, settings), allowed=1.0)
    assert least < len(export_int8(made, pixels)) <= settings.at_most < most


def test_what_is_within_its_budget_comes_back_whole(config: Config) -> None:
    network = known_network()
    made = prune_channels(network, examples(), config, ChannelConfig(0.5, "latency_ms", at_most=60_000.0))
    np.testing.assert_array_equal(predict(made, examples().pixels), predict(network, examples().pixels))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (ChannelConfig(0.01), "no width meets a budget of .* multiply adds: the narrowest network, its widths 8 "),
        (ChannelConfig(0.5, "file_bytes", at_most=1000.0), "no width meets a budget of 1,000 file bytes"),
    ],
)
def test_a_budget_that_no_width_meets_is_said_before_training(
    config: Config, settings: ChannelConfig, said: str
) -> None:
    with pytest.raises(CompressError, match=said) as error:
        prune_channels(known_network(), examples(), config, settings)
    assert "\n" not in str(error.value)


def test_without_a_norm_there_is_no_scale_to_go_by() -> None:
    pixels = keras.Input((32, 32, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, name="bare")(pixels))
    network = keras.Model(pixels, keras.layers.Dense(2)(x))
    with pytest.raises(CompressError, match="group 'bare': no batch norm scales its channels; take another criterion"):
        importance(network, coupled_channels(network), examples(), "batch_norm_scale")


def test_taylor_needs_cells() -> None:
    network = known_network()
    with pytest.raises(CompressError, match="the train part is empty"):
        importance(network, coupled_channels(network), examples(0), "taylor")


def test_where_instructions_cannot_be_counted_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter needs an emulator, which is not on an empty path."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CompressError, match="instructions cannot be counted here: no qemu-aarch64") as error:
        Budget(known_network(), examples().pixels, ChannelConfig(0.5, "instructions_pi5"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "wrong", [{"keep": 0.0}, {"keep": 1.1}, {"at_most": -1.0}, {"steps": 0}, {"learning_rate": 0.0}, {"round_to": 0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ChannelConfig(**{"keep": 0.5} | wrong)
