"""Names in order, whatever they are and however many."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.sources import sorted_names
from edge_runtime.sources.folder import find_pictures
from edge_runtime.sources.sorted_names import SortedNames

# What a folder can hold: any bytes but `/` and zero.
file_names = st.binary(min_size=1, max_size=12).filter(lambda name: not set(name) & {0, 0x2F}).map(os.fsdecode)


@settings(deadline=None, max_examples=50)
@given(names=st.lists(file_names, max_size=60), most=st.integers(1, 70))
def test_names_come_in_the_order_of_python(names: list[str], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_names, "MOST_IN_MEMORY", most)
        patch.setattr(sorted_names, "_BLOCK_BYTES", 7)  # so that names lie across blocks
        names_in_order = SortedNames()
        for name in names:
            names_in_order.add(name)
        assert list(names_in_order) == sorted(names)


def test_a_large_folder_is_sorted_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_names, "MOST_IN_MEMORY", 10)
    for i in range(95):
        (tmp_path / f"{i * 37 % 95}.png").touch()
    open_before = len(os.listdir("/proc/self/fd"))
    found = [os.path.basename(path) for path in find_pictures(str(tmp_path))]
    assert found == sorted(f"{i}.png" for i in range(95))
    assert len(os.listdir("/proc/self/fd")) == open_before
