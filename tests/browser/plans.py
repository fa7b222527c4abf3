"""Two hundred plans over the designs of the calculator's page, the same ones each time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabone.planning.answer import Answer, answer_mde, answer_n, answer_power
from metabone.planning.plan_file import Plan
from metabone.planning.question import make_question

# Ten studies, mean 1.5 (se .25, τ .8), as `metabone pool --json` prints them.
TEN = {
    "schema_version": "1.0", "measure": "SMD", "model": "univariate", "tau2_method": "REML",
    "overall": {"k_studies": 10, "k_effects": 10, "estimate": 1.5, "se": 0.25, "tau2": 0.64},
    "strata": [],
}  # fmt: skip
# A multilevel result with strata, one of them too small to be pooled.
STRATA = {
    "schema_version": "1.0", "measure": "SMD", "model": "multilevel", "tau2_method": "REML",
    "better": "higher",
    "overall": {"k_studies": 14, "k_effects": 21, "estimate": 1.1, "se": 0.2, "pi_df": 12.4,
                "tau2": None, "sigma2": {"study": 0.3, "effect": 0.06}},
    "strata": [
        {"by": {"species": "rat"}, "pooled": True, "reason": None, "k_studies": 8, "k_effects": 12,
         "estimate": 1.4, "se": 0.22, "pi_df": 6.8, "tau2": None,
         "sigma2": {"study": 0.2, "effect": 0.04}},
        {"by": {"species": "mouse"}, "pooled": True, "reason": None, "k_studies": 5, "k_effects": 8,
         "estimate": 0.7, "se": 0.3, "pi_df": 4.1, "tau2": None,
         "sigma2": {"study": 0.25, "effect": 0.0}},
        {"by": {"species": "rabbit"}, "pooled": False, "k_studies": 1, "k_effects": 1,
         "reason": "1 study: fewer than 3 are listed, not pooled"},
    ],
}  # fmt: skip
RESULTS: Mapping[str, Mapping[str, Any]] = {"ten.json": TEN, "strata.json": STRATA}
ASKED = ("n", "power", "mde")
FISCHER = {"endpoint": "BV/TV", "species": "rat", "strain": "Fischer", "site": "metaphysis"}


@dataclass(frozen=True)
class Case:
    """One plan and what is asked of it; `file` and `stratum` name the evidence, if there is any."""

    number: int
    asked: str
    sections: dict[str, dict[str, Any]]
    file: str | None = None
    stratum: tuple[tuple[str, str], ...] = ()

    @property
    def design(self) -> str:
        return str(self.sections["design"]["name"])

    def __str__(self) -> str:
        return f"{self.number} {self.asked} {self.sections} {self.file} {dict(self.stratum)}"

    def plan(self, result: str | None) -> dict[str, dict[str, Any]]:
        """The plan, its evidence under the name it has where it is asked."""
        sections = {section: dict(values) for section, values in self.sections.items()}
        if self.file is not None:
            evidence = {"result": result} | (
                {"stratum": dict(self.stratum)} if self.stratum else {}
            )
            sections["evidence"] = evidence | sections.get("evidence", {})
        return sections


def python_answer(case: Case, folder: Path, *, grid: bool = False) -> Answer:
    """What the planner answers outside the page; results lie in `folder`."""
    question = make_question(Plan(case.plan(case.file), folder))
    answers = {"n": answer_n, "power": answer_power, "mde": answer_mde}
    return answers[case.asked](question, grid=grid)


def write_results(folder: Path) -> list[Path]:
    """The pooled results as files."""
    paths = [folder / name for name in RESULTS]
    for path in paths:
        path.write_text(json.dumps(RESULTS[path.name]), encoding="utf-8")
    return paths


def pick(values: tuple[Any, ...], index: int) -> Any:
    return values[index % len(values)]


def named(**values: Any) -> dict[str, Any]:
    """The words that are given."""
    return {name: value for name, value in values.items() if value is not None}


def spread(i: int) -> dict[str, Any]:
    """Mean, SD or CV, and the difference, in each of the ways a bench scientist has them."""
    return dict(pick((
        {"mean": 20.0, "sd": 4.0, "difference": 5.0},
        {"mean": 20.0, "cv": 20.0, "percent": 30.0},
        {"cv": 24.0, "percent": -28.0},
        {"mean": 0.612, "sd": 0.071, "percent": 12.5},
        {"sd": 1.0, "difference": 1.2},
        {"mean": 143.0, "cv": 11.3, "difference": -20.0},
        {"mean": 5.2e-4, "sd": 6.1e-5, "difference": 7e-5},
    ), i))  # fmt: skip


def wishes(i: int, asked: str, sizes: tuple[Any, ...]) -> dict[str, Any]:
    """What is wanted of the test, the losses, and the animals where they are given."""
    return named(
        alpha=pick((None, 0.01, 0.1, None, 0.025), i),
        sides=pick((None, 2, None, 1), i),
        power=pick((None, 0.9, 0.95, 0.7), i // 2),
        losses=pick((None, 0.1, None, 0.25, 0.07), i // 3),
        n=None if asked == "n" else pick(sizes, i),
    )


def case(
    number: int,
    asked: str,
    design: dict[str, Any],
    inputs: dict[str, Any] | None = None,
    **more: Any,
) -> Case:
    values = design | ({"inputs": inputs} if inputs else {})
    sections = {"design": values} | more.pop("sections", {})
    return Case(number, asked, sections, **more)


def two_groups() -> Iterator[Case]:
    for i in range(24):
        asked = pick(ASKED, i)
        design = {
            "name": "two-groups",
            **spread(i),
            **wishes(i, asked, (8, [8, 12], 5, 30, [6, 4])),
        }
        design |= named(cage=pick((None, 3, 4), i))
        ratio = pick((None, 2, 0.5, None), i) if asked == "n" else None
        yield case(i, asked, design, named(ratio=ratio))
    for i in range(4):
        wanted = wishes(i, "n", ()) | {"name": "two-groups", "percent": 25.0 + 5 * i}
        yield case(24 + i, "n", wanted, sections={"study": dict(FISCHER)})
    sources: tuple[Any, ...] = (
        ("ten.json", ()), ("strata.json", ()), ("strata.json", (("species", "rat"),)),
        ("strata.json", (("species", "mouse"),)),
    )  # fmt: skip
    for i in range(12):
        file, stratum = pick(sources, i)
        asked = pick(("n", "power", "n"), i)
        words = dict(pick(({}, {"sd": 4.0, "mean": 20.0}, {"mean": 20.0, "cv": 20.0},
                           {"sd": 2.0, "difference": 2.5}), i // 2))  # fmt: skip
        words |= named(n=pick((10, 25, 12), i) if asked == "power" else None, name="two-groups")
        # The last is out of reach: the ceilings are .94, .96, .99 and .88.
        wanted = {"assurance": pick((0.6, 0.75, 0.7, 0.8, 0.99), i)}
        more = {"evidence": wanted} if "difference" not in words else {}
        yield case(28 + i, asked, words, file=file, stratum=stratum, sections=more)


def welch() -> Iterator[Case]:
    for i in range(10):
        asked = pick(ASKED, i)
        words = {"name": "two-groups-welch", "mean": 20.0}
        words |= {"difference": pick((4.0, -6.0, 9.5), i)}
        inputs = pick((
            {"sd_control": 3.0, "sd_treated": 6.0}, {"sd_control": 5.0, "sd_treated": 2.0},
            {"sd_control": 4.0, "sd_treated": 4.5, "ratio": 1.5},
        ), i // 3)  # fmt: skip
        yield case(i, asked, words | wishes(i, asked, (8, 12, 20)), dict(inputs))


def several_arms() -> Iterator[Case]:
    for i in range(20):
        asked = pick(ASKED, i)
        wanted = wishes(i, asked, (6, 9, 14))
        if i % 2:
            words = {"name": "several-arms", "arms": 3 + i % 4, **spread(i)}
            yield case(i, asked, words | wanted, named(comparisons=pick((None, 3), i // 2)))
        else:
            inputs = {"means": [100, 75, 76, 88, 92], "compare": pick(([4, 2], [5, 1], [2, 1]), i)}
            yield case(i, asked, {"name": "several-arms", "sd": 11.5} | wanted, inputs)


def shared_control() -> Iterator[Case]:
    for i in range(22):
        asked = pick(ASKED, i)
        words = {"name": "shared-control", "arms": pick((3, 4, 5), i // 3), **spread(i)}
        inputs = named(
            method=pick((None, "bonferroni", "dunnett", "holm", "none"), i),
            question=pick((None, "any", "all", None), i // 2),
            allocation=pick((None, None, "sqrt"), i),
        )
        if inputs.get("method") == "holm":
            words["arms"] = 3
        yield case(i, asked, words | wishes(i, asked, (8, 11, 16)), inputs)
    for i in range(4):
        words = {"name": "shared-control", "arms": 3, "sd": 4.0, "mean": 20.0}
        inputs = {"method": pick(("dunnett", "bonferroni"), i)}
        words |= {"n": 12 + i, "difference": 5.0 + i}
        yield case(22 + i, "power", words, inputs, file="ten.json")


def ancova() -> Iterator[Case]:
    for i in range(18):
        asked = pick(ASKED, i)
        words = {"name": "ancova", **spread(i), **wishes(i, asked, (6, 10, 15))}
        words |= named(baseline_correlation=pick((0.5, 0.7, 0.9, -0.3), i // 2))
        words |= named(arms=pick((None, None, 3), i), cage=pick((None, 3), i))
        yield case(i, asked, words)
    for i in range(4):
        words = {"name": "ancova", "sd": 4.0, "mean": 20.0, "baseline_correlation": 0.6}
        words |= {"n": 9 + i} if i % 2 else {}
        more = {"evidence": {"assurance": 0.7}}
        yield case(18 + i, pick(("n", "power"), i), words, file="strata.json",
                   stratum=(("species", "rat"),), sections=more)  # fmt: skip


def cages_whole() -> Iterator[Case]:
    for i in range(20):
        asked = pick(ASKED, i)
        words = {"name": "cages-whole", **spread(i), **wishes(i, asked, (5, 8, 12))}
        words |= {"cage": pick((3, 4, 2, 5), i), "icc": pick((0.2, 0.05, 0.4, 0.0), i // 2)}
        ratio = pick((None, None, 2), i) if asked == "n" else None
        yield case(i, asked, words, named(ratio=ratio))


def cages_within() -> Iterator[Case]:
    for i in range(14):
        asked = pick(ASKED, i)
        words = {"name": "cages-within", **spread(i), **wishes(i, asked, (6, 9, 14))}
        words |= {"cage": pick((4, 2, 6), i), "icc": pick((0.2, 0.05, 0.4), i // 2)}
        yield case(i, asked, words, named(error=pick((None, "clusters", "animals"), i)))


def two_by_two() -> Iterator[Case]:
    for i in range(16):
        asked = pick(ASKED, i)
        words = {"name": "two-by-two", **wishes(i, asked, (8, 12, 5))}
        if i % 2:
            yield case(i, asked, words | {"mean": 20.0, "sd": 4.0, "difference": 5.0 + i / 4})
        else:
            inputs = {"means": [20, 21, 12, pick((17, 18.5), i)]}
            yield case(i, asked, words | {"sd": 3.2}, inputs)


def repeated_scans() -> Iterator[Case]:
    for i in range(16):
        asked = pick(ASKED, i)
        words = {"name": "repeated-scans", **wishes(i, asked, (6, 9, 14))}
        words |= {"baseline_correlation": pick((0.6, 0.8, 0.3), i // 2)}
        inputs = named(question=pick((None, "change", "slope", "interaction"), i),
                       epsilon=pick((None, 0.8), i // 4))  # fmt: skip
        if inputs.get("question") == "slope":
            inputs["times"] = [0, 4, 12]
        if i % 4 in (0, 1):
            words |= {"mean": 20.0, "sd": 4.0, "difference": 4.0 + i / 8}
        else:
            words |= {"sd": 3.0}
            inputs["means"] = [[20, 18, 16], [20, 19.5, pick((19, 19.75), i)]]
        yield case(i, asked, words, inputs)


def non_inferiority() -> Iterator[Case]:
    for i in range(16):
        asked = pick(ASKED, i)
        margins: tuple[dict[str, Any], ...] = (
            {"mean": 20.0, "sd": 4.0, "difference": 4.0},
            {"mean": 20.0, "cv": 15.0, "percent": 15.0},
            {"sd": 1.0, "difference": 0.9},
        )
        words = {"name": "non-inferiority", **pick(margins, i // 3)}
        words |= {name: value for name, value in wishes(i, asked, (12, 20, 35)).items()
                  if name != "sides"}  # fmt: skip
        inputs = named(better=pick((None, "lower", "higher"), i // 2),
                       ratio=pick((None, 2), i) if asked == "n" else None)  # fmt: skip
        yield case(i, asked, words, inputs)


FAMILIES = (
    two_groups, welch, several_arms, shared_control, ancova, cages_whole, cages_within, two_by_two,
    repeated_scans, non_inferiority,
)  # fmt: skip
CASES: Mapping[str, tuple[Case, ...]] = {made.__name__: tuple(made()) for made in FAMILIES}
