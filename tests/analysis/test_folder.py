"""A result folder is there whole or not at all, and nothing of the user's is ever lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from metabone.analysis.folder import check_folder, whole_folder
from metabone.errors import FileWriteError


def fill(folder: Path, text: str = "new") -> None:
    (folder / "tables").mkdir()
    (folder / "tables" / "a.csv").write_text(text, encoding="utf-8")
    record = {"metabone_version": "0", "outputs": {"tables/a.csv": "hash"}}
    (folder / "provenance.json").write_text(json.dumps(record), encoding="utf-8")


def make(out: Path, text: str = "new", *, force: bool = False) -> None:
    with whole_folder(out, force=force) as folder:
        fill(folder, text)


def fail(out: Path, *, force: bool) -> None:
    with whole_folder(out, force=force) as folder:
        fill(folder)
        raise KeyError("half way")


def lose_the_race(out: Path) -> None:
    with whole_folder(out, force=False) as folder:
        fill(folder, "second")
        out.mkdir()
        fill(out, "first")


def siblings(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir())


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "er" / "out"
    with whole_folder(out, force=False) as folder:
        fill(folder)
        assert not out.exists()
    assert (out / "tables" / "a.csv").read_text(encoding="utf-8") == "new"
    assert siblings(out) == ["out"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyError):
        fail(out, force=False)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_old_results(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")
    with pytest.raises(KeyError):
        fail(out, force=True)
    assert (out / "tables" / "a.csv").read_text(encoding="utf-8") == "old"
    assert siblings(out) == ["out"]


def test_old_results_are_replaced_only_with_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")
    with pytest.raises(FileWriteError, match="holds results; use --force"):
        make(out)
    make(out, force=True)
    assert (out / "tables" / "a.csv").read_text(encoding="utf-8") == "new"
    assert siblings(out) == ["out"]


def test_a_folder_of_the_user_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(FileWriteError, match="holds no results of metabone"):
        make(out, force=True)
    (out / "provenance.json").write_text('{"name": "of something else"}', encoding="utf-8")
    with pytest.raises(FileWriteError, match="holds no results of metabone"):
        make(out, force=True)
    assert (out / "chapter.docx").read_text(encoding="utf-8") == "years of work"


def test_a_file_that_was_added_to_the_results_is_not_lost(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")
    (out / "tables" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileWriteError, match=r"also holds tables/notes.txt"):
        make(out, force=True)
    (out / "tables" / "notes.txt").rename(tmp_path / "notes.txt")
    (out / ".DS_Store").write_text("litter", encoding="utf-8")
    make(out, force=True)
    assert (out / "tables" / "a.csv").read_text(encoding="utf-8") == "new"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make(tmp_path / "out")
    assert siblings(tmp_path / "out") == ["out"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("file", encoding="utf-8")
    with pytest.raises(FileWriteError, match="is a file; give the name of a folder"):
        make(tmp_path / "out", force=True)


def test_a_file_in_the_way_further_up_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("file", encoding="utf-8")
    with pytest.raises(FileWriteError, match="cannot be written"):
        make(tmp_path / "a" / "out")


def test_the_root_is_refused() -> None:
    with pytest.raises(FileWriteError):
        check_folder(Path("/"), force=True)


def test_a_race_for_one_folder_has_one_winner(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(FileWriteError, match="holds results; use --force"):
        lose_the_race(out)
    assert (out / "tables" / "a.csv").read_text(encoding="utf-8") == "first"
    assert siblings(out) == ["out"]


def finished_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dead, alive = finished_process(), os.getppid()
    for name in (f".out.metabone-part-{dead}", f".out.metabone-part-{alive}",
                 f".other.metabone-part-{dead}", ".out.metabone-part-x"):  # fmt: skip
        (tmp_path / name).mkdir()
    make(out)
    assert siblings(out) == sorted(
        [f".out.metabone-part-{alive}", f".other.metabone-part-{dead}", ".out.metabone-part-x",
         "out"]
    )  # fmt: skip


def test_results_that_a_killed_run_had_set_aside_come_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")
    out.rename(tmp_path / f".out.metabone-old-{finished_process()}")
    with pytest.raises(KeyError):
        fail(out, force=True)
    assert (out / "tables" / "a.csv").read_text(encoding="utf-8") == "old"


def test_a_killed_run_leaves_no_folder_under_the_name(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from metabone.analysis.folder import whole_folder\n"
        "with whole_folder(Path('out'), force=False) as folder:\n"
        "    (folder / 'half.csv').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert run.returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.iterdir()]
    assert len(left) == 1
    assert left[0].startswith(".out.metabone-part-")
    make(tmp_path / "out")
    assert siblings(tmp_path / "out") == ["out"]
