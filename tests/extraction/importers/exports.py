"""Exports of other programs, written from tables that were typed by hand."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

SYRF = (
    "StudyId", "Title", "Authors", "Year", "Reconciled", "InvestigatorId", "ExperimentId",
    "ExperimentLabel", "CohortId", "CohortLabel", "NumberOfAnimals", "IsDiseaseModelControl",
    "DiseaseModelId(s)", "DiseaseModelLabel(s)", "IsTreatmentControl", "TreatmentId(s)",
    "TreatmentLabel(s)", "OutcomeId", "OutcomeLabel", "GreaterIsWorse", "TimeInMinute",
    "OutcomeAverage", "OutcomeAverageType", "OutcomeUnit", "OutcomeError", "ErrorType",
)  # fmt: skip

GOOD: Mapping[str, str] = {
    "StudyId": "s1", "Title": "A study; of bone", "Authors": "Ko, F; Adler, A", "Year": "2017",
    "Reconciled": "TRUE", "InvestigatorId": "i1", "ExperimentId": "e1",
    "ExperimentLabel": "OVX", "OutcomeId": "o1", "OutcomeLabel": "BV/TV",
    "GreaterIsWorse": "FALSE", "TimeInMinute": "40320", "OutcomeAverageType": "mean",
    "OutcomeUnit": "%", "ErrorType": "SD", "NumberOfAnimals": "8", "OutcomeError": "2.5",
}  # fmt: skip
TREATED = {
    **GOOD, "CohortId": "c1", "CohortLabel": "OVX + exosomes", "IsDiseaseModelControl": "FALSE",
    "DiseaseModelId(s)": "d1", "DiseaseModelLabel(s)": "OVX", "IsTreatmentControl": "FALSE",
    "TreatmentId(s)": "t1", "TreatmentLabel(s)": "exosomes", "OutcomeAverage": "20.5",
}  # fmt: skip
CONTROL = {
    **TREATED, "CohortId": "c2", "CohortLabel": "OVX + PBS", "IsTreatmentControl": "TRUE",
    "TreatmentId(s)": "v1", "TreatmentLabel(s)": "PBS", "OutcomeAverage": "15.25",
}  # fmt: skip
SHAM = {
    **GOOD, "CohortId": "c3", "CohortLabel": "Sham", "IsDiseaseModelControl": "TRUE",
    "DiseaseModelId(s)": "d2", "DiseaseModelLabel(s)": "sham surgery", "OutcomeAverage": "25",
}  # fmt: skip


def text_of(rows: Iterable[Mapping[str, str]], header: Sequence[str] | None = None,
            separator: str = ",") -> str:  # fmt: skip
    """Rows as CSV; further columns come last."""
    listed = list(rows)
    names = list(dict.fromkeys([*(header or ()), *(name for row in listed for name in row)]))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return out.getvalue()


def syrf(*rows: Mapping[str, str], separator: str = ",") -> str:
    """A SyRF export of some rows."""
    return text_of(rows, SYRF, separator)


def read(path: Path) -> list[dict[str, str]]:
    """A table as it was typed."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _id(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(parts)))


def syrf_of(table: Sequence[Mapping[str, str]], annotations: Sequence[str], *,
            disease: bool) -> list[dict[str, str]]:  # fmt: skip
    """The cohorts that a table of comparisons was made of, as SyRF would export them."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for number, line in enumerate(table):
        experiment = line["experiment"] or "only"
        control = line["control_id"] or f"row {number}"
        measured = tuple(line.get(name, "") for name in ("outcome", "site", "assay", "unit"))
        weeks = line.get("timepoint_weeks") or ""
        common = {
            "StudyId": _id(line["study"]), "Authors": line["study"].rsplit(" ", 1)[0],
            "Year": line["study"].rsplit(" ", 1)[1], "Reconciled": "True",
            "ExperimentId": _id(line["study"], experiment), "ExperimentLabel": experiment,
            "OutcomeId": _id(*measured), "OutcomeLabel": line["outcome"],
            "OutcomeUnit": line["unit"], "ErrorType": line["dispersion_type"],
            "TimeInMinute": f"{float(weeks) * 10080:g}" if weeks else "",
            "OutcomeAverageType": "mean",
            **{name: line[name] for name in annotations},
        }  # fmt: skip
        arms = {
            "treated": (f"{line['comparison']} of {control}", "FALSE"),
            "control": (control, "TRUE"),
            "sham": ("healthy", "TRUE"),
        }
        for arm, (cohort, flag) in arms.items():
            if not line.get(f"mean_{arm}"):
                continue
            ill = disease and arm != "sham"
            row = common | {
                # One cohort may stand in several experiments of a study.
                "CohortId": _id(line["study"], arm, cohort), "CohortLabel": cohort,
                "IsTreatmentControl": flag if arm != "sham" else "",
                "TreatmentId(s)": _id(cohort) if arm != "sham" else "",
                "IsDiseaseModelControl": "FALSE" if ill else "",
                "DiseaseModelId(s)": "d" if ill else "",
                "DiseaseModelLabel(s)": line["model"] if ill else "",
                "NumberOfAnimals": line[f"n_{arm}"], "OutcomeAverage": line[f"mean_{arm}"],
                "OutcomeError": line[f"dispersion_{arm}"],
            }  # fmt: skip
            key = (row["CohortId"], experiment, row["OutcomeId"], weeks)
            rows.setdefault(key, row)
    return list(rows.values())


def revman_web_of(table: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Data rows of RevMan Web: one analysis for each outcome."""
    outcomes = list(dict.fromkeys(line["outcome"] for line in table))
    return [
        {
            "Analysis group": "1", "Analysis number": str(outcomes.index(line["outcome"]) + 1),
            "Analysis name": line["outcome"], "Subgroup": line["species"],
            "Applicability": "SUBGROUP", "Study": line["study"],
            "Study year": line["study"].rsplit(" ", 1)[1], "GIV Mean": "", "GIV SE": "",
            "Experimental mean": line["mean_treated"],
            "Experimental SD": line["dispersion_treated"],
            "Experimental cases": "", "Experimental N": line["n_treated"],
            "Control mean": line["mean_control"], "Control SD": line["dispersion_control"],
            "Control cases": "", "Control N": line["n_control"], "O-E": "", "Variance": "",
            "Weight": "3.5", "Mean": "-1.1", "CI start": "-2", "CI end": "-0.2", "Footnotes": "",
        }
        for line in table
    ]  # fmt: skip


def revman_5_of(table: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """RevMan 5's data and analyses: headings in rows of their own above the studies."""
    rows = [{"Comparison Number": "1", "Outcome Number": "0", "Subgroup Number": "0",
             "Name": "Unloaded versus loaded"}]  # fmt: skip
    outcomes = list(dict.fromkeys(line["outcome"] for line in table))
    for number, outcome in enumerate(outcomes, start=1):
        keys = {"Comparison Number": "1", "Outcome Number": str(number), "Subgroup Number": "0"}
        rows.append({**keys, "Name": outcome, "Total 1": "99", "Total 2": "99", "Q": "12.5"})
        rows += [
            {
                **keys, "Name": line["study"],
                "Mean 1": line["mean_treated"], "SD 1": line["dispersion_treated"],
                "Total 1": line["n_treated"], "Mean 2": line["mean_control"],
                "SD 2": line["dispersion_control"], "Total 2": line["n_control"],
                "Effect Estimate": "-1.1", "SE": "0.3", "Weight": "3.5",
            }
            for line in table
            if line["outcome"] == outcome
        ]  # fmt: skip
    return rows
