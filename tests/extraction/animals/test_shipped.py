"""Summaries of animal-level files are the rows of the shipped table that were made from them."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any

import pytest

from metabone.extraction.animals.summarise import summarise_animals
from metabone.extraction.animals.summary import AnimalSummary

DATA = Path(__file__).parent / "data"
SHIPPED = Path(__file__).parents[3] / "datasets" / "unloading" / "data.csv"
PLACE = re.compile(
    r"animals/(?P<file>\S+\.csv) columns? (?P<column>.+?)(?:, Material Type = (?P<bone>.+))?"
)
PWB = {"animal": "Source Name", "group": "PWB", "control": "PWB100", "by": ["Duration"]}
MISSION = {"animal": "Source Name", "control": "Ground Control"}
FILES: dict[str, dict[str, Any]] = {
    "osd351_sts62_ovx_f344_rat_femur_dxa_microct.csv": {
        "animal": "Rat_Number", "group": "Teatment", "control": "Ground Control",
    },
    "osd351_lsds9_sts62_ovx_rat_microct_femur_L2_humerus.csv": {
        "animal": "Source Name", "group": "arm", "control": "GC", "site": "Material Type",
    },
    "osd310_lsds30_sts62_ovx_rat_L2_histomorphometry.csv": MISSION | {"group": "Spaceflight"},
    "osd489_lsds15_rr1_mouse_vertebra_microct.csv": MISSION | {"group": "Factor Value"},
    "osd477_lsds40_wistar_rat_femur_microct.csv": PWB,
    "osd477_lsds40_wistar_rat_femur_biomech.csv": PWB,
    "osd477_lsds40_wistar_rat_histomorphometry.csv": PWB,
    "lsds41_wistar_rat_tibia_pqct_longitudinal.csv": PWB,
}  # fmt: skip
FLOWN = ("Flight", "F", "Space Flight")


def shipped() -> dict[str, list[dict[str, str]]]:
    """The rows of the shipped table that say they come from animals, by file."""
    found: dict[str, list[dict[str, str]]] = {name: [] for name in FILES}
    with SHIPPED.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["source"] == "animal-level data":
                place = PLACE.fullmatch(row["location"].split(" ", 1)[1])
                assert place is not None, row["location"]
                found[place["file"]].append(row | place.groupdict())
    return found


ROWS = shipped()


def with_bmd(path: Path, folder: Path) -> Path:
    """The DXA file with bone mineral content over area of each rat as a further column."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rats = list(csv.DictReader(lines))
    made = folder / path.name
    with made.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*rats[0], "DXA_BMC_mg / DXA_Area_mmsq"])
        writer.writeheader()
        for rat in rats:
            bmd = float(rat["DXA_BMC_mg"]) / float(rat["DXA_Area_mmsq"])
            writer.writerow(rat | {"DXA_BMC_mg / DXA_Area_mmsq": repr(bmd)})
    return made


def arms_key(path: Path, folder: Path) -> Path:
    """The arm of each rat is in the letters of its name: what a key says of a coded file."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        names = dict.fromkeys(row["Source Name"] for row in csv.DictReader(lines))
    made = folder / "key.csv"
    lines_out = [f"{name},{re.sub(r'[0-9].*', '', name)}" for name in names]
    made.write_text("\n".join(["Source Name,arm", *lines_out]), encoding="utf-8")
    return made


def half_digit(printed: float) -> float:
    """Half of the sixth significant digit, to which the shipped numbers are rounded."""
    return 0.5001 * 10.0 ** (math.floor(math.log10(abs(printed))) - 5)


def summary(name: str, folder: Path) -> AnimalSummary:
    path, options = DATA / name, dict(FILES[name])
    if "dxa" in name:
        path = with_bmd(path, folder)
    if "lsds9" in name:
        options["key"] = arms_key(path, folder)
    columns = list(dict.fromkeys(row["column"] for row in ROWS[name]))
    return summarise_animals(path, outcome=columns, **options)


def test_every_row_from_animals_is_looked_at() -> None:
    assert sum(map(len, ROWS.values())) == 249
    assert all(ROWS.values())


@pytest.mark.parametrize("name", FILES)
def test_rows_equal_the_shipped_ones(name: str, tmp_path: Path) -> None:
    made = summary(name, tmp_path).rows
    for row in ROWS[name]:
        at = made["location"].str.endswith(f"column {row['column']}") | made[
            "location"
        ].str.endswith(f"|{row['column']}")
        if row["study"] == "Ko 2020":
            at &= made["comparison"] == row["comparison"]
        else:
            at &= made["comparison"].str.split(" vs ").str[0].isin(FLOWN)
        if row["bone"] and "lsds9" in name:
            at &= made["site"] == row["bone"]
        chosen = made[at]
        assert len(chosen) == 1, (row["location"], row["comparison"])
        found = chosen.iloc[0]
        for arm in ("treated", "control"):
            assert found[f"n_{arm}"] == int(row[f"n_{arm}"])
            for word in ("mean", "dispersion"):
                printed = float(row[f"{word}_{arm}"])
                assert abs(found[f"{word}_{arm}"] - printed) <= half_digit(printed)
        assert found["dispersion_type"] == "SD"
        assert found["source"] == "animal-level data"
