"""Nothing overlaps, nothing is cut: measured on the painted figure, not on what the layout says."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from numpy.typing import NDArray

from metabone.errors import UsageError
from metabone.plots.draw import SpecFigure, plain_settings
from metabone.plots.forest import forest
from metabone.plots.styles import STYLES


def boxes(figure: SpecFigure) -> tuple[NDArray[np.float64], list[str]]:
    """(n, 4) left, bottom, right, top in pixels of every text, and the texts."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    with plain_settings():
        renderer = canvas.get_renderer()
        texts = [artist for artist in figure.findobj(Text)
                 if isinstance(artist, Text) and artist.get_text() and artist.get_visible()
                 and artist.axes is not None and artist in artist.axes.texts]  # fmt: skip
        extents = [artist.get_window_extent(renderer).extents for artist in texts]
    return np.array(extents, dtype=float), [artist.get_text() for artist in texts]


def overlapping(box: NDArray[np.float64]) -> list[tuple[int, int]]:
    left, bottom, right, top = box.T
    meet = (
        (left[:, None] < right) & (left < right[:, None])
        & (bottom[:, None] < top) & (bottom < top[:, None])
    )  # fmt: skip
    first, second = np.nonzero(np.triu(meet, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def check(figure: SpecFigure) -> None:
    box, texts = boxes(figure)
    assert len(texts) == len(figure.placed.texts)
    pairs = [(texts[i], texts[j]) for i, j in overlapping(box)]
    assert not pairs
    width, height = figure.bbox.width, figure.bbox.height
    inside = (box[:, :2] >= 0).all(axis=1) & (box[:, 2] <= width) & (box[:, 3] <= height)
    assert [text for text, fine in zip(texts, inside, strict=True) if not fine] == []
    check_marks(figure, box, texts)


def check_marks(figure: SpecFigure, box: NDArray[np.float64], texts: list[str]) -> None:
    """No text runs into a square, a diamond or an arrow."""
    placed = figure.placed
    scale = figure.dpi / 72
    for shape in placed.shapes:
        xs, ys = np.array(shape.points).T * scale
        ys = figure.bbox.height - ys
        meets = (
            (box[:, 0] < xs.max()) & (box[:, 2] > xs.min())
            & (box[:, 1] < ys.max()) & (box[:, 3] > ys.min())
        )  # fmt: skip
        # The question mark of an unclear direction stands inside its sign.
        assert [texts[i] for i in np.nonzero(meets)[0] if texts[i] != "?"] == []


@pytest.mark.parametrize("names", ["plain", "long", "greek"])
@pytest.mark.parametrize("k", [3, 25, 70])
@pytest.mark.parametrize("style", STYLES)
def test_nothing_overlaps_or_is_cut(samples: ModuleType, style: str, k: int, names: str) -> None:
    check(forest(samples.answer(k, name=samples.NAMERS[names]), style=style))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("width_mm", [85, 110, 300])
def test_other_widths(samples: ModuleType, style: str, width_mm: float) -> None:
    result = samples.answer(14, name=samples.long)
    figure = forest(result, style=style, columns=["study", "effect"], width_mm=width_mm)
    assert figure.placed.width_mm == pytest.approx(width_mm)
    check(figure)


@pytest.mark.parametrize(
    "columns",
    [
        ["study"],
        ["plot", "study"],
        ["study", "comparison", "outcome", "species", "strain", "model", "site"],
        ["study", "dose", "timepoint", "duration", "n", "weight", "effect"],
        ["arms", "plot", "effect"],
        ["weight", "study", "effect", "plot", "n"],
    ],
)
@pytest.mark.parametrize("style", STYLES)
def test_columns_of_choice(samples: ModuleType, style: str, columns: list[str]) -> None:
    check(forest(samples.answer(9), style=style, columns=columns))


@pytest.mark.parametrize("measure", ["MD", "ROM", "VR", "CVR"])
@pytest.mark.parametrize("style", STYLES)
def test_measures(samples: ModuleType, style: str, measure: str) -> None:
    check(forest(samples.answer(12, measure=measure), style=style))


def test_extreme_effects(samples: ModuleType) -> None:
    rows = samples.rows_of(14)
    rows[3] |= {"mean_treated": 4000.0, "dispersion_treated": 1.0}
    rows[8] |= {"mean_treated": -4000.0, "dispersion_treated": 1.0}
    figure = forest(samples.answer(rows, by=(), model="univariate"))
    check(figure)
    heads = [shape for shape in figure.placed.shapes if len(shape.points) == 3]
    assert len(heads) == 2


@pytest.mark.parametrize("style", STYLES)
def test_clipped_axis_without_zero(samples: ModuleType, style: str) -> None:
    check(forest(samples.answer(12), style=style, xlim=(0.5, 0.9)))


def test_hostile_names(samples: ModuleType) -> None:
    words = ["中文研究 2020", "שלום 2019", "a\x00b\x1b[31m\nc", "مرحبا", "\u202eevil\u202c",
             "x" * 90, "🦴 bone", "<script>&amp;", "{0} %s %(a)s", "a_b^c$d$"]  # fmt: skip
    result = samples.answer(20, name=lambda i: words[i % len(words)])
    figure = forest(result, labels={"treated": "$T$ \x07", "control": "中文"}, title="$\\frac{1}{2")
    check(figure)
    shown = " ".join(run.text for run in figure.placed.texts)
    assert "a_b^c$d$" in shown.replace("\u00a0", " ")
    assert "a□b□[31m c" in shown.replace("\u00a0", " ")
    assert not any(ord(char) < 32 or 0x202A <= ord(char) <= 0x202E for char in shown)


def test_text_is_painted_as_it_stands(samples: ModuleType) -> None:
    figure = forest(samples.answer(6, name=samples.greek, by=()))
    for artist in figure.axes[0].texts:
        assert not artist.get_parse_math()
        assert not artist.get_usetex()


def test_too_narrow_is_refused_with_the_least_width(samples: ModuleType) -> None:
    result = samples.answer(9)
    with pytest.raises(UsageError, match=r"width 60 mm is too narrow .* at least \d+ mm") as e:
        forest(result, style="revman", width_mm=60)
    least = int(str(e.value).split("at least ")[1].split(" mm")[0])
    check(forest(result, style="revman", width_mm=least))
    with pytest.raises(UsageError, match="too narrow"):
        forest(result, style="revman", width_mm=least - 1)


def test_no_text_is_smaller_than_five_points(samples: ModuleType) -> None:
    figure = forest(samples.answer(9), columns=["study", "n", "effect", "weight"], width_mm=112)
    assert min(run.face.size for run in figure.placed.texts) >= 5 - 1e-9
    assert max(run.face.size for run in figure.placed.texts) < 9


def test_decimal_points_stand_under_one_another(samples: ModuleType) -> None:
    figure = forest(samples.answer(9, by=()), columns=["study", "effect"])
    box, texts = boxes(figure)
    last = [i for i, text in enumerate(texts) if re.fullmatch(r"−?[\d.]+\]", text)]
    ends = [box[i, 2] for i in last]
    assert len(ends) == 11  # nine effects, the overall one, the prediction interval
    assert max(ends) - min(ends) < 1.5  # pixels at 200 dpi


def test_height_grows_with_the_rows(samples: ModuleType) -> None:
    heights = [forest(samples.answer(k, by=())).placed.height for k in (10, 20, 30)]
    assert heights[2] - heights[1] == pytest.approx(
        heights[1] - heights[0], abs=25
    )  # footer lines come and go


def test_squares_have_areas_in_proportion_to_weight(samples: ModuleType) -> None:
    result = samples.answer(9, by=())
    figure = forest(result)
    color = STYLES["metabone"].palette.square
    sides = [shape.points[1][0] - shape.points[0][0] for shape in figure.placed.shapes
             if shape.fill == color]  # fmt: skip
    weights = [result.overall.weights[row] for row in result.effects.frame.index]
    ratio = np.array(sides) ** 2 / np.array(weights)
    assert ratio == pytest.approx(ratio[0])


@pytest.fixture(autouse=True)
def _no_pyplot() -> Any:
    yield
    import sys

    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
