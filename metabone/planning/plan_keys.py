"""Every key of a plan file: where it stands, what it takes and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "number", "count", "counts", "words", "table"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a plan file.

    Parameters
    ----------
    section : table it stands in; empty at the top of the file.
    name : as the file spells it.
    kind : ``text``, ``number``, ``count`` (a whole number), ``counts`` (one or a list of them),
        ``words`` (a list), ``table`` (keys of the user's own).
    meaning : one line.
    example : as the template shows it, in TOML.
    low, high : limits that a number keeps; `open_ended` ones are not reached.
    shown : whether the template has it without a number sign in front.
    """

    section: str
    name: str
    kind: Kind
    meaning: str
    example: str
    low: float | None = None
    high: float | None = None
    open_ended: bool = False
    shown: bool = False


def _share(section: str, name: str, meaning: str, example: str, **more: Any) -> Key:
    return Key(section, name, "number", meaning, example, low=0, high=1, open_ended=True, **more)


KEYS: tuple[Key, ...] = (
    Key("", "title", "text", "What the study is called.", '"New study"', shown=True),
    Key("", "question", "text", "What it asks, in a sentence.", '""'),
    # What is studied.
    Key("study", "treatment", "text", "What is given.", '"MSC exosomes"'),
    Key("study", "control", "text", "What the controls get.", '"vehicle"'),
    Key("study", "endpoint", "text", "Primary outcome; a word of the vocabulary.", '"BV/TV"'),
    Key("study", "unit", "text", "Its unit: of mean, sd and difference.", '"%"'),
    Key("study", "site", "text", "Bone and place in it.", '"proximal tibia"'),
    Key("study", "assay", "text", "How it is measured.", '"microCT"'),
    Key("study", "scanner", "text", "Which scanner measures it.", '"in house, ex vivo"'),
    Key("study", "species", "text", "Species.", '"rat"'),
    Key("study", "strain", "text", "Strain.", '"Sprague-Dawley"'),
    Key("study", "sex", "text", "Sex.", '"female"'),
    Key("study", "age_weeks", "number", "Age at the start, weeks.", "12", low=0),
    Key("study", "model", "text", "Disease model.", '"OVX"'),
    Key("study", "groups", "words", "All groups, the control first and the treatment last.",
        '["vehicle", "exosomes"]'),
    Key("study", "blinding", "text", "Who does not know the groups, and when.", '""'),
    Key("study", "exclusion", "text", "When an animal is left out, decided beforehand.", '""'),
    # How it is built.
    Key("design", "name", "text", "Design; a wrong name lists them all.", '"two-groups"',
        shown=True),
    Key("design", "mean", "number", "Mean expected in the control group.", "12.0"),
    Key("design", "sd", "number", "SD between animals of one group.", "3.0", low=0,
        open_ended=True),
    Key("design", "cv", "number", "Or the coefficient of variation, per cent.", "25", low=0,
        open_ended=True),
    Key("design", "difference", "number", "Smallest difference worth finding, in the unit.", "3.5"),
    Key("design", "percent", "number", "Or as per cent of the control mean.", "30"),
    _share("design", "alpha", "Chance of a false positive.", "0.05", shown=True),
    Key("design", "sides", "count", "1 or 2.", "2", low=1, high=2, shown=True),
    _share("design", "power", "Chance of finding it that is wanted.", "0.8", shown=True),
    Key("design", "n", "counts", "Animals in each group (or a list), if they are given.", "10",
        low=1),
    Key("design", "budget", "count", "Animals in all that can be had, losses included.", "30",
        low=1),
    Key("design", "arms", "count", "Number of groups.", "2", low=2),
    Key("design", "cage", "count", "Animals in a cage.", "3", low=1),
    Key("design", "icc", "number", "Correlation between animals of one cage.", "0.2", low=0,
        high=1),
    Key("design", "losses", "number", "Share of animals lost before the end.", "0.1", low=0,
        high=0.9),
    Key("design", "baseline_correlation", "number",
        "Correlation of baseline and final measurement.", "0.7", low=-1, high=1,
        open_ended=True),
    Key("design", "measurements", "count", "Measurements of one animal (slices, fields).", "1",
        low=1),
    Key("design", "inputs", "table", "Further inputs of the design, by name.", "{}"),
    # Where the SD comes from.
    Key("variability", "from", "text",
        "\"shipped\", or an extraction table; fills sd or cv if neither is given.", '"shipped"'),
    Key("variability", "scanner", "text", "Scanner the SD was measured on.", '""'),
    # What is known already.
    Key("evidence", "result", "text", "JSON of metabone pool.", '"pool.json"'),
    Key("evidence", "stratum", "table", "Stratum of it, column = value.", '{ species = "rat" }'),
    _share("evidence", "assurance", "Chance of success that is wanted.", "0.8"),
    Key("evidence", "bias_adjusted", "number", "Mean effect after a correction for bias, in SD.",
        "0.9"),
    Key("evidence", "labs", "count", "Labs that will do this study.", "1", low=1),
    # Who gets what.
    Key("allocation", "animals", "text", "CSV of the animals: id, and weight, cage, surgeon.",
        '"animals.csv"'),
    Key("allocation", "seed", "count", "Seed of the randomisation.", "1", low=0),
    Key("allocation", "unit", "text", "animal or cage.", '"animal"'),
    # The answer, tried out.
    Key("simulation", "replicates", "count", "Studies to simulate.", "100000", low=100),
    Key("simulation", "seed", "count", "Seed of the simulation.", "1", low=0),
)  # fmt: skip

SECTIONS: tuple[str, ...] = tuple(dict.fromkeys(key.section for key in KEYS if key.section))
HEADINGS: dict[str, str] = {
    "study": "What is studied. Species, strain, site, assay and endpoint also choose the SD.",
    "design": "How it is built, in bench units. Either sd or cv; either difference or percent.",
    "variability": "Where the SD comes from, if [design] names none.",
    "evidence": "What is known already: the plan then asks for assurance, not only for power.",
    "allocation": "Who gets what.",
    "simulation": "The answer, tried out by simulation.",
}


def keys_of(section: str) -> tuple[Key, ...]:
    """The keys of one table of the file, in order; those of the top for an empty name.

    Examples
    --------
    >>> [key.name for key in keys_of("evidence")]
    ['result', 'stratum', 'assurance', 'bias_adjusted', 'labs']
    """
    return tuple(key for key in KEYS if key.section == section)
