"""`python -m train`: audit, fit, evaluate, teach, crossval, ablate, tune."""

import logging
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click
from click.core import ParameterSource

from edge_runtime.errors import EdgeClassifyError
from edge_runtime.findings.groups import read_groups
from train.config import DEFAULT_CONFIG, read_config
from train.dataset import read_dataset
from train.errors import TrainError
from train.groups import C_NMC_GROUPS
from train.progress import StepBar
from train.space import DEFAULT_SPACE, OBJECTIVES
from train.variants import DEFAULT_VARIANTS

_PATH = click.Path(path_type=Path)


def _there(read: Callable[[Path], object]) -> Callable[[click.Context, click.Parameter, Path], Path]:
    """A check of an option: what `read` says of a path where nothing is, said before seconds of TensorFlow's start."""

    def check(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
        if not path.exists():
            read(path)
        return path

    return check


C_NMC_TEACHING = Path(__file__).parent / "teaching" / "c-nmc.csv"
C_NMC_TEACHING_EVERYONE = Path(__file__).parent / "teaching" / "c-nmc-everyone.csv"
C_NMC_MEASURED = Path(__file__).parent / "measured" / "c-nmc.csv"

DATA_VARIABLE = "EDGE_CLASSIFY_DATA"
WEIGHTS_VARIABLE = "EDGE_CLASSIFY_WEIGHTS"
STORAGE_VARIABLE = "EDGE_CLASSIFY_STORAGE"

data_option = click.option(
    "--data",
    type=_PATH,
    default=lambda: Path(os.environ.get(DATA_VARIABLE, "../shared/data")) / "c-nmc",
    callback=_there(read_dataset),
    help=f"C-NMC folder, or a CSV with path,subject,label; c-nmc in ${DATA_VARIABLE} when not given.",
)
groups_option = click.option(
    "--groups",
    type=_PATH,
    default=C_NMC_GROUPS,
    callback=_there(read_groups),
    help="subject,group CSV, as audit writes it; C-NMC's when not given.",
)
config_option = click.option(
    "--config",
    type=_PATH,
    default=DEFAULT_CONFIG,
    callback=_there(read_config),
    help="Settings; train/default.toml when not given.",
)
weights_option = click.option(
    "--weights",
    type=_PATH,
    default=lambda: Path(os.environ.get(WEIGHTS_VARIABLE, "../shared/weights")),
    help=f"Folder of the pretrained file that the settings name; ${WEIGHTS_VARIABLE} when not given.",
)

everyone_option = click.option(
    "--everyone",
    is_flag=True,
    help="Learn from all subjects; nobody is left to judge by, so crossval and compress crossval judge the recipe.",
)
measured_option = click.option(
    "--measured",
    type=_PATH,
    default=C_NMC_MEASURED,
    show_default="train/measured/c-nmc.csv",
    help="What compress crossval wrote: the scores of a model that learnt from everyone.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Fit and evaluate the network. Research use only; not a medical device."""


@group.command()
@click.argument("data", type=_PATH)
@click.option("--groups", type=_PATH, help="Write the subject groups found to this subject,group CSV.")
def audit(data: Path, groups: Path | None) -> None:
    """Look a data set over: layout, names, counts, unreadable pictures, cells that stand under several subjects."""
    from train.audit import audit_dataset, describe
    from train.groups import write_groups

    found = audit_dataset(read_dataset(data))
    click.echo(describe(found))
    if groups is not None:
        write_groups(groups, found.groups)
        click.echo(f"wrote {groups}")
    if found.unreadable:
        sys.exit(3)


@group.command()
@data_option
@groups_option
@config_option
@click.option("--run", "folder", type=_PATH, default=Path("runs/default"), show_default=True, help="Folder of the run.")
@weights_option
@click.option(
    "--out-of-fold",
    type=_PATH,
    help="predictions.csv of crossval with the same settings; fits operating point and abstain band to them.",
)
@click.option(
    "--teaching",
    type=_PATH,
    help="What teach wrote, of everyone with --everyone; read where distillation.weight is over 0. "
    "C-NMC's, in train/teaching, when not given.",
)
@click.option(
    "--strategy",
    type=click.Choice(["none", "mirrored", "multiworker"]),
    default="none",
    show_default=True,
    help="One device; every GPU of this machine; or the machines that $TF_CONFIG names, the same command on each.",
)
@everyone_option
def fit(
    data: Path,
    groups: Path,
    config: Path,
    folder: Path,
    weights: Path,
    out_of_fold: Path | None,
    teaching: Path | None,
    strategy: str,
    everyone: bool,
) -> None:
    """Fit the network; an interrupted run in the same folder goes on."""
    from train.data import load_data
    from train.fit import fit as run_fit
    from train.strategy import is_chief, make_strategy
    from train.teaching import read_teaching

    settings = read_config(config)
    if settings.decision.sensitivity and out_of_fold is None:
        raise TrainError(
            f"{config}: decision.sensitivity is fitted on people whom no network saw; give --out-of-fold, which "
            "`python -m train crossval` writes, or set it to 0"
        )
    shared = make_strategy(strategy)
    cells = load_data(read_dataset(data), settings, read_groups(groups), everyone=everyone)
    run_fit(
        cells,
        settings,
        folder,
        weights=weights,
        teaching=read_teaching(teaching or _c_nmc_teaching(everyone), cells) if settings.distillation.weight else None,
        out_of_fold=out_of_fold,
        strategy=shared,
        on_epoch=lambda row: click.echo(_epoch_text(row)),
        on_step=StepBar(),
    )
    if is_chief(shared):
        click.echo(f"wrote {folder}")


def _c_nmc_teaching(everyone: bool) -> Path:
    return C_NMC_TEACHING_EVERYONE if everyone else C_NMC_TEACHING


def _epoch_text(row: dict[str, float]) -> str:
    selected = f", AUROC on select {row['select_auroc']:.4f}" if "select_auroc" in row else ""
    return f"epoch {row['epoch']:.0f}: loss {row['loss']:.4f}{selected}, {row['seconds']:.0f} s"


@group.command()
@data_option
@groups_option
@config_option
@click.option("--out", type=_PATH, help="CSV to write; C-NMC's, in train/teaching, when not given.")
@weights_option
@everyone_option
@click.pass_context
def teach(
    context: click.Context, data: Path, groups: Path, config: Path, out: Path | None, weights: Path, everyone: bool
) -> None:
    """Ask the teacher about every cell to learn from; each answer by models that never saw its person."""
    if out is None and context.get_parameter_source("data") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--out is needed with --data: the file that is written without it is C-NMC's.")
    from train.data import load_data
    from train.files import writing
    from train.metrics import auroc
    from train.shallow import shallow_features
    from train.teaching import ask_teacher, write_teaching

    settings = read_config(config)
    cells = load_data(read_dataset(data), settings, read_groups(groups), everyone=everyone)
    out = out or _c_nmc_teaching(everyone)
    with writing(out.parent):  # before minutes of asking
        out.parent.mkdir(parents=True, exist_ok=True)
    features = shallow_features(cells.dataset.cells, weights, StepBar("looking at cells"))
    teaching = ask_teacher(cells, features, seed=settings.fit.seed)
    write_teaching(out, teaching, cells)
    reached = auroc(teaching.probabilities, cells.targets[teaching.cells])
    click.echo(f"{len(teaching.cells)} cells, AUROC of the teacher out of fold {reached:.4f}")
    click.echo(f"wrote {out}")


@group.command()
@data_option
@groups_option
@click.option("--run", "folder", type=_PATH, help="Judge the float network of this run.")
@click.option(
    "--model", type=_PATH, help="Judge this bundle, run as a device runs it; the default model when neither is given."
)
@measured_option
@click.option("--out", type=_PATH, default=Path("runs/report"), show_default=True, help="Folder of the report.")
def evaluate(data: Path, groups: Path, folder: Path | None, model: Path | None, measured: Path, out: Path) -> None:
    """Judge a model on subjects it never saw and write the report.

    A model that learnt from everyone is judged by what networks of its recipe answered out of fold.
    """
    from edge_runtime.classifier import DEFAULT_MODEL, Classifier
    from train.evaluate import judge_bundle, judge_run, scores_table, write_report
    from train.run import read_run

    if folder is not None and model is not None:
        raise click.UsageError("Give --run or --model, not both.")
    dataset, known = read_dataset(data), read_groups(groups)
    if folder is not None:
        judged = judge_run(folder, read_run(folder), dataset, known)
    else:
        judged = judge_bundle(Classifier.from_file(model or DEFAULT_MODEL), dataset, known, measured)
    click.echo(scores_table(write_report(judged, out)))
    click.echo(f"wrote {out}/report.md")


@group.command()
@data_option
@groups_option
@config_option
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Networks to fit.")
@click.option("--out", type=_PATH, default=Path("runs/crossval"), show_default=True, help="Folder of the folds.")
@weights_option
def crossval(data: Path, groups: Path, config: Path, folds: int, out: Path, weights: Path) -> None:
    """Fit a network a fold and judge every cell by one that never saw its subject; an interrupted run goes on."""
    from train.crossval import PREDICTIONS, crossvalidate
    from train.crossval_report import report_crossval
    from train.metrics import measure
    from train.tables import score_table

    settings = read_config(config)
    finished = crossvalidate(
        read_dataset(data),
        settings,
        read_groups(groups),
        out,
        folds=folds,
        weights=weights,
        on_epoch=lambda fold, row: click.echo(f"fold {fold} of {folds}, {_epoch_text(row)}", err=True),
        on_step=StepBar(),
    )
    report = out / "report.html"
    again = _typed("crossval", data=data, groups=groups, config=config, folds=folds, out=out, weights=weights)
    models = report_crossval(report, finished, settings, command=again)
    scores = {name: measure(own.probabilities, own.targets, own.groups) for name, own in models.items()}
    click.echo(score_table(scores).markdown())
    click.echo(f"wrote {out / PREDICTIONS} and {report}")


@group.command()
@data_option
@groups_option
@config_option
@click.option(
    "--variants", type=_PATH, default=DEFAULT_VARIANTS, help="What to change; train/ablations.toml when not given."
)
@click.option("--only", multiple=True, metavar="NAME", help="This variant alone, beside the base; may be repeated.")
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Networks to fit a variant.")
@click.option("--out", type=_PATH, default=Path("runs/ablation"), show_default=True, help="Folder of the variants.")
@weights_option
def ablate(
    data: Path, groups: Path, config: Path, variants: Path, only: tuple[str, ...], folds: int, out: Path, weights: Path
) -> None:
    """Cross-validate the settings and named variants of them; an interrupted run goes on."""
    from train.ablate import TABLE, table
    from train.ablate import ablate as run_ablation
    from train.variants import read_variants

    settings = read_config(config)
    rows = run_ablation(
        read_dataset(data),
        settings,
        read_variants(variants, settings),
        read_groups(groups),
        out,
        folds=folds,
        only=only,
        weights=weights,
        on_epoch=lambda name, fold, row: click.echo(f"{name}, fold {fold} of {folds}, {_epoch_text(row)}", err=True),
        on_step=StepBar(),
    )
    click.echo(table(rows).markdown())
    click.echo(f"wrote {out / TABLE}.md and {out / TABLE}.csv")


@group.command()
@data_option
@groups_option
@config_option
@click.option("--space", type=_PATH, default=DEFAULT_SPACE, help="What is varied; train/tune.toml when not given.")
@click.option("--trials", type=click.IntRange(1), default=30, show_default=True, help="Trials the study is to have.")
@click.option("--folds", type=click.IntRange(2), default=3, show_default=True, help="Networks to fit a trial.")
@click.option(
    "--objective",
    type=click.Choice(list(OBJECTIVES)),
    default="auroc",
    show_default=True,
    help="Score of the out-of-fold answers.",
)
@click.option("--out", type=_PATH, default=Path("runs/tune"), show_default=True, help="Folder of the results.")
@click.option(
    "--storage",
    envvar=STORAGE_VARIABLE,
    help=f"SQLAlchemy address that machines share; ${STORAGE_VARIABLE}, or an SQLite file in --out, when not given.",
)
@click.option("--study", help="Name of the study there; that of the settings when not given.")
@weights_option
def tune(
    data: Path,
    groups: Path,
    config: Path,
    space: Path,
    trials: int,
    folds: int,
    objective: str,
    out: Path,
    storage: str | None,
    study: str | None,
    weights: Path,
) -> None:
    """Search settings by cross-validation over the people outside the report part; an interrupted study goes on."""
    from train.space import read_space
    from train.tables import metric_name
    from train.tune import BEST, TRIALS, describe
    from train.tune import tune as run_tune

    settings = read_config(config)
    found = run_tune(
        read_dataset(data),
        settings,
        read_groups(groups),
        out,
        space=read_space(space, settings),
        trials=trials,
        folds=folds,
        objective=objective,
        storage=storage,
        name=study,
        weights=weights,
        on_trial=lambda trial: click.echo(describe(trial), err=True),
    )
    best, run, teaching = out / BEST, out / "best", out / "teaching.csv"
    given: dict[str, object] = {"data": data, "groups": groups}
    fitting = given | {"config": best, "weights": weights}
    taught: dict[str, object] = {"teaching": teaching} if found.config.distillation.weight else {}
    judging = [
        *([_typed("teach", **fitting, out=teaching)] if taught else []),
        _typed("fit", **fitting, **taught, run=run),
        _typed("evaluate", **given, run=run, out=out / "report"),
    ]
    click.echo(
        f"{metric_name(objective)} {found.value:.4f} out of fold on {found.searched} subject groups: "
        f"trial {found.trial}, the best of {found.trials}, so an optimistic number; the {found.held_out} groups of the "
        "report part were left out and can judge it:\n" + "\n".join(judging)
    )
    click.echo(f"wrote {out / BEST} and {out / TRIALS}")


def _typed(command: str, **options: object) -> str:
    """A command of this group as somebody types it."""
    typed = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return shlex.join(["python", "-m", "train", command, *typed])


def run_group(commands: click.Group, name: str) -> None:
    """Runs a command group; our own errors become one line and exit code 1."""
    # TensorFlow reads both when a command imports it. Its own log says nothing a user can act on; and our networks are
    # tf_keras's, while it would import Keras 3 too, for two seconds.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for room in ("train", "compress"):
        logging.getLogger(room).setLevel(logging.INFO)
    # It takes the network of each further fold for a function traced anew by mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        code = commands.main(prog_name=f"python -m {name}", standalone_mode=False)
    except EdgeClassifyError as error:
        click.echo(f"{name}: {error}", err=True)
        code = 1
    except OSError as error:
        click.echo(f"{name}: {error.filename or 'a file'}: {error.strerror or error}; check the disk", err=True)
        code = 1
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: interrupted; what was finished is kept", err=True)
        code = 130
    sys.exit(code or 0)
