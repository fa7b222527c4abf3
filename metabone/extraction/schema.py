"""The columns of the extraction table: one list for reading, checking, template and docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from metabone.options import Better, DispersionType, choices
from metabone.vocabulary.judgements import item_column, tools

if TYPE_CHECKING:
    from metabone.vocabulary import Vocabulary

Kind = Literal["text", "number", "choice"]
Role = Literal["label", "data", "moderator", "bookkeeping"]

ROB_PREFIX = "rob_"
ROB_ALLOWED = tools()["syrcle"].allowed


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the extraction table.

    Parameters
    ----------
    name : canonical name, lower snake case.
    kind : ``text``, ``number``, or ``choice`` (one of `allowed`).
    group : heading under which the template and the docs print it.
    meaning : one sentence for the person who fills it in.
    role : ``data`` enters an effect size (an unreadable cell is an error), ``moderator`` can
        explain one (an unreadable cell is a warning), ``label`` names things, ``bookkeeping``
        is for the reader.
    synonyms : other headers that mean this column, in the same lower snake case.
    required : whether the file must have the column.
    allowed : the words of a ``choice``.
    vocabulary : the kind of the vocabulary that knows the column's words, or None.
    example : what a filled cell looks like.
    """

    name: str
    kind: Kind
    group: str
    meaning: str
    role: Role = "label"
    synonyms: tuple[str, ...] = ()
    required: bool = False
    allowed: tuple[str, ...] = ()
    vocabulary: str | None = None
    example: str = ""


def _arm(arm: Literal["treated", "control"], number: int) -> tuple[Column, ...]:
    """Animals, mean and dispersion of one arm; metafor numbers the treated arm 1."""
    group = "Arms: n, mean, dispersion"
    n, mean, spread = f"n_{arm}", f"mean_{arm}", f"dispersion_{arm}"
    return (
        Column(
            n, "number", group,
            f"Animals analysed in the {arm} arm for this outcome: a whole number, not a range.",
            "data", (f"n{number}i",), example="8",
        ),
        Column(
            mean, "number", group, f"Mean of the {arm} arm, in the unit of the row.",
            "data", (f"m{number}i",), example="0.182" if arm == "treated" else "0.151",
        ),
        Column(
            spread, "number", group,
            f"Dispersion of the {arm} arm as printed, in the unit of the row; dispersion_type "
            "says which.",
            "data", (f"sd{number}i", f"sd_{arm}", f"sem_{arm}", f"se_{arm}", f"ci95_{arm}"),
            example="0.021" if arm == "treated" else "0.019",
        ),
    )  # fmt: skip


def _quantiles(arm: str) -> tuple[Column, ...]:
    """Median, quartiles and range of one arm."""
    group = "Medians instead of means"
    words = {
        "median": f"Median of the {arm} arm.",
        "q1": f"Lower quartile of the {arm} arm.",
        "q3": f"Upper quartile of the {arm} arm.",
        "min": f"Smallest animal of the {arm} arm.",
        "max": f"Largest animal of the {arm} arm.",
    }
    return tuple(
        Column(f"{word}_{arm}", "number", group, meaning, "data") for word, meaning in words.items()
    )


def _moderator(
    name: str, meaning: str, *, vocabulary: str | None = None, example: str = ""
) -> Column:
    return Column(
        name, "text", "Moderators", meaning, "moderator", vocabulary=vocabulary, example=example
    )


