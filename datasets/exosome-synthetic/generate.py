"""Generate data.csv: invented studies of exosomes on bone, with a known truth.

Run ``python generate.py`` beside this file's data.csv to write it again: the same bytes come out.
No row describes a real study; every row says ``synthetic`` in its column ``source``. README.md
tells how the truth is built; the numbers below are that truth.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

SEED = 20230326
TAU = 0.35  # SD between studies of the true standardized effect
OUTCOME_SD = 0.15  # SD between outcomes within a study
ANIMAL_CORRELATION = 0.5  # between outcomes (and sites) of the same animal
ENGINEERED_GAIN = 0.25
DOUBLING_GAIN = 0.10  # for each doubling of the dose, around 100 ug
GAP = 2.5  # healthy minus diseased level, in SDs of the diseased group

SOURCE_EFFECT = {
    "BMSC": 1.0, "AD-MSC": 0.8, "hUC-MSC": 1.3, "GMSC": 0.5, "hiPSC-MSC": 0.9, "DPSC": 0.6,
}  # fmt: skip
TARGET_EFFECT = {
    "osteoblast": 0.2, "osteoclast": 0.0, "BMSC": 0.1, "macrophage": -0.2, "endothelial cell": -0.1,
}  # fmt: skip


class Outcome(NamedTuple):
    """Level of the diseased group and its CV by species; `loading` on a study's true effect."""

    unit: str
    site: str
    assay: str
    rat: float
    mouse: float
    cv: float
    loading: float


OUTCOMES = {
    "BMD": Outcome("g/cm2", "femur", "DXA", 0.172, 0.0465, 0.06, 1.0),
    "BV/TV": Outcome("%", "distal femur", "microCT", 21.0, 7.5, 0.20, 1.1),
    "Tb.Th": Outcome("um", "distal femur", "microCT", 82.0, 46.0, 0.08, 0.8),
    "Tb.Sp": Outcome("um", "distal femur", "microCT", 410.0, 300.0, 0.16, -0.9),
    "ALP": Outcome("U/L", "serum", "serum marker", 96.0, 88.0, 0.18, 0.7),
    "RUNX2": Outcome("fold", "femur", "qPCR", 1.0, 1.0, 0.25, 1.2),
    "OCN": Outcome("ng/mL", "serum", "ELISA", 12.5, 21.0, 0.20, 0.8),
}


class Arm(NamedTuple):
    """One treated arm; every arm of a study is compared with the same control animals."""

    name: str
    dose: int
    engineered: str = "no"


LOW_HIGH = (Arm("50 ug", 50), Arm("200 ug", 200))
PLAIN = (Arm("exosomes", 100),)
NATIVE_LOADED = (Arm("native", 100), Arm("miRNA-loaded", 100, "miRNA-loaded"))
ALL = tuple(OUTCOMES)
ENDOTHELIAL = "endothelial cell"
STRUCTURE = ("BV/TV", "Tb.Th", "Tb.Sp")
CT = ("BMD", *STRUCTURE)

