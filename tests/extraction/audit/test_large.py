"""Large tables of few studies have the answers of small ones."""

from __future__ import annotations

import numpy as np
import pytest

from metabone.extraction.audit import evidence, fitting
from metabone.extraction.audit.audit import audit
from metabone.extraction.audit.dispersion import dispersions
from metabone.extraction.audit.evidence import SAME_CONTROL, _same_control
from metabone.extraction.audit.sheet import Sheet
from metabone.extraction.audit.spread import read_spread
from metabone.extraction.reading import parse_table
from metabone.extraction.table import StudyTable

HEAD = (
    "study,outcome,unit,site,n_treated,mean_treated,dispersion_treated,"
    "n_control,mean_control,dispersion_control,dispersion_type,comparison"
)


def table(rows: int, studies: int, *, sem: int | None = None) -> StudyTable:
    """Rows of animals that differ by 20%; one study may print SEMs as SDs."""
    draw = np.random.default_rng(3)
    lines = [HEAD]
    for i in range(rows):
        n = int(draw.integers(5, 12))
        means = [20 * np.exp(draw.normal(0, 0.1)), 15 * np.exp(draw.normal(0, 0.1))]
        spread = [mean * 0.2 * np.sqrt(draw.chisquare(n - 1) / (n - 1)) for mean in means]
        if i % studies == sem:
            spread = [each / np.sqrt(n) for each in spread]
        lines.append(
            f"S{i % studies} 2001,BV/TV,%,femur,{n},{means[0]:.2f},{spread[0]:.2f},"
            f"{n},{means[1]:.2f},{spread[1]:.2f},SD,arm {i}"
        )
    return parse_table("t.csv", "\n".join(lines).encode())


def share_told(read: StudyTable, code: str, study: str) -> float:
    found = dispersions(Sheet.of(read))
    assert found is not None
    return float(found.of_code(code)[(read.frame["study"] == study).to_numpy()].mean())


@pytest.mark.parametrize(("rows", "fitted"), [(300, 3_000), (2_000, 3_000), (1_500, 300)])
def test_a_large_study_is_what_a_small_one_is(
    rows: int, fitted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of many rows the density of the study's effect is narrower than the grid it is integrated on.
    monkeypatch.setattr(fitting, "FIT_ROWS", fitted)
    assert share_told(table(rows, 1), "sem-as-sd", "S0 2001") < 0.01


@pytest.mark.parametrize("fitted", [3_000, 200])
def test_one_of_few_large_studies_prints_sems(fitted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of few studies each has rows in the part that is fitted, and none vouches for itself."""
    monkeypatch.setattr(fitting, "FIT_ROWS", fitted)
    read = table(1_000, 5, sem=2)
    assert share_told(read, "sem-as-sd", "S2 2001") > 0.9
    assert share_told(read, "sem-as-sd", "S1 2001") < 0.03


def test_mates_of_a_whole_study_are_counted_and_some_named() -> None:
    found = [each for each in audit(table(90, 3, sem=1)) if each.code == "sem-as-sd"]
    whole = [each for each in found if "29 other rows of the study alike" in each.message]
    assert len(whole) == 30
    for each in whole:
        assert each.row not in each.rows
        assert len(each.rows) == 8


def control(dispersions: list[float]) -> Sheet:
    lines = [HEAD]
    for at, spread in enumerate(dispersions):
        lines.append(f"A 2001,BV/TV,%,femur,9,{20 + at},{3 + at / 9:.2f},9,15,{spread},SD,arm {at}")
    return Sheet.of(parse_table("t.csv", "\n".join(lines).encode()))


def test_rows_that_print_a_control_alike_are_looked_at_together() -> None:
    clue = _same_control(sheet := control([3.0] * 40 + [1.0]), read_spread(sheet))
    assert clue["sem-as-sd"].tolist() == [0.0] * 40 + [SAME_CONTROL]


def test_what_has_ever_so_many_dispersions_is_no_control(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is compared with each, which took memory for the square of 100,000 rows."""
    monkeypatch.setattr(evidence, "MOST_PRINTED", 3)
    clue = _same_control(sheet := control([3.0, 1.0, 1.7, 2.4]), read_spread(sheet))
    assert not any(each.any() for each in clue.values())
