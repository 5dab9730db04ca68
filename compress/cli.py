"""`python -m compress`: run, verify, crossval, metadata, answers."""

from pathlib import Path

import click

from compress.recipe import DEFAULT_RECIPE
from train.cli import C_NMC_MEASURED, data_option, groups_option, measured_option

_PATH = click.Path(path_type=Path)
_DEFAULT_PROBE = Path("samples/cell-02.png")

run_option = click.option(
    "--run", "folder", type=_PATH, default=Path("runs/default"), show_default=True, help="Folder of the training run."
)
probe_option = click.option(
    "--probe", type=_PATH, default=_DEFAULT_PROBE, show_default=True, help="Drawn PNG for the self-test."
)
recipe_option = click.option(
    "--recipe", type=_PATH, default=DEFAULT_RECIPE, help="Settings; compress/default.toml when not given."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Make the trained network small and fast. Research use only; not a medical device."""


@group.command()
@data_option
@groups_option
@run_option
@recipe_option
@probe_option
@measured_option
@click.option("--out", type=_PATH, default=Path("runs/default.tflite"), show_default=True, help="Bundle to write.")
def run(data: Path, groups: Path, folder: Path, recipe: Path, probe: Path, measured: Path, out: Path) -> None:
    """Prune, train quantization-aware, export, verify against the float network, write the bundle."""
    from compress.compress import compress
    from compress.recipe import read_recipe
    from compress.size import size_table
    from compress.verify import parity_text
    from edge_runtime.findings.groups import read_groups
    from train.data import load_data
    from train.dataset import read_dataset
    from train.run import read_run
    from train.split import Split

    settings, finished, known = read_recipe(recipe), read_run(folder), read_groups(groups)
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
    from compress.recipe import read_recipe
    from compress.verify import check, parity_text, verify_bundle
    from edge_runtime.classifier import Classifier
    from edge_runtime.findings.groups import read_groups
    from train.dataset import read_dataset
    from train.run import read_run

    settings = read_recipe(recipe)
    parity = verify_bundle(
        Classifier.from_file(model), folder, read_run(folder), read_dataset(data), read_groups(groups)
    )
    click.echo(parity_text(parity))
    check(parity, settings.tolerance)
    click.echo(f"{model}: passed")


@group.command()
@data_option
@groups_option
@click.option(
    "--crossval",
    "folder",
    type=_PATH,
    default=Path("runs/crossval"),
    show_default=True,
    help="Folder that train crossval wrote.",
)
@recipe_option
@probe_option
@click.option(
    "--out", type=_PATH, default=C_NMC_MEASURED, show_default="train/measured/c-nmc.csv", help="Answers to write."
)
def crossval(data: Path, groups: Path, folder: Path, recipe: Path, probe: Path, out: Path) -> None:
    """Compress the network of each fold and let it answer, as a device does, the people it never saw."""
    from compress.crossval import compress_folds, parity_out_of_fold
    from compress.recipe import read_recipe
    from compress.verify import parity_text
    from edge_runtime.findings.groups import read_groups
    from train.dataset import read_dataset
    from train.measured import write_measured

    dataset = read_dataset(data)
    measured = compress_folds(folder, dataset, read_groups(groups), read_recipe(recipe), probe)
    write_measured(out, measured, dataset)
    click.echo(parity_text(parity_out_of_fold(measured)))
    click.echo(f"wrote {out}")


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
@click.option("--network", type=click.Choice(["float", "quantised"]), default="float", show_default=True)
@click.option("--pictures", type=_PATH, required=True, help="File with a path a line.")
@click.option("--out", type=_PATH, required=True, help="JSON to write.")
def answers(folder: Path, network: str, pictures: Path, out: Path) -> None:
    """Write what a network of a run answers before export; `python -m benchmarks parity --run` asks for it."""
    from compress.answers import write_answers

    write_answers(folder, pictures, out, quantised=network == "quantised")
    click.echo(f"wrote {out}")
