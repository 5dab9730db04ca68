"""`python -m compress`: run, verify, crossval, errors, sweep, sensitivity, metadata, answers."""

from pathlib import Path
from typing import get_args

import click

from compress.channel_config import Criterion
from compress.recipe import DEFAULT_RECIPE, Recipe, read_recipe
from compress.recipe_names import SWEEP, recipe_named
from edge_runtime.findings.groups import read_groups
from edge_runtime.notice import RESEARCH_USE
from train.cli import C_NMC_MEASURED, data_option, groups_option, measured_option
from train.dataset import read_dataset

_PATH = click.Path(path_type=Path)
_DEFAULT_PROBE = Path(__file__).parent.parent / "samples" / "cell-02.png"

run_option = click.option(
    "--run", "folder", type=_PATH, default=Path("runs/default"), show_default=True, help="Folder of the training run."
)
probe_option = click.option(
    "--probe",
    type=_PATH,
    default=_DEFAULT_PROBE,
    show_default="samples/cell-02.png",
    help="Drawn PNG for the self-test.",
)
recipe_option = click.option(
    "--recipe", type=_PATH, default=DEFAULT_RECIPE, help="Settings; compress/default.toml when not given."
)
name_argument = click.argument("name", metavar="[RECIPE]", required=False)
crossval_option = click.option(
    "--crossval",
    "folder",
    type=_PATH,
    default=Path("runs/crossval"),
    show_default=True,
    help="Folder that train crossval wrote.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Make the trained network small and fast. Research use only; not a medical device."""


def _settings(recipe: Path, name: str | None) -> Recipe:
    """Those of the file, or what a name makes of them."""
    settings = read_recipe(recipe)
    return settings if name is None else recipe_named(name, settings)


@group.command()
@name_argument
@data_option
@groups_option
@run_option
@recipe_option
@probe_option
@measured_option
@click.option("--out", type=_PATH, default=Path("runs/default.tflite"), show_default=True, help="Bundle to write.")
def run(
    name: str | None, data: Path, groups: Path, folder: Path, recipe: Path, probe: Path, measured: Path, out: Path
) -> None:
    """Compress a run as RECIPE says, verify it against the float network, write the bundle.

    RECIPE is a name such as ptq8, sp75_pqat8 or ch50_qat8 on top of the settings, which count alone without it.
    """
    from compress.compress import compress
    from compress.size import size_table
    from compress.verify import parity_text
    from train.data import load_data
    from train.run import read_run
    from train.split import Split

    settings = _settings(recipe, name)
    finished, known = read_run(folder), read_groups(groups)
    cells = load_data(read_dataset(data), finished.config, known, Split(finished.part_of))
    made = compress(folder, finished, cells, settings, probe, out, measured=measured, groups=known)
    click.echo(size_table(made.sizes))
    click.echo(parity_text(made.parity))
    click.echo(f"wrote {out} ({out.stat().st_size:,} bytes)")


@group.command()
@click.argument("model", type=_PATH)
@data_option
@groups_option
@run_option
@recipe_option
def verify(model: Path, data: Path, groups: Path, folder: Path, recipe: Path) -> None:
    """Compare a bundle, run as a device runs it, with the float network of its run on every report cell."""
    from compress.errors import CompressError
    from compress.verify import check, parity_text, verify_bundle
    from edge_runtime.classifier import Classifier
    from train.run import read_run

    settings = read_recipe(recipe)
    parity = verify_bundle(
        Classifier.from_file(model), folder, read_run(folder), read_dataset(data), read_groups(groups)
    )
    click.echo(parity_text(parity))
    try:
        check(parity, settings.tolerance)
    except CompressError as error:
        raise CompressError(f"{model}: {error}; make it again with a recipe that loses less") from None
    click.echo(f"{model}: passed")


@group.command()
@name_argument
@data_option
@groups_option
@crossval_option
@recipe_option
@probe_option
@click.option(
    "--out", type=_PATH, default=C_NMC_MEASURED, show_default="train/measured/c-nmc.csv", help="Answers to write."
)
def crossval(name: str | None, data: Path, groups: Path, folder: Path, recipe: Path, probe: Path, out: Path) -> None:
    """Compress the network of each fold as RECIPE says and let it answer, as a device does, the people it never saw."""
    from compress.crossval import compress_folds, parity_out_of_fold
    from compress.verify import parity_text
    from train.measured import write_measured

    dataset = read_dataset(data)
    measured = compress_folds(folder, dataset, read_groups(groups), _settings(recipe, name), probe)
    write_measured(out, measured, dataset)
    click.echo(parity_text(parity_out_of_fold(measured)))
    click.echo(f"wrote {out}")


@group.command()
@click.argument("model", type=_PATH)
@data_option
@groups_option
@run_option
@click.option("--cells", type=click.IntRange(1), default=64, show_default=True, help="Spread over those judged on.")
@click.option("--out", type=_PATH, help="Write the table to this CSV too.")
def errors(model: Path, data: Path, groups: Path, folder: Path, cells: int, out: Path | None) -> None:
    """Say how exact each layer of the int8 bundle MODEL is, against the same weights in float, on held cells.

    The cells are of the run's report part, or of everyone where it has learnt from everyone.
    """
    from compress.layer_errors import errors_table, layer_errors, worst_text
    from compress.twin import read_twin
    from compress.verify import held_pixels
    from edge_runtime.bundle import read_bundle
    from train.files import write_whole

    bundle = read_bundle(model)
    twin = read_twin(folder, bundle)
    pixels = held_pixels(bundle.contract, read_dataset(data), read_groups(groups), count=cells)
    found = layer_errors(bundle.model, twin, bundle.contract.input, pixels)
    click.echo(errors_table(found).markdown())
    click.echo(f"{len(pixels)} cells: {worst_text(found)}")
    click.echo(RESEARCH_USE)
    if out is not None:
        write_whole(out, errors_table(found).csv().encode())


@group.command()
@click.argument("names", metavar="[RECIPE]...", nargs=-1)
@data_option
@groups_option
@crossval_option
@click.option("--run", "run_folder", type=_PATH, help="Judge on the select part of this run instead of out of fold.")
@click.option(
    "--fold", "numbers", type=int, multiple=True, help="This fold alone; may be repeated. All when not given."
)
@recipe_option
@probe_option
@click.option("--out", type=_PATH, default=Path("runs/sweep"), show_default=True, help="Folder of the sweep.")
def sweep(
    names: tuple[str, ...],
    data: Path,
    groups: Path,
    folder: Path,
    run_folder: Path | None,
    numbers: tuple[int, ...],
    recipe: Path,
    probe: Path,
    out: Path,
) -> None:
    """Follow each RECIPE on the networks of a cross-validation and compare what comes of them; goes on when stopped.

    RECIPE is a name such as ptq8, sp75_pqat8 or ch50_qat8; without any, a choice of all kinds.
    """
    from compress.folds import choose_folds, read_folds, read_selecting
    from compress.sweep import sweep as run_sweep
    from compress.sweep_report import NAME, sweep_table, write_sweep

    if run_folder is not None and numbers:
        raise click.UsageError("--fold goes with --crossval, not with --run.")
    base = read_recipe(recipe)
    recipes = [recipe_named(name, base) for name in names or SWEEP]
    dataset, known = read_dataset(data), read_groups(groups)
    if run_folder is None:
        folds = choose_folds(read_folds(folder, dataset, known), numbers)
    else:
        folds = [read_selecting(run_folder, dataset, known)]
    swept = run_sweep(folds, recipes, probe, out, on_recipe=lambda so_far: write_sweep(out, so_far, folds))
    for name, reason in swept.failed.items():
        click.echo(f"{name}: left out: {reason}", err=True)
    if swept.rows:
        click.echo(sweep_table(swept.rows).markdown())
        click.echo(RESEARCH_USE)
        click.echo(f"wrote {out / NAME}.md, .csv and .png")


@group.command()
@data_option
@groups_option
@run_option
@click.option(
    "--criterion",
    type=click.Choice(get_args(Criterion)),
    default="taylor",
    show_default=True,
    help="What makes a channel important.",
)
@click.option("--cells", type=click.IntRange(2), default=1000, show_default=True, help="Train cells, spread evenly.")
def sensitivity(data: Path, groups: Path, folder: Path, criterion: Criterion, cells: int) -> None:
    """Show what each group of channels is worth: remove a share of one at a time, and train nothing."""
    from compress.folds import check_cells
    from compress.sensitivity import sensitivities, sensitivity_table
    from train.data import load_data
    from train.run import load_network, read_run
    from train.split import Split

    finished, known = read_run(folder), read_groups(groups)
    own = load_data(read_dataset(data), finished.config, known, Split(finished.part_of))
    check_cells(folder, finished, own)
    few = own.examples(finished.config).thinned(cells)
    click.echo(sensitivity_table(list(sensitivities(load_network(folder), few, criterion=criterion))))
    click.echo(RESEARCH_USE)


@group.command()
@click.argument("source", type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Bundle to write.")
def metadata(source: Path, out: Path) -> None:
    """Copy the bundle SOURCE with the standard TFLite metadata in it; `run` writes it by itself."""
    from compress.errors import CompressError
    from compress.metadata import add_metadata

    try:
        add_metadata(source, out)
    except OSError as error:
        raise CompressError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    click.echo(f"wrote {out} ({out.stat().st_size:,} bytes)")


@group.command()
@run_option
@click.option("--model", type=_PATH, help="Answer by the quantization-aware network of this bundle, not the float one.")
@click.option("--pictures", type=_PATH, required=True, help="File with a path a line.")
@click.option("--out", type=_PATH, required=True, help="JSON to write.")
def answers(folder: Path, model: Path | None, pictures: Path, out: Path) -> None:
    """Write what a network of a run answers before export; `python -m benchmarks parity --run` asks for it."""
    from compress.answers import write_answers
    from edge_runtime.bundle import read_bundle

    write_answers(folder, pictures, out, of=None if model is None else read_bundle(model))
    click.echo(f"wrote {out}")