# source, target cell, species, model, arms, outcomes, dispersion, has a sham group
PLAN = [
    ("BMSC", "osteoblast", "rat", "OVX", PLAIN, ALL, "SD", True),
    ("BMSC", "osteoblast", "mouse", "OVX", LOW_HIGH, CT, "SEM", True),
    ("BMSC", "osteoblast", "rat", "glucocorticoid", PLAIN, ("BMD", "ALP", "OCN"), "SD", False),
    ("BMSC", "osteoclast", "rat", "OVX", PLAIN, CT, "SD", True),
    ("BMSC", "osteoclast", "mouse", "aged", NATIVE_LOADED, ("BMD", "BV/TV", "RUNX2"), "SD", False),
    ("BMSC", "osteoclast", "rat", "OVX", PLAIN, ("BMD", "BV/TV", "Tb.Sp"), "SEM", False),
    ("BMSC", "BMSC", "rat", "radiation", PLAIN, ("BMD", "BV/TV", "RUNX2", "ALP"), "SD", True),
    ("BMSC", "BMSC", "mouse", "OVX", PLAIN, ("BV/TV", "Tb.Th", "RUNX2"), "SD", False),
    ("BMSC", "macrophage", "mouse", "diabetic", PLAIN, ("BMD", "Tb.Sp", "OCN"), "SD", True),
    ("AD-MSC", "osteoblast", "rat", "OVX", PLAIN, ("BMD", "ALP", "RUNX2"), "SD", False),
    ("AD-MSC", "osteoblast", "mouse", "OVX", LOW_HIGH, ("BMD", "BV/TV", "Tb.Th"), "SD", True),
    ("AD-MSC", "osteoclast", "rat", "diabetic", PLAIN, CT, "SEM", True),
    ("AD-MSC", "osteoclast", "rat", "OVX", PLAIN, ("BMD", "BV/TV", "OCN"), "SD", False),
    ("AD-MSC", "osteoclast", "mouse", "OVX", NATIVE_LOADED, ALL, "SD", True),
    ("AD-MSC", "macrophage", "rat", "glucocorticoid", PLAIN, ("BMD", "Tb.Th", "ALP"), "SD", False),
    ("AD-MSC", "macrophage", "mouse", "OVX", PLAIN, ("BV/TV", "Tb.Sp"), "SEM", False),
    ("hUC-MSC", "osteoblast", "rat", "OVX", PLAIN, CT, "SD", True),
    ("hUC-MSC", "osteoblast", "mouse", "aged", PLAIN, ("BMD", "BV/TV", "RUNX2"), "SD", False),
    ("hUC-MSC", "osteoblast", "rat", "unloading", LOW_HIGH, ("BMD", "BV/TV", "Tb.Sp"), "SEM", True),
    ("hUC-MSC", "BMSC", "mouse", "OVX", PLAIN, ("BMD", "ALP", "RUNX2", "OCN"), "SD", False),
    ("hUC-MSC", ENDOTHELIAL, "rat", "OVX", PLAIN, ("BMD", "BV/TV", "Tb.Th"), "SD", True),
    ("hUC-MSC", ENDOTHELIAL, "mouse", "unloading", PLAIN, CT, "SD", False),
    ("GMSC", "osteoclast", "mouse", "OVX", PLAIN, ("BMD", "Tb.Sp", "ALP"), "SD", False),
    ("GMSC", "osteoclast", "rat", "OVX", PLAIN, ("BMD", "BV/TV", "OCN"), "SEM", True),
    ("GMSC", "macrophage", "mouse", "glucocorticoid", PLAIN, ("BMD", "BV/TV"), "SD", False),
    ("hiPSC-MSC", "osteoblast", "rat", "OVX", NATIVE_LOADED, CT, "SD", True),
    ("hiPSC-MSC", ENDOTHELIAL, "mouse", "OVX", PLAIN, ("BMD", "Tb.Th", "RUNX2"), "SD", False),
    ("hiPSC-MSC", ENDOTHELIAL, "rat", "aged", PLAIN, ("BMD", "BV/TV", "Tb.Sp"), "SD", False),
    ("DPSC", "BMSC", "rat", "OVX", PLAIN, ("BMD", "BV/TV", "ALP", "OCN"), "SD", True),
    ("DPSC", "osteoblast", "mouse", "OVX", PLAIN, (*STRUCTURE, "RUNX2"), "SD", False),
]  # fmt: skip
STRAIN = {"rat": "Sprague-Dawley", "mouse": "C57BL/6J"}
ROB = (
    "rob_sequence_generation", "rob_baseline_characteristics", "rob_allocation_concealment",
    "rob_random_housing", "rob_blinding_caregivers", "rob_random_outcome_assessment",
    "rob_blinding_outcome_assessors", "rob_incomplete_outcome_data", "rob_selective_reporting",
    "rob_other_bias",
)  # fmt: skip
# Chances of low, high and unclear for each item: as in real reviews, mostly unclear.
ROB_CHANCES = (
    (0.45, 0.05, 0.50), (0.70, 0.05, 0.25), (0.10, 0.05, 0.85), (0.25, 0.05, 0.70),
    (0.10, 0.15, 0.75), (0.20, 0.05, 0.75), (0.40, 0.10, 0.50), (0.65, 0.15, 0.20),
    (0.75, 0.05, 0.20), (0.80, 0.05, 0.15),
)  # fmt: skip
COLUMNS = (
    "study", "experiment", "comparison", "control_id", "outcome", "unit", "site", "assay",
    "timepoint_weeks", "n_treated", "mean_treated", "dispersion_treated", "n_control",
    "mean_control", "dispersion_control", "dispersion_type", "n_sham", "mean_sham",
    "dispersion_sham", "exosome_source", "target_cell", "engineered", "species", "strain", "sex",
    "age_weeks", "model", "dose", "dose_unit", "route", "frequency", "duration_weeks", *ROB,
    "source", "location", "note",
)  # fmt: skip


