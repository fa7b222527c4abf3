"""Cells and files: exact, whole, and harmless to whoever opens them."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import FileWriteError
from metabone.files import dump_json, frame_to_csv, safe_cell, write_whole


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("=", "'="), ("--", "'--"),
        ("+", "+"), ("-", "-"), ("-5.2", "-5.2"), ("+3e-4", "+3e-4"), ("a=1", "a=1"), ("", ""),
        ("Wnt/β-catenin", "Wnt/β-catenin"),
    ],
)  # fmt: skip
def test_text_is_no_formula(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (8.0, "8"), (0.1, "0.1"), (-3, "-3"), (np.float64(1e-300), "1e-300"), (1e16, "1e+16"),
        (True, "true"), (np.bool_(False), "false"), (None, ""), (np.nan, ""), (np.inf, "inf"),
    ],
)  # fmt: skip
def test_other_values(value: Any, cell: str) -> None:
    assert safe_cell(value) == cell


@given(st.floats(allow_nan=False))
def test_numbers_come_back_to_the_last_digit(value: float) -> None:
    assert float(safe_cell(value)) == value


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1)
)
def test_text_comes_back_and_starts_harmlessly(texts: list[str]) -> None:
    rows = list(
        csv.reader(io.StringIO(frame_to_csv(pd.DataFrame({"a": texts, "b": 1})), newline=""))
    )
    assert rows[0] == ["a", "b"]
    for text, (cell, _) in zip(texts, rows[1:], strict=True):
        assert cell.removeprefix("'") == text.removeprefix("'")
        if cell[:1] in ("=", "@", "\t", "\r"):
            pytest.fail(cell)


def test_blanks_of_every_kind_are_empty() -> None:
    frame = pd.DataFrame(
        {"=x": [None, "a"], "y": [np.nan, 1.5], "z": pd.array([None, 3], dtype="Int64")}
    )
    assert frame_to_csv(frame) == "'=x,y,z\n,,\na,1.5,3\n"


def test_json_knows_no_nan() -> None:
    assert dump_json({"a": np.array([1.5, np.nan])}) == '{\n  "a": [\n    1.5,\n    null\n  ]\n}\n'


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    write_whole(target, "one")
    with pytest.raises(FileWriteError, match="use --force"):
        write_whole(target, "two")
    assert target.read_text(encoding="utf-8") == "one"
    write_whole(target, b"two", force=True)
    assert target.read_text(encoding="utf-8") == "two"
    with pytest.raises(FileWriteError, match="does not exist"):
        write_whole(tmp_path / "no" / "a.csv", "x")
    with pytest.raises(FileWriteError, match="is a folder"):
        write_whole(tmp_path, "x", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_name_that_is_too_long_or_no_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileWriteError, match="cannot be written: File name too long"):
        write_whole(tmp_path / ("x" * 300), b"1")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileWriteError, match="is no regular file"):
        write_whole(pipe, b"1", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_the_longest_name_that_a_system_takes_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 251 + ".csv")
    assert write_whole(target, b"1").read_bytes() == b"1"


def test_a_link_stays_and_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old", encoding="utf-8")
    real.chmod(0o600)
    link.symlink_to(real)
    write_whole(link, "new", force=True)
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "new"
    assert real.stat().st_mode & 0o777 == 0o600
    dangling = tmp_path / "dangling.csv"
    dangling.symlink_to(tmp_path / "later.csv")
    write_whole(dangling, "1")
    assert (tmp_path / "later.csv").read_text(encoding="utf-8") == "1"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
