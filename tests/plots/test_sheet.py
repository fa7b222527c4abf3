from __future__ import annotations

import pytest

from metabone.errors import UsageError
from metabone.plots.sheet import Sheet, densest, look
from metabone.plots.sizing import MARGIN, too_narrow
from metabone.plots.spec import Tick
from metabone.plots.text import width


def sheet(room: float) -> Sheet:
    style, face = look(None)
    return Sheet(style, face, room)


@pytest.mark.parametrize(("room", "one_line"), [(120.0, False), (200.0, False), (600.0, True)])
def test_a_legend_runs_over_no_margin(room: float, one_line: bool) -> None:
    words = ["benefit", "harm", "no change", "several words that take more than one line"]
    made = sheet(room)
    places: list[tuple[float, float]] = []

    def paint(x: float, middle: float) -> None:
        places.append((x, middle))

    made.legend([(text, paint) for text in words], gap=1.0, step=1.2)
    laid = made.finished("Legend", "")
    assert places == sorted(places, key=lambda place: (place[1], place[0]))
    assert (len(places), len({y for _, y in places}) == 1) == (len(words), one_line)
    assert " ".join(run.text for run in laid.texts) == " ".join(words)
    for run in laid.texts:
        assert run.x + width(run.text, run.face) <= room - MARGIN + 0.01


def test_nothing_is_set_for_what_is_not_there() -> None:
    made = sheet(200.0)
    made.head("", None)
    assert (made.y, made.canvas.texts) == (MARGIN, [])


def test_the_densest_ticks_that_stand_apart() -> None:
    sets = [tuple(Tick(i / n, "") for i in range(n + 1)) for n in (8, 4, 2)]
    assert densest(sets, lambda at: 100 - 100 * at, 20.0) == sets[1]
    assert densest(sets, lambda at: at, 20.0) == sets[2]


def test_the_width_that_is_named_is_rounded_up() -> None:
    assert str(too_narrow(72.0, "this: it takes", 72.1, "; or not")) == (
        "width 25.4 mm is too narrow for this: it takes at least 26 mm; or not"
    )
    with pytest.raises(UsageError, match="No Such Font"):
        look("No Such Font")