COLUMNS: tuple[Column, ...] = (
    Column(
        "study", "text", "Study", "One paper: first author and year. Rows of one paper share it.",
        synonyms=("slab",), required=True, example="Example 2021",
    ),
    Column("doi", "text", "Study", "DOI of the paper.", example="10.1000/example"),
    Column(
        "experiment", "text", "Study",
        "One cohort of animals in the paper; blank: the paper has one cohort.",
        example="OVX, 8 weeks",
    ),
    Column(
        "comparison", "text", "Study", "The treated arm against the control arm, in words.",
        example="BMSC exosomes vs PBS",
    ),
    Column(
        "control_id", "text", "Study",
        "An id shared by all rows that use the same control animals; blank: this row has its own.",
        example="Example2021-PBS",
    ),
    Column(
        "outcome", "text", "Outcome", "What was measured; a name or synonym of the vocabulary.",
        required=True, vocabulary="outcome", example="BMD",
    ),
    Column("unit", "text", "Outcome", "Unit of mean and dispersion.", example="g/cm2"),
    Column("site", "text", "Outcome", "Bone and region.", "moderator", example="femur"),
    Column(
        "assay", "text", "Outcome", "How it was measured.", "moderator", vocabulary="assay",
        example="DXA",
    ),
    Column(
        "timepoint_weeks", "number", "Outcome",
        "Weeks from the start of treatment to the measurement.", "moderator", example="8",
    ),
    *_arm("treated", 1),
    *_arm("control", 2),
    Column(
        "dispersion_type", "choice", "Arms: n, mean, dispersion",
        "What the dispersion is: SD, SEM or CI95 (half-width of the 95% interval). Never guessed.",
        "data", allowed=choices(DispersionType), example="SD",
    ),
    *_quantiles("treated"),
    *_quantiles("control"),
    Column(
        "t", "number", "Tests instead of means", "t statistic of treated against control.",
        "data",
    ),
    Column(
        "f", "number", "Tests instead of means",
        "F statistic of a one-way test with two arms (1 numerator df).", "data",
    ),
    Column(
        "p", "number", "Tests instead of means", "Two-sided p value, above 0 and at most 1.",
        "data", ("p_value", "pvalue"),
    ),
    Column(
        "sign", "choice", "Tests instead of means",
        "Which way t, f or p points: + when the treated arm is higher, - when it is lower.",
        "data", allowed=("+", "-"), example="",
    ),
    Column("yi", "number", "Effect computed elsewhere", "Effect size.", "data"),
    Column("vi", "number", "Effect computed elsewhere", "Sampling variance of yi.", "data"),
    Column(
        "sei", "number", "Effect computed elsewhere", "Standard error of yi, instead of vi.",
        "data",
    ),
    Column("n_sham", "number", "Healthy level", "Animals of the healthy (sham) arm.", "data"),
    Column("mean_sham", "number", "Healthy level", "Mean of the healthy arm, for NMD.", "data"),
    Column(
        "dispersion_sham", "number", "Healthy level",
        "Dispersion of the healthy arm, of the same type as the other arms.", "data",
        ("sd_sham", "sem_sham", "se_sham", "ci95_sham"),
    ),
    _moderator("exosome_source", "Cell that the vesicles come from.",
               vocabulary="exosome_source", example="BMSC"),
    _moderator("target_cell", "Cell that the paper says the vesicles act on.",
               vocabulary="target_cell", example="osteoblast"),
    _moderator("cargo", "miRNA, protein or drug held responsible.", example="miR-335"),
    _moderator("engineered", "Whether and how the vesicles were modified.", example="no"),
    _moderator("pathway", "Signalling pathway named.", example="Wnt/β-catenin"),
    _moderator("species", "Species.", vocabulary="species", example="rat"),
    _moderator("strain", "Strain as printed.", example="Sprague-Dawley"),
    _moderator("sex", "female, male or both.", vocabulary="sex", example="female"),
    Column("age_weeks", "number", "Moderators", "Age at the start, in weeks.", "moderator",
           example="12"),
    _moderator("model", "Disease model.", vocabulary="model", example="OVX"),
    Column("dose", "number", "Moderators", "Dose, a number in dose_unit.", "moderator",
           example="100"),
    _moderator("dose_unit", "Unit of the dose.", example="ug"),
    _moderator("route", "How it was given.", vocabulary="route", example="intravenous"),
    _moderator("frequency", "How often it was given.", example="weekly"),
    Column("duration_weeks", "number", "Moderators", "Weeks of treatment.", "moderator",
           example="8"),
    Column(
        "better", "choice", "Bookkeeping",
        "higher or lower: which is good for the animal; overrides the vocabulary.", "data",
        allowed=choices(Better),
    ),
    Column(
        "source", "text", "Bookkeeping",
        "Where the numbers come from: table, text, figure, authors, animal-level data.",
        "bookkeeping", example="table",
    ),
    Column("location", "text", "Bookkeeping", "Page, table or figure.", "bookkeeping",
           example="Table 2"),
    Column("note", "text", "Bookkeeping", "Anything the next reader should know.", "bookkeeping"),
    Column(
        "exclude", "text", "Bookkeeping",
        "A reason here keeps the row out of every model and in the ledger.", "bookkeeping",
    ),
)  # fmt: skip

BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}
_SPELLINGS: Mapping[str, str] = {
    spelling: column.name for column in COLUMNS for spelling in (column.name, *column.synonyms)
}

#: Headers that say by themselves what the dispersion is.
IMPLIED_DISPERSION: Mapping[str, DispersionType] = {
    **{f"sd{arm}": "SD" for arm in ("1i", "2i", "_treated", "_control", "_sham")},
    **{f"{word}_{arm}": "SEM" for word in ("sem", "se") for arm in ("treated", "control", "sham")},
    **{f"ci95_{arm}": "CI95" for arm in ("treated", "control", "sham")},
}


def fold_header(header: str) -> str:
    """A header in lower snake case: blanks, dashes, dots and slashes become one underscore.

    Examples
    --------
    >>> fold_header(" Mean-Treated ")
    'mean_treated'
    """
    kept = "".join(mark if mark.isalnum() else " " for mark in header.casefold())
    return "_".join(kept.split())


def canonical_column(header: str) -> str | None:
    """The schema's name for a header of a file, or None for an extra column.

    Examples
    --------
    >>> canonical_column("m1i"), canonical_column("Mean treated"), canonical_column("parity")
    ('mean_treated', 'mean_treated', None)
    >>> canonical_column("SYRCLE 1"), canonical_column("rob_funding")
    ('rob_sequence_generation', 'rob_funding')
    """
    folded = fold_header(header)
    return _SPELLINGS.get(folded) or item_column(folded)


def rob_columns(vocabulary: Vocabulary) -> tuple[Column, ...]:
    """One column for each risk-of-bias item of the vocabulary (SYRCLE's ten).

    Any further column whose name starts with ``rob_`` is read in the same way.
    """
    return tuple(
        Column(
            term.name if term.name.startswith(ROB_PREFIX) else ROB_PREFIX + fold_header(term.name),
            "choice",
            "Risk of bias",
            f"{term.label}: low, high or unclear.",
            "moderator",
            allowed=ROB_ALLOWED,
            example="unclear",
        )
        for term in vocabulary.terms("rob").values()
    )
