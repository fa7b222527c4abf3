"""Assessments of studies: judgements, conflicts, weights and rules, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metabone.effects.escalc import escalc
from metabone.errors import DataError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.table import StudyTable
from metabone.extraction.where import select
from metabone.synthesis.choices.analyse import choices
from metabone.synthesis.choices.outliers import cut_mask
from metabone.synthesis.counting import count_animals
from metabone.synthesis.pool import pool
from metabone.synthesis.regression import regress
from metabone.synthesis.rob import assess
from metabone.synthesis.sensitivity.sensitivity import sensitivity

HEAD = (
    "study,comparison,outcome,unit,n_treated,mean_treated,dispersion_treated,n_control,"
    "mean_control,dispersion_control,dispersion_type,rob_sequence_generation,rob_random_housing,"
    "rob_funding,camarades_welfare,arrive_blinding"
)
# Study A has 2 rows that agree, B has 2 that do not, C is blank in part, D holds other words.
ROWS = (
    "A,x,BMD,g/cm2,8,0.20,0.02,8,0.18,0.02,SD,low,Low risk,+,yes,partly",
    "A,y,BMD,g/cm2,6,0.21,0.02,6,0.18,0.02,SD,low,,+,y,Partial",
    "B,x,BMD,g/cm2,10,0.22,0.02,10,0.18,0.02,SD,high,unclear,-,0,no",
    "B,y,BMD,g/cm2,10,0.19,0.02,10,0.18,0.02,SD,low,unclear,-,no,no",
    "C,x,BMD,g/cm2,5,0.23,0.02,5,0.18,0.02,SD,,unclear,low,,yes",
    "D,x,BMD,g/cm2,4,0.20,0.02,4,0.18,0.02,SD,some concerns,low,low,yes,yes",
)


@pytest.fixture
def table(tmp_path: Path) -> StudyTable:
    path = tmp_path / "t.csv"
    path.write_text("\n".join([HEAD, *ROWS]) + "\n", encoding="utf-8")
    return read_table(path)


def of(result: Any, study: str) -> dict[str, str]:
    return next(dict(one.judgements) for one in result.studies if one.study == study)


def test_a_study_has_what_its_rows_share(table: StudyTable) -> None:
    result = assess(table)
    assert [item.name for item in result.items] == [
        "rob_sequence_generation", "rob_random_housing", "rob_funding",
    ]  # fmt: skip
    assert [item.domain for item in result.items] == ["selection", "performance", "other"]
    assert list(of(result, "A").values()) == ["low", "low", "low"]
    assert list(of(result, "B").values()) == ["conflicting", "unclear", "high"]
    assert list(of(result, "C").values()) == ["not judged", "unclear", "low"]
    assert list(of(result, "D").values()) == ["not judged", "low", "low"]
    assert len(result.absent) == 8
    assert [study.study for study in result.studies] == list("ABCD")


def test_conflicts_are_told_whatever_is_made_of_them(table: StudyTable) -> None:
    for policy, wanted in (("show", "conflicting"), ("worst", "high")):
        result = assess(table, conflicts=policy)
        assert of(result, "B")["rob_sequence_generation"] == wanted
        (clash,) = result.conflicts
        assert (clash.study, clash.item) == ("B", "rob_sequence_generation")
        assert dict(clash.rows) == {"low": (5,), "high": (4,)}
        assert any("B: rob_sequence_generation is low in row 5, high in row 4" in text
                   for text in result.warnings)  # fmt: skip


def test_cells_that_are_no_answer_are_told(table: StudyTable) -> None:
    (cell,) = assess(table).unread
    assert (cell.row, cell.item, cell.value) == (7, "rob_sequence_generation", "some concerns")


def test_shares_by_hand(table: StudyTable) -> None:
    # Weights by study: 1 each; rows 2, 2, 1, 1; animals 28, 40, 10, 8 of 86.
    cases = {
        "studies": (25.0, 25.0, 50.0), "effects": (100 * 2 / 6, 100 * 2 / 6, 100 * 2 / 6),
        "animals": (100 * 28 / 86, 100 * 40 / 86, 100 * 18 / 86),
    }  # fmt: skip
    for weights, wanted in cases.items():
        result = assess(table, weights=weights)
        found = [
            result.share("rob_sequence_generation", one).percent
            for one in ("low", "conflicting", "not judged")
        ]
        assert found == pytest.approx(wanted)
        for item in result.items:
            parts = [share for share in result.shares if share.item == item.name]
            assert sum(share.percent for share in parts) == pytest.approx(100)
            assert sum(share.studies for share in parts) == 4


def test_pooled_weights_are_those_of_the_answer(table: StudyTable) -> None:
    answer = pool(escalc(table, "MD"), model="univariate")
    result = assess(table, weights="pooled", pooled=answer)
    weights = answer.overall.weights
    assert result.share("rob_funding", "high").percent == pytest.approx(
        100 * (weights[4] + weights[5]) / sum(weights.values())
    )
    with pytest.raises(UsageError, match="needs the pooled answer"):
        assess(table, weights="pooled")


def test_studies_that_are_not_pooled_have_no_part(table: StudyTable) -> None:
    some = table.keep(table.frame["study"] != "D")
    result = assess(table, weights="pooled", pooled=pool(escalc(some, "MD"), model="univariate"))
    assert result.unweighted == ("D",)
    assert result.studies[-1].percent is None
    assert "without a weight, and so without a part in the shares: D" in result.warnings[-1]


def test_weights_below_zero_are_refused(table: StudyTable) -> None:
    answer = pool(escalc(table, "MD"), model="univariate")
    weights = {**answer.overall.weights, 2: -90.0, 3: 1.0}
    from dataclasses import replace

    bad = replace(answer, overall=replace(answer.overall, weights=weights))
    with pytest.raises(DataError, match="A has a weight below 0"):
        assess(table, weights="pooled", pooled=bad)


def test_many_studies_are_judged_as_one_by_one(tmp_path: Path) -> None:
    """Rows in disorder, blanks, contradictions: against sets of words and counts study by study."""
    random = np.random.default_rng(5)
    words = random.choice(["low", "unclear", "high", ""], (400, 3), p=[0.6, 0.1, 0.1, 0.2])
    lines = [
        f"S{random.integers(120)},{random.choice(['x', 'y', ''])},BMD,g/cm2,"
        f"{random.integers(4, 12)},0.2,0.02,{random.integers(4, 12)},0.18,0.02,SD,{','.join(row)},,"
        for row in words.tolist()
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    frame = read_table(path).frame
    result = assess(read_table(path), weights="animals")
    worst = assess(read_table(path), conflicts="worst")
    parts = {name: frame[frame["study"] == name] for name in frame["study"].unique()}
    assert [one.study for one in result.studies] == list(parts)
    animals = {name: count_animals(part) for name, part in parts.items()}
    assert count_animals(frame) == sum(animals.values())
    clashes = []
    for study, own in zip(result.studies, worst.studies, strict=True):
        part = parts[study.study]
        assert study.rows == tuple(part.index)
        assert study.percent == pytest.approx(100 * animals[study.study] / sum(animals.values()))
        for item in result.items:
            given = set(part[item.name].dropna())
            alone = given.pop() if len(given) == 1 else "conflicting" if given else "not judged"
            assert study.judgements[item.name] == alone
            if alone == "conflicting":
                assert own.judgements[item.name] == ("high" if "high" in given else "unclear")
                clashes.append((study.study, item.name))
                told = result.conflicts[len(clashes) - 1].rows
                assert {answer: list(rows) for answer, rows in told.items()} == {
                    answer: part.index[part[item.name] == answer].tolist() for answer in given
                }
    assert [(clash.study, clash.item) for clash in result.conflicts] == clashes
    assert len(clashes) > 20


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("worst", ["low", "high", "unclear", "unclear"]),
        ("highs:1", ["low", "high", "unclear", "unclear"]),
        ("highs:2", ["low", "unclear", "unclear", "unclear"]),
    ],
)
def test_rules(table: StudyTable, rule: str, wanted: list[str]) -> None:
    result = assess(table, overall=rule)
    assert [study.overall for study in result.studies] == wanted
    assert result.share(None, "low").studies == 1
    assert "Overall: high with" in result.summary()
    assert assess(table).studies[0].overall is None


def test_a_rule_counts_conflicts_by_their_policy(table: StudyTable) -> None:
    result = assess(table, overall="highs:2", conflicts="worst")
    assert result.studies[1].overall == "high"


@pytest.mark.parametrize("rule", ["best", "highs", "highs:0", "highs:-1", "highs:2.5", ""])
def test_rules_that_are_none(table: StudyTable, rule: str) -> None:
    with pytest.raises(UsageError, match=r"'worst' or 'highs:N'"):
        assess(table, overall=rule)


@pytest.mark.parametrize("tool", ["camarades", "arrive"])
def test_lists_of_reporting_have_no_rule(table: StudyTable, tool: str) -> None:
    with pytest.raises(UsageError, match="no overall judgement"):
        assess(table, tool, overall="worst")


def test_other_lists(table: StudyTable) -> None:
    result = assess(table, "camarades")
    found = [study.judgements["camarades_welfare"] for study in result.studies]
    assert found == ["yes", "no", "not judged", "yes"]
    arrive = assess(table, "arrive")
    found = [study.judgements["arrive_blinding"] for study in arrive.studies]
    assert found == ["partly", "no", "yes", "yes"]
    assert arrive.share("arrive_blinding", "yes").percent == 50
    assert arrive.to_frame()["n_partly"].tolist() == [1, 0, 0, 0]


def test_nothing_to_judge(table: StudyTable) -> None:
    with pytest.raises(DataError, match="no rows are left"):
        assess(table.keep(table.frame["study"] == "Z"))
    blank = table.keep(table.frame["study"] == "C")
    with pytest.raises(DataError, match="hold no judgement"):
        assess(blank, "camarades")
    with pytest.raises(DataError, match=r"no column of ARRIVE 2\.0"):
        assess(read_table("exosome-synthetic"), "arrive")
    with pytest.raises(UsageError, match="tool must be one of"):
        assess(table, "robins")


def test_animals_that_nobody_tells(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("study,outcome,rob_x\nA,BMD,low\nB,BMD,high\n", encoding="utf-8")
    bare = read_table(path)
    assert assess(bare).share("rob_x", "low").percent == 50
    with pytest.raises(DataError, match="no study says how many animals"):
        assess(bare, weights="animals")


def test_one_study(table: StudyTable) -> None:
    result = assess(table.keep(table.frame["study"] == "A"), overall="worst")
    assert result.share(None, "low").percent == 100
    assert "1 study, 3 items" in result.summary()


def test_json_is_exact(table: StudyTable) -> None:
    content = json.loads(json.dumps(assess(table, overall="worst").to_dict()))
    assert content["input"]["used"] == 6
    assert content["studies"][1]["judgements"]["rob_sequence_generation"] == "conflicting"
    assert content["conflicts"][0]["rows_by_answer"] == {"low": [5], "high": [4]}


def test_excluded_rows_are_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    head = "study,outcome,rob_x,exclude\n"
    path.write_text(head + "A,BMD,low,\nB,BMD,high,retracted\n", encoding="utf-8")
    result = assess(select(read_table(path)))
    assert [study.study for study in result.studies] == ["A"]
    assert result.excluded[0].row == 3


def test_the_cut_of_choices_speaks_the_same_words(table: StudyTable) -> None:
    """Signs and long spellings are read before the cut sees them; other words are unclear to it."""
    kept = cut_mask(table.frame, "no_high")
    assert table.frame.index[kept].tolist() == [2, 3, 6, 7]
    assert table.frame.index[cut_mask(table.frame, "low")].tolist() == [2]


def synthetic(**columns: Any) -> StudyTable:
    return select(read_table("exosome-synthetic"), outcome=("BMD",))


def test_an_item_is_a_moderator() -> None:
    result = regress(escalc(synthetic()), "rob_sequence_generation")
    names = [str(name) for name in result.to_frame()["term"]]
    assert sum("rob_sequence_generation" in name for name in names) == 2


def test_items_order_and_cut_the_evidence() -> None:
    effects = escalc(synthetic())
    assert sensitivity(effects, cumulative="quality").cumulative is not None
    result = choices(
        synthetic(), {"rob": ["all", "no_high"], "outliers": "none", "variance": "LS",
                      "measure": "SMD", "tau2": "REML", "rho": 0.5, "control": "exact",
                      "cluster": "none", "ci": "hksj"}, permutations=0,
    )  # fmt: skip
    counts = {one.options["rob"]: one.k_effects for one in result.answered}
    frame = effects.frame
    items = [name for name in frame.columns if name.startswith("rob_")]
    assert counts["no_high"] == int((~(frame[items] == "high").any(axis=1)).sum())


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    name = "<script>=cmd|' /C calc'!A0\u202e"
    frame = pd.DataFrame({"study": [name], "outcome": ["BMD"], "rob_<b>": ["low"]})
    frame.to_csv(path, index=False)
    result = assess(read_table(path))
    assert "<script>" not in result._repr_html_()
    assert result.items[0].name == "rob_b"
