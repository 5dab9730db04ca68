"""`python -m benchmarks`: report."""

from pathlib import Path

import click

from benchmarks.table import ReportError, markdown_of, read_report

_PATH = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Report what `pytest benchmarks` measured."""


@group.command()
@click.argument("file", type=_PATH)
@click.option("--out", type=_PATH, help="Write the table to this file too.")
def report(file: Path, out: Path | None) -> None:
    """Print FILE, made with --benchmark-json, as a Markdown table."""
    try:
        table = markdown_of(read_report(file))
        if out is not None:
            out.write_text(f"{table}\n", encoding="utf-8")
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    click.echo(table)


if __name__ == "__main__":
    group(prog_name="python -m benchmarks")