def animals(rng: np.random.Generator, n: int, outcomes: int) -> np.ndarray:
    """(n, outcomes) standard normal values; those of one animal correlate."""
    shared = rng.standard_normal((n, 1))
    own = rng.standard_normal((n, outcomes))
    return ANIMAL_CORRELATION**0.5 * shared + (1 - ANIMAL_CORRELATION) ** 0.5 * own


def printed(value: float) -> str:
    """Four significant digits, as papers print."""
    text = f"{value:#.4g}"
    return f"{float(text):.0f}" if text.endswith(".") else text


def summary(values: np.ndarray, dispersion: str) -> tuple[str, str, str]:
    """n, mean and SD or SEM of one group, as a table prints them."""
    n = len(values)
    spread = float(np.std(values, ddof=1))
    if dispersion == "SEM":
        spread /= n**0.5
    return str(n), printed(float(np.mean(values))), printed(spread)


def lose(rng: np.random.Generator, n: int) -> int:
    """Now and then an animal is lost."""
    return n - int(rng.random() < 0.2)


def study_rows(rng: np.random.Generator, number: int, plan: tuple) -> list[dict[str, str]]:
    """All rows of one invented study."""
    source, target, species, model, arms, outcomes, dispersion, has_sham = plan
    n = int(rng.integers(6, 13))
    weeks = int(rng.choice([4, 8, 12]))
    study_effect = SOURCE_EFFECT[source] + TARGET_EFFECT[target] + TAU * rng.standard_normal()
    deviations = OUTCOME_SD * rng.standard_normal(len(outcomes))
    scale = np.exp(0.08 * rng.standard_normal(len(outcomes)))
    level = np.array([getattr(OUTCOMES[name], species) for name in outcomes]) * scale
    if "RUNX2" in outcomes:
        level[outcomes.index("RUNX2")] = 1.0  # relative expression: the control is 1
    spread = level * np.array([OUTCOMES[name].cv for name in outcomes])
    loading = np.array([OUTCOMES[name].loading for name in outcomes])
    width = len(outcomes)
    control = level + spread * animals(rng, lose(rng, n), width)
    sham = level + spread * (np.sign(loading) * GAP + animals(rng, lose(rng, n), width))
    name = f"Synthetic {number:02d}"
    fixed = {
        "study": name, "control_id": f"{name} control", "timepoint_weeks": str(weeks),
        "dispersion_type": dispersion, "exosome_source": source, "target_cell": target,
        "species": species, "strain": STRAIN[species],
        "sex": "female" if model == "OVX" else "male",
        "age_weeks": {"aged": "72"}.get(model, "12"), "model": model, "dose_unit": "ug",
        "route": ("intravenous", "intravenous", "intraperitoneal")[number % 3],
        "frequency": ("weekly", "twice a week")[number % 2], "duration_weeks": str(weeks),
        "source": "synthetic", "location": "generate.py",
        "note": "synthetic data: no such study exists",
    }  # fmt: skip
    for item, chances in zip(ROB, ROB_CHANCES, strict=True):
        fixed[item] = str(rng.choice(["low", "high", "unclear"], p=chances))
    rows = []
    for arm in arms:
        effect = (
            study_effect
            + ENGINEERED_GAIN * (arm.engineered != "no")
            + DOUBLING_GAIN * np.log2(arm.dose / 100)
        )
        shift = loading * effect + np.sign(loading) * deviations
        treated = level + spread * (shift + animals(rng, lose(rng, n), width))
        for j, outcome in enumerate(outcomes):
            row = fixed | {
                "experiment": model, "comparison": f"{arm.name} vs vehicle", "outcome": outcome,
                "unit": OUTCOMES[outcome].unit, "site": OUTCOMES[outcome].site,
                "assay": OUTCOMES[outcome].assay, "engineered": arm.engineered,
                "dose": str(arm.dose),
            }  # fmt: skip
            groups = [("treated", treated), ("control", control)]
            for group, values in groups + ([("sham", sham)] if has_sham else []):
                figures = summary(values[:, j], dispersion)
                for part, text in zip(("n", "mean", "dispersion"), figures, strict=True):
                    row[f"{part}_{group}"] = text
            rows.append(row)
    return rows


def generate() -> bytes:
    """The content of data.csv."""
    rng = np.random.default_rng(SEED)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for number, plan in enumerate(PLAN, start=1):
        writer.writerows(study_rows(rng, number, plan))
    return stream.getvalue().encode("utf-8")


if __name__ == "__main__":
    target = Path(__file__).with_name("data.csv")
    target.write_bytes(generate())
    print(f"wrote {target}")
