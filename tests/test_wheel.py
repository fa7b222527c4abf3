"""A wheel built from the tree works elsewhere: in another environment, from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment that knows nothing of the checkout."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT,
        cwd=folder)  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; its libraries are those of this one.

    They are borrowed by a path file, so that the test needs no network. A path file does not
    follow the path files of the folder that it names, so that the checkout itself, which is
    installed there as editable, stays out of sight.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", "--disable-pip-version-check", wheel, cwd=folder)  # fmt: skip
    place = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    borrowed = Path(place.stdout.strip()) / "borrowed.pth"
    borrowed.write_text("\n".join(sorted(here)) + "\n", encoding="utf-8")
    return python.parent


def test_the_wheel_ships_data_and_analyses_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "metabone/_shipped/datasets/unloading/data.csv" in names
    assert "metabone/_shipped/analyses/unloading.toml" in names
    assert "metabone/py.typed" in names
    assert any(name.startswith("metabone/vocabulary/") and name.endswith(".toml") for name in names)
    calculator = "metabone/planning/calculator"
    for name in ("vendor/micropython.wasm", "vendor/micropython.mjs", "vendor/LICENSE",
                 "worker.js", "desk.js", "web/page.html", "web/style.css"):  # fmt: skip
        assert f"{calculator}/{name}" in names
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2
    assert "metabone" in tops
    assert not [name for name in names if "/tests/" in name or name.endswith(".pyc")]


def test_it_is_the_installed_one_that_runs(elsewhere: Path, tmp_path: Path) -> None:
    done = run(elsewhere / "python", "-c", "import metabone; print(metabone.__file__)",
               cwd=tmp_path)  # fmt: skip
    assert Path(done.stdout.strip()).is_relative_to(elsewhere.parent)


def test_it_finds_its_data_sets(elsewhere: Path, tmp_path: Path) -> None:
    done = run(elsewhere / "metabone", "datasets", cwd=tmp_path)
    folders = {path.parent.name for path in (ROOT / "datasets").glob("*/datapackage.json")}
    assert {"unloading", "anabolic", "exosome-osteoporosis", "exosome-synthetic"} <= folders
    for name in folders:
        assert name in done.stdout


def test_it_runs_the_demo_analysis(elsewhere: Path, tmp_path: Path) -> None:
    done = run(elsewhere / "metabone", "run", "anabolic", "-o", "out", cwd=tmp_path)
    assert "Bone-forming treatments" in done.stdout
    record = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert record["inputs"][0]["rows"] == 85
    for name in ("summary.md", "tables/pooled.csv", "figures/forest-tb-n.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 0
