"""Pictures sorted by label: nothing lost, nothing replaced, and the same when done again."""

import os
from pathlib import Path

import pytest

from edge_runtime.errors import OutputError
from edge_runtime.findings.sorter import Sorter
from edge_runtime.row import Row
from edge_runtime.sources.address import shown


def row(path: Path | str, label: str | None = "all", status: str = "ok", frame: int | None = None) -> Row:
    probabilities = {"all": 0.9, "hem": 0.1} if label else {}
    return Row(shown(os.fspath(path)), frame, None, 0, None, label, probabilities, status, "")  # type: ignore[arg-type]


def filed(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Pictures of the same names in two folders."""
    for folder in ("a", "b"):
        (tmp_path / "cells" / folder).mkdir(parents=True)
        for name in ("1.png", "2.png"):
            (tmp_path / "cells" / folder / name).write_text(f"{folder}/{name}")
    return tmp_path / "cells"


def file_all(cells: Path, target: Path) -> None:
    sorter = Sorter(target)
    sorter.add(row(cells / "a" / "1.png"))
    sorter.add(row(cells / "b" / "1.png"))
    sorter.add(row(cells / "a" / "2.png", "hem"))
    sorter.add(row(cells / "b" / "2.png", "hem", "uncertain"))


def test_each_label_has_a_folder_and_equal_names_stay_apart(cells: Path, tmp_path: Path) -> None:
    file_all(cells, tmp_path / "sorted")
    files = filed(tmp_path / "sorted")
    assert sorted(os.path.dirname(name) for name in files) == ["all", "all", "hem", "uncertain"]
    assert sorted(content.decode() for content in files.values()) == ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]
    assert os.path.samefile(cells / "a" / "1.png", tmp_path / "sorted" / "all" / "1.png")


@pytest.mark.parametrize("links", [True, False])
def test_sorting_again_changes_nothing(
    cells: Path, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:

        def refuse(source: str, target: str) -> None:
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(os, "link", refuse)  # as on a FAT stick
    file_all(cells, tmp_path / "sorted")
    before = filed(tmp_path / "sorted")
    file_all(cells, tmp_path / "sorted")
    assert filed(tmp_path / "sorted") == before and len(before) == 4


def test_what_was_there_stays(cells: Path, tmp_path: Path) -> None:
    (tmp_path / "sorted" / "all").mkdir(parents=True)
    (tmp_path / "sorted" / "all" / "1.png").write_text("mine")
    file_all(cells, tmp_path / "sorted")
    assert (tmp_path / "sorted" / "all" / "1.png").read_text() == "mine"
    assert len(filed(tmp_path / "sorted")) == 5


def test_names_that_are_not_utf8_are_sorted_too(tmp_path: Path) -> None:
    source = os.fsencode(tmp_path) + b'/\xff,\n".png'
    Path(os.fsdecode(source)).write_bytes(b"x")
    Sorter(tmp_path / "sorted").add(row(os.fsdecode(source)))
    assert os.listdir(os.fsencode(tmp_path / "sorted" / "all")) == [b'\xff,\n".png']


def test_links_are_followed_and_pictures_that_are_gone_are_counted(cells: Path, tmp_path: Path) -> None:
    (cells / "link.png").symlink_to(cells / "a" / "1.png")
    (cells / "loop.png").symlink_to(cells / "loop.png")
    sorter = Sorter(tmp_path / "sorted")
    sorter.add(row(cells / "link.png"))
    sorter.add(row(cells / "loop.png", None, "error"))
    sorter.add(row(cells / "gone.png", None, "error"))
    assert (sorter.missing, sorter.missing_path) == (2, str(cells / "loop.png"))
    assert filed(tmp_path / "sorted") == {"all/link.png": b"a/1.png"}
    assert not (tmp_path / "sorted" / "all" / "link.png").is_symlink()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Sorter(tmp_path / "file" / "sorted")
