"""Are other errors than those of dispersions found by the audit, and sound rows left alone?

    OPENBLAS_NUM_THREADS=1 python benchmarks/audit_rules.py

Every kind of error goes into one tenth of the rows that can have it, of the printed table, which is
then read as any file is. A row counts as found when a code of its kind is told of it or names it
among the other rows; of units also the sound rows are counted that are told and were not before.
The script fails if a kind is found in fewer than `LEAST` per cent of rows of the synthetic table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal

import numpy as np
import pandas as pd
from audit import synthetic
from scipy import stats

from metabone import read_table
from metabone.extraction.audit.audit import RULES
from metabone.extraction.audit.rules_dispersion import dispersion_kinds
from metabone.extraction.audit.sheet import Sheet
from metabone.extraction.reading import parse_table
from metabone.extraction.table import StudyTable

SHARE, SEEDS = 0.10, range(200, 204)
ARMS = [
    f"{word}_{arm}" for arm in ("treated", "control", "sham") for word in ("mean", "dispersion")
]
SCALE = {"unit-scale", "out-of-range", "arms-differ"}
TWICE = {"same-animals-twice", "duplicate-value", "duplicate-row", "shared-control-undeclared"}
Random = np.random.Generator
#: A table and the rows of it that are wrong.
Spoilt = tuple[pd.DataFrame, list[int]]


def numbers(frame: pd.DataFrame, name: str) -> pd.Series:
    return pd.to_numeric(frame[name], errors="coerce") if name in frame else frame["study"] * np.nan


def tests(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """t, its df, d and its variance, from the arms; SEMs taken as such."""
    n = [numbers(frame, f"n_{arm}").to_numpy() for arm in ("treated", "control")]
    sem = frame["dispersion_type"].eq("SEM").to_numpy()
    sd = [
        numbers(frame, f"dispersion_{arm}").to_numpy() * np.where(sem, np.sqrt(size), 1.0)
        for arm, size in zip(("treated", "control"), n, strict=True)
    ]
    df = n[0] + n[1] - 2
    pooled = np.sqrt(((n[0] - 1) * sd[0] ** 2 + (n[1] - 1) * sd[1] ** 2) / df)
    d = (numbers(frame, "mean_treated") - numbers(frame, "mean_control")).to_numpy() / pooled
    return d / np.sqrt(1 / n[0] + 1 / n[1]), df, d, 1 / n[0] + 1 / n[1] + d**2 / (2 * (df + 2))


def some(rng: Random, rows: Iterable[int]) -> list[int]:
    able = list(rows)
    many = max(1, round(SHARE * len(able)))
    return sorted(rng.choice(able, many, replace=False).tolist()) if able else []


def complete(frame: pd.DataFrame) -> list[int]:
    t = tests(frame)[0]
    return np.flatnonzero(np.isfinite(t) & (t != 0)).tolist()


def scaled(factor: str, columns: Collection[str] = ARMS, unit: str | None = None) -> Callable:
    """Numbers moved by a factor, digits and all."""

    def spoil(frame: pd.DataFrame, rng: Random) -> Spoilt:
        able = numbers(frame, "mean_control").notna()
        if unit is not None:
            able &= frame["unit"].eq(unit)
        rows = some(rng, np.flatnonzero(able))
        for at in rows:
            for name in set(columns) & set(frame):
                if str(frame.at[at, name]).strip():
                    frame.at[at, name] = f"{Decimal(str(frame.at[at, name])) * Decimal(factor):f}"
        return frame, rows

    return spoil


def swapped(frame: pd.DataFrame, rng: Random) -> Spoilt:
    rows = some(rng, np.flatnonzero(np.abs(np.nan_to_num(tests(frame)[2])) > 1))
    for at in rows:
        for word in ("n", "mean", "dispersion"):
            a, b = f"{word}_treated", f"{word}_control"
            frame.loc[at, [a, b]] = frame.loc[at, [b, a]].to_numpy()
    return frame, rows


def yi_turned(frame: pd.DataFrame, rng: Random) -> Spoilt:
    _, _, d, v = tests(frame)
    frame["yi"], frame["vi"] = printed(d, 3), printed(v, 4)
    rows = some(rng, complete(frame))
    frame.loc[rows, "yi"] = printed(-d[rows], 3)
    return frame, rows


def printed(values: np.ndarray, decimals: int) -> list[str]:
    return [f"{value:.{decimals}f}" if np.isfinite(value) else "" for value in values]


def from_other_rows(name: str) -> Callable:
    """t, or p, of another row."""

    def spoil(frame: pd.DataFrame, rng: Random) -> Spoilt:
        t, df, _, _ = tests(frame)
        p = [f"{each:.2g}" if np.isfinite(each) else "" for each in 2 * stats.t.sf(np.abs(t), df)]
        cells = printed(t, 2) if name == "t" else p
        frame[name] = cells
        able = complete(frame)
        rows = some(rng, able)
        for at in rows:
            frame.at[at, name] = cells[rng.choice([other for other in able if other != at])]
        return frame, rows

    return spoil


def interval_mistyped(frame: pd.DataFrame, rng: Random) -> Spoilt:
    """The first digit of a limit is another one."""
    _, _, d, v = tests(frame)
    frame["yi"], frame["vi"] = printed(d, 2), printed(v, 4)
    for name, side in (("ci_low", -1), ("ci_high", 1)):
        frame[name] = printed(d + side * 1.959964 * np.sqrt(v), 2)
    rows = some(rng, complete(frame))
    for at in rows:
        name = rng.choice(["ci_low", "ci_high"])
        text = frame.at[at, name]
        place = next((i for i, mark in enumerate(text) if mark in "123456789"), len(text) - 1)
        digit = (int(text[place]) + int(rng.integers(1, 9))) % 10
        frame.at[at, name] = f"{text[:place]}{digit}{text[place + 1 :]}"
    return frame, rows


def again(before: str = "", **cells: str) -> Callable:
    """Rows once more, with some cells changed and something before the name of the study."""

    def spoil(frame: pd.DataFrame, rng: Random) -> Spoilt:
        more = frame.loc[some(rng, complete(frame))].assign(**cells)
        more["study"] = before + more["study"]
        out = pd.concat([frame, more], ignore_index=True)
        return out, list(range(len(frame), len(out)))

    return spoil


def control_thrice(declared: bool) -> Callable:
    """Two more arms against the same control, which has no id, or another one each."""

    def spoil(frame: pd.DataFrame, rng: Random) -> Spoilt:
        more = []
        for at in some(rng, complete(frame)):
            for arm in range(2):
                row = frame.loc[at].copy()
                for name in ("mean_treated", "dispersion_treated"):
                    decimals = len(str(row[name]).partition(".")[2])
                    row[name] = f"{float(row[name]) * (1.08 + 0.09 * arm):.{decimals}f}"
                row["comparison"] = f"arm {arm}"
                row["control_id"] = f"new {at}-{arm}" if declared else ""
                more.append(row)
            if not declared:
                frame.at[at, "control_id"] = ""
        out = pd.concat([frame, pd.DataFrame(more)], ignore_index=True)
        return out, list(range(len(frame), len(out)))

    return spoil


#: What is wrong: how it is made, and which codes tell it.
KINDS: dict[str, tuple[Callable[[pd.DataFrame, Random], Spoilt], set[str]]] = {
    "both arms × 1000": (scaled("1000"), SCALE),
    "both arms × 10": (scaled("10"), SCALE),
    "both arms / 10": (scaled("0.1"), SCALE),
    "fraction for per cent": (scaled("0.01", unit="%"), SCALE),
    "one arm × 10": (scaled("10", ARMS[:2]), SCALE),
    "one mean × 10": (scaled("10", ARMS[:1]), SCALE),
    "arms swapped, \\|g\\| > 1": (swapped, {"arms-swapped", "control-mismatch"}),
    "sign of yi": (yi_turned, {"yi-sign"}),
    "p of another row": (from_other_rows("p"), {"p-mismatch"}),
    "t of another row": (from_other_rows("t"), {"t-mismatch", "sign-contradiction"}),
    "a digit of a limit": (interval_mistyped, {"asymmetric-interval"}),
    "row twice": (again(), TWICE),
    "row twice, as another arm": (again(comparison="again"), TWICE),
    "row twice, as another study": (again("Later ", control_id=""), TWICE),
    "row twice, as another outcome": (again(outcome="formation index"), TWICE),
    "control thrice, no id": (control_thrice(declared=False), TWICE),
    "control thrice, three ids": (control_thrice(declared=True), TWICE | {"control-mismatch"}),
}
LEAST = 65.0


def told(table: StudyTable, codes: set[str]) -> dict[int, bool]:
    """Places of the rows of which a code is told, and whether as a warning."""
    place = {row: at for at, row in enumerate(table.frame.index)}
    out: dict[int, bool] = {}
    every = [(found.code, found.severity, (found.row,)) for found in table.findings]
    sheet = Sheet.of(table)
    for rule in RULES:
        if rule is not dispersion_kinds:  # slow, and told apart from these in audit.py
            every += [(one.code, one.severity, (one.row, *one.rows)) for one in rule(sheet)]
    for code, severity, rows in every:
        for row in rows:
            if code in codes and row in place:
                out[place[row]] = out.get(place[row], False) or severity != "note"
    return out


def parsed(frame: pd.DataFrame) -> StudyTable:
    return parse_table("table.csv", frame.to_csv(index=False).encode())


def rates(printed_table: pd.DataFrame, kind: str) -> tuple[float, float, float, int]:
    """Per cent found, found as warnings, sound rows flagged; and how many were wrong."""
    spoil, codes = KINDS[kind]
    before = set(told(parsed(printed_table), codes))
    found = warned = wrong = flagged = sound = 0
    for seed in SEEDS:
        frame, rows = spoil(printed_table.copy(), np.random.default_rng(seed))
        now = told(parsed(frame), codes)
        found += sum(row in now for row in rows)
        warned += sum(now.get(row, False) for row in rows)
        wrong += len(rows)
        flagged += len(set(now) - before - set(rows)) if codes is SCALE else 0
        sound += len(frame) - len(rows)
    return 100 * found / wrong, 100 * warned / wrong, 100 * flagged / sound, wrong


def main() -> int:
    tables = {
        "unloading": read_table("unloading").printed,
        "anabolic": read_table("anabolic").printed,
        "synthetic": synthetic(600, 200).printed,
    }
    print(f"| error in a tenth of the rows | {' | '.join(tables)} |")
    print("|---" * (1 + len(tables)) + "|")
    short = []
    for kind in KINDS:
        cells = []
        for name, frame in tables.items():
            found, warned, flagged, wrong = rates(frame.reset_index(drop=True), kind)
            more = f", sound {flagged:.2f}" if KINDS[kind][1] is SCALE else ""
            cells.append(f"{found:.0f} ({warned:.0f}{more}) of {wrong}")
            if found < LEAST and name == "synthetic":
                short.append(f"{kind}: {found:.0f}% of {name}")
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)
    print("\n".join(short) or "All kinds are found often enough.")
    return bool(short)


if __name__ == "__main__":
    sys.exit(main())
