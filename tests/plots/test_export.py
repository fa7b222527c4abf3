from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from metabone.errors import FileWriteError, UsageError
from metabone.plots.draw import SpecFigure
from metabone.plots.export import export, figure_format, render
from metabone.plots.forest import forest

SAMPLES = Path(__file__).with_name("samples.py")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def figure(samples: ModuleType) -> SpecFigure:
    return forest(samples.answer(9, name=samples.greek), width_mm=170)


def run(folder: Path, seed: str) -> None:
    folder.mkdir()
    env = os.environ | {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": seed, "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-W", "error", str(SAMPLES), str(folder)], check=True, env=env)


def test_svg_and_pdf_are_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """And no process that draws imports pyplot."""
    run(tmp_path / "a", "1")
    run(tmp_path / "b", "22")
    for name in ("forest.svg", "forest.pdf"):
        first, second = ((tmp_path / side / name).read_bytes() for side in "ab")
        assert len(first) > 10_000
        assert first == second


def test_no_date_is_written(figure: SpecFigure) -> None:
    for kind in ("svg", "pdf"):
        content = render(figure, kind)
        assert not re.search(rb"CreationDate|ModDate|dc:date|20\d\d-\d\d-\d\d", content)


def test_svg_can_be_read_aloud(figure: SpecFigure) -> None:
    root = ET.fromstring(render(figure, "svg"))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title description"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "Bone volume fraction (BV/TV)"
    assert description is not None
    assert (description.text or "").startswith("Forest plot of BV/TV: 9 effects")
    assert root.get("width") == f"{170 / 25.4 * 72:.6f}".rstrip("0") + "pt"
    assert not list(root.iter(f"{SVG}text"))  # paths: the same on every machine


def test_svg_escapes_what_a_table_holds(samples: ModuleType) -> None:
    hostile = "<script>alert(1)</script> --> \x07\x1b ]]>"
    rows = [dict(row, outcome=hostile, study=f"{row['study']} {hostile}")
            for row in samples.rows_of(6)]  # fmt: skip
    content = render(forest(samples.answer(rows, by=())), "svg").decode()
    ET.fromstring(content)
    assert "<script" not in content


def test_pdf_embeds_truetype_fonts(figure: SpecFigure) -> None:
    with mpl.rc_context({"pdf.compression": 0}):
        content = render(figure, "pdf")
    assert content.startswith(b"%PDF-")
    assert b"/FontFile2" in content or b"/CIDFontType2" in content
    assert b"/Type3" not in content


@pytest.mark.parametrize("dpi", [150, 600])
def test_png_size(figure: SpecFigure, dpi: int) -> None:
    with Image.open(io.BytesIO(render(figure, "png", dpi=dpi))) as image:
        assert image.size[0] == round(170 / 25.4 * dpi)
        assert image.size[1] == round(figure.placed.height / 72 * dpi)
        assert image.info["dpi"] == pytest.approx((dpi, dpi), rel=1e-3)


@pytest.mark.parametrize(("width_mm", "dpi"), [(170, 300), (140, 600), (120.5, 1200)])
def test_tiff_is_what_journals_ask_for(
    figure: SpecFigure, tmp_path: Path, width_mm: float, dpi: int
) -> None:
    path = export(figure, tmp_path / "forest.tif", width_mm=width_mm, dpi=dpi)
    with Image.open(path) as image:
        assert image.format == "TIFF"
        assert image.info["compression"] == "tiff_lzw"
        assert image.tag_v2[259] == 5  # type: ignore[attr-defined]
        assert image.mode == "RGB"
        assert tuple(map(float, image.info["dpi"])) == (dpi, dpi)
        assert image.size[0] / dpi * 25.4 == pytest.approx(width_mm, abs=25.4 / dpi)
        assert min(image.getextrema()[0]) < 100  # type: ignore[arg-type]


def test_another_width_is_another_layout_and_not_a_smaller_picture(
    figure: SpecFigure, tmp_path: Path
) -> None:
    path = export(figure, tmp_path / "forest.svg", width_mm=210)
    root = ET.parse(path).getroot()
    assert float((root.get("width") or "").removesuffix("pt")) == pytest.approx(210 / 25.4 * 72)
    sizes = {run.face.size for run in figure.in_width(210).placed.texts}
    assert sizes == {run.face.size for run in figure.placed.texts}
    assert figure.placed.width_mm == pytest.approx(170)


def test_figures_of_others_are_scaled(tmp_path: Path) -> None:
    other = Figure(figsize=(4, 2))
    FigureCanvasAgg(other)
    with Image.open(export(other, tmp_path / "x.png", width_mm=50.8, dpi=100)) as image:
        assert image.size == (200, 100)
    assert tuple(other.get_size_inches()) == (4, 2)


def test_settings_of_the_user_neither_matter_nor_change(samples: ModuleType) -> None:
    result = samples.answer(6)
    expected = render(forest(result), "svg")
    mine = {"font.family": "serif", "font.size": 30, "svg.fonttype": "none", "savefig.dpi": 20,
            "figure.facecolor": "red", "lines.linewidth": 9, "savefig.bbox": "tight",
            "axes.unicode_minus": False, "text.parse_math": True}  # fmt: skip
    with mpl.rc_context(mine):  # type: ignore[arg-type]
        before = dict(mpl.rcParams)
        assert render(forest(result), "svg") == expected
        assert dict(mpl.rcParams) == before


def test_files_are_replaced_only_with_force(figure: SpecFigure, tmp_path: Path) -> None:
    path = tmp_path / "forest.png"
    path.write_text("mine")
    with pytest.raises(FileWriteError, match="exists; use --force"):
        export(figure, path)
    assert path.read_text() == "mine"
    export(figure, path, dpi=60, force=True)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [entry.name for entry in tmp_path.iterdir()] == ["forest.png"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("forest.jpg", {}, r"forest.jpg: a figure ends in one of svg, pdf, png, tif, tiff"),
        ("forest", {}, r"ends in one of svg"),
        ("forest.svgz", {}, r"did you mean .svg\?"),
        ("forest.png", {"dpi": 0}, r"dpi must be a positive number; got 0"),
        ("forest.png", {"dpi": 20_000}, r"at 20000 dpi the figure has 133858 × \d+ pixels"),
        ("forest.png", {"width_mm": -3}, r"width must be a positive number; got -3"),
        ("forest.png", {"width_mm": float("nan")}, r"width must be a positive number"),
        ("forest.svg", {"width_mm": 20}, r"width 20 mm is too narrow"),
    ],
)
def test_refusals(
    figure: SpecFigure, tmp_path: Path, name: str, options: dict[str, float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        export(figure, tmp_path / name, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_formats() -> None:
    found = [figure_format(f"x.{suffix}") for suffix in ("svg", "PDF", "png", "tif", "TIFF")]
    assert found == ["svg", "pdf", "png", "tiff", "tiff"]


@pytest.mark.parametrize(("dpi", "words"), [(1e6, "on each side"), (5000, "million in all")])
def test_more_pixels_than_a_machine_holds_are_refused(
    figure: SpecFigure, dpi: float, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        render(figure, "png", dpi=dpi)
