from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metabone.cli import main
from metabone.cli.plan_options import OPTIONS
from metabone.planning.plan_keys import KEYS

ROOT = Path(__file__).resolve().parents[2]
# Ten studies, mean 1.5 (se .25, τ .8): 18 and 81 animals a group for .8 and .9, ceiling .94435
# (planning cases of the oracle; Higgins 2009 for the predictive t with k − 2 df).
TEN = {
    "schema_version": "1.0", "measure": "SMD", "model": "univariate", "tau2_method": "REML",
    "overall": {"k_studies": 10, "k_effects": 10, "estimate": 1.5, "se": 0.25, "tau2": 0.64},
    "strata": [],
}  # fmt: skip


@pytest.fixture
def ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ten.json").write_text(json.dumps(TEN), encoding="utf-8")
    return "ten.json"


class Said:
    """What one command said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def first(self) -> str:
        return self.out.splitlines()[0]


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as stop:
            main(["plan", *arguments])
        said = capsys.readouterr()
        return Said(int(stop.value.code or 0), said.out, said.err)

    return run


RATS = ("--species", "rat", "--mean", "20", "--cv", "20", "--percent", "30")


def test_the_first_line_is_the_answer(plan: Any) -> None:
    # d = 1.5: 9 a group (planning case "n_plugin_80").
    said = plan("n", *RATS, "--cage", "3")
    assert said.code == 0
    assert said.first == "9 rats a group, 18 in all, 6 cages of 3"


def test_five_arms_and_cages(plan: Any) -> None:
    said = plan("n", *RATS, "--cage", "3", "--arms", "5", "--power", "0.999")
    size = int(said.first.split()[0])
    assert said.first == f"{size} rats a group, {5 * size} in all, {5 * -(-size // 3)} cages of 3"


def test_losses_are_added(plan: Any) -> None:
    # 9 / (1 − 0.1) = 10 (planning case "inflate for losses": 10 → 12 at 0.1, rounded up).
    said = plan("n", *RATS, "--losses", "0.1")
    assert said.first == "10 rats a group, 20 in all (18 expected at the end)"


@pytest.mark.parametrize(("target", "animals"), [("0.8", 18), ("0.9", 81)])
def test_assurance_from_a_meta_analysis(plan: Any, ten: str, target: str, animals: int) -> None:
    said = plan("n", "--from-meta", ten, "--assurance", target, "--species", "rat")
    assert said.code == 0
    assert said.first == f"{animals} rats a group, {2 * animals} in all"
    assert (
        "plug-in (d 1.50): 9 a group, chance of success 0.693" in plan("n", "--from-meta", ten).out
    )


def test_an_unreachable_target_has_its_ceiling_and_status_3(plan: Any, ten: str) -> None:
    said = plan("n", "--from-meta", ten, "--assurance", "0.95")
    assert said.code == 3
    sentence = "no number of animals reaches an assurance of 0.95: the ceiling is 0.944"
    assert said.first.startswith(sentence)
    assert said.err.startswith(f"metabone: {sentence}")
    assert said.err.count("\n") == 1


def test_an_unreachable_target_in_json(plan: Any, ten: str) -> None:
    said = plan("n", "--from-meta", ten, "--assurance", "0.95", "--json", "-")
    assert said.code == 3
    answer = json.loads(said.out)
    assert answer["reachable"] is False
    assert answer["ceiling"] == pytest.approx(0.94435, abs=1e-5)
    assert answer["size"] is None


@pytest.mark.parametrize(("n", "chance"), [("8", 0.6660), ("12", 0.7488), ("20", 0.8178)])
def test_assurance_of_given_animals(plan: Any, ten: str, n: str, chance: float) -> None:
    said = plan("assurance", "--from-meta", ten, "--n", n, "--json", "-")
    assert json.loads(said.out)["evidence"]["assurance"] == pytest.approx(chance, abs=5e-5)


def test_several_arms_ask_a_contrast_and_show_the_omnibus(plan: Any) -> None:
    # Five-arm study of the planning cases: omnibus .9429, contrast .439, three comparisons .2641.
    arms = ("--design", "several-arms", "--set", "means=[100,75,76,88,92]", "--sd", "10", "--n",
            "5", "--set", "compare=[4,3]")  # fmt: skip
    outputs = json.loads(plan("power", *arms, "--json", "-").out)["outputs"]
    assert outputs["power"] == pytest.approx(0.4390, abs=5e-5)
    assert outputs["power_omnibus"] == pytest.approx(0.9429, abs=5e-5)
    shared = json.loads(plan("power", *arms, "--set", "comparisons=3", "--json", "-").out)
    assert shared["outputs"]["power"] == pytest.approx(0.2641, abs=5e-5)
    said = plan("power", *arms)
    assert said.first.startswith("power 0.439 with 5 animals a group, 25 in all")
    assert "0.943: omnibus F: whether any arms differ" in said.out


def test_smallest_detectable_difference(plan: Any) -> None:
    # d = 1.506634 at 8 a group and .8 (planning case), with SD 4: 6.03.
    said = plan("mde", "--mean", "20", "--sd", "4", "--n", "8", "--json", "-")
    assert json.loads(said.out)["outputs"]["effect"] == pytest.approx(4 * 1.506634228, abs=1e-6)


def test_cages_are_the_unit_when_they_correlate(plan: Any) -> None:
    # 10 cages of 3, d 1.2, ICC .3: power .6257 (planning case "whole-cage allocation").
    said = plan("power", "--sd", "1", "--difference", "1.2", "--cage", "3", "--icc", "0.3", "--n",
                "5", "--json", "-")  # fmt: skip
    answer = json.loads(said.out)
    assert answer["design"] == "cages-whole"
    assert answer["outputs"]["power"] == pytest.approx(0.6257122022, abs=1e-6)


def test_a_baseline_scan_saves_animals(plan: Any) -> None:
    # d 1.2, r .7, n 10: .9289 with the baseline, .7184 without (planning case).
    said = plan("power", "--sd", "1", "--difference", "1.2", "--baseline-correlation", "0.7", "--n",
                "10", "--json", "-")  # fmt: skip
    outputs = json.loads(said.out)["outputs"]
    assert outputs["power"] == pytest.approx(0.9289357301, abs=1e-6)
    assert outputs["power_without_baseline"] == pytest.approx(0.7184053765, abs=1e-6)


def test_the_shipped_variability_fills_the_sd_or_asks(plan: Any) -> None:
    words = ("--endpoint", "BV/TV", "--species", "rat", "--percent", "30")
    asked = plan("n", *words)
    assert asked.code == 2
    assert asked.err.startswith("metabone: say more (--site")
    said = plan("n", *words, "--strain", "Fischer", "--site", "distal femur metaphysis", "--json",
                "-")  # fmt: skip
    answer = json.loads(said.out)
    assert answer["unit"] == "% of the control mean"
    assert answer["variability"]["labs"] == 1
    assert any("other scanners" in text for text in answer["warnings"])


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        (("--cage", "4"), "the cage is the unit"),
        (("--design", "cages-whole", "--cage", "4"), "give --icc"),
        (("--measurements", "3"), "are one n"),
        (("--scanner", "A", "--sd-scanner", "B"), "another scanner (B) than yours (A)"),
        (("--percent", "70"), "over 3 SD often come from a SEM"),
        (("--baseline-correlation", "0.7"), "Repeated in-vivo scans alter bone"),
    ],
)
def test_warnings(plan: Any, options: tuple[str, ...], warning: str) -> None:
    said = plan("n", *RATS, *options, "--json", "-")
    assert any(warning in text for text in json.loads(said.out)["warnings"])
    assert not any(warning in text for text in json.loads(
        plan("n", *RATS, "--json", "-").out
    )["warnings"])  # fmt: skip


def test_a_ceiling_under_the_target_is_a_warning_where_power_is_asked(plan: Any, ten: str) -> None:
    said = plan("n", "--from-meta", ten, "--sd", "1", "--difference", "1", "--power", "0.96")
    assert said.code == 0
    assert "the ceiling of assurance is 0.94" in " ".join(said.out.split())


def test_the_grid_holds_the_answer_in_its_middle(plan: Any) -> None:
    answer = json.loads(plan("n", *RATS, "--json", "-").out)
    grid = answer["grid"]
    row, column = grid["sd_factors"].index(1.0), grid["effect_factors"].index(1.0)
    assert grid["cells"][row][column] == answer["size"] == 9
    for line in grid["cells"]:
        assert line == sorted(line, reverse=True)  # larger effects need fewer
    for line in zip(*grid["cells"], strict=True):
        assert list(line) == sorted(line)  # larger SDs need more


def test_comparison_of_designs(plan: Any) -> None:
    said = plan("compare", *RATS, "--designs", "two-groups,ancova,paired,two-groups-welch")
    assert "two-groups        9 rats a group" in said.out
    assert "ancova            give correlation" in said.out
    assert plan("compare", *RATS, "--designs", "two-gruops").code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("n", "--design", "two-gruops", *RATS), "did you mean 'two-groups'"),
        (("n", "--mean", "20", "--percent", "30"), "how much do animals vary?"),
        (("n", "--mean", "20", "--sd", "4"), "give difference"),
        (("n", *RATS, "--sd", "0"), "sd must be above 0"),
        (("n", *RATS, "--alpha", "5"), "alpha must be between 0 and 1"),
        (("n", *RATS, "--losses", "10"), "losses must be from 0 to 0.9"),
        (("power", *RATS), "say how many: --n"),
        (("power", *RATS, "--n", "6.5"), "--n takes a whole number"),
        (("n", *RATS, "--design", "two-groups", "--icc", "0.2"), "use cages-whole"),
        (("n", *RATS, "--set", "ratoi=2"), "did you mean 'ratio'"),
        (("n", *RATS, "--set", "ratio"), "--set takes INPUT=VALUE"),
        (("n", *RATS, "--set", "ratio=1\nsd=3"), "--set takes one value"),
        (("n", *RATS, "--assurance", "0.8"), "assurance needs evidence"),
        (("n", *RATS, "-o", "curve.jpg"), "a figure ends in one of"),
        (("report", *RATS, "-o", "plan.pdf"), "a report ends in .md or .docx"),
        (("allocate",), "give the list of animals"),
    ],
)
def test_wrong_usage(plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                     arguments: tuple[str, ...], message: str) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    said = plan(*arguments)
    assert said.code == 2
    assert message in said.err
    assert said.err.startswith("metabone: ")
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_evidence_that_is_none(plan: Any, ten: str) -> None:
    assert plan("n", "--from-meta", "nowhere.json").code == 1
    Path("other.json").write_text('{"a": 1}', encoding="utf-8")
    assert "metabone pool" in plan("n", "--from-meta", "other.json").err
    assert (
        "has none: pool with --by" in plan("n", "--from-meta", ten, "--stratum", "species=rat").err
    )


def test_nothing_in_an_option_is_executed(plan: Any, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    code = f"__import__('pathlib').Path('{canary}').touch()"
    for options in (("--set", f"means={code}"), ("--n", code), ("--stratum", f"a={code}"),
                    ("--design", code), ("--endpoint", code)):  # fmt: skip
        plan("n", *RATS, *options)
    assert not canary.exists()


def test_a_new_plan_is_read_again(plan: Any, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    assert plan("new", *RATS, "--title", "Exosomes", "-o", str(path)).code == 0
    assert plan("new", "-o", str(path)).code == 1  # not replaced without --force
    said = plan("n", "--plan", str(path))
    assert said.first == "9 rats a group, 18 in all"
    assert "study       Exosomes" in said.out
    # An option stands before the file.
    assert plan("n", "--plan", str(path), "--percent", "-30", "--power", "0.9").code == 0


def test_what_a_new_plan_prints_is_what_it_writes(plan: Any, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    plan("new", "-o", str(path))
    assert plan("new").out == path.read_text(encoding="utf-8")


def test_every_option_of_a_plan_is_a_key_of_its_file() -> None:
    keys = {(key.section, key.name) for key in KEYS}
    assert {place for place, _ in OPTIONS.values() if place is not None} <= keys


def test_the_curve_is_drawn_and_the_same_each_time(plan: Any, ten: str) -> None:
    for name in ("a.svg", "b.svg"):
        said = plan("n", "--from-meta", ten, "--title", "<b>$x$</b>", "-o", name)
        assert said.code == 0
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    text = Path("a.svg").read_text(encoding="utf-8")
    assert "assurance over what 10 studies expect" in text
    assert "ceiling 94%" in text
    assert "<b>" not in text


def test_planning_loads_no_library(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom metabone.cli import main\n"
        f"try:\n    main({['plan', 'n', *RATS, '--json', 'a.json']!r})\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "heavy = ('pandas', 'numpy', 'scipy', 'matplotlib', 'statsmodels', 'rich.progress')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip().endswith("[]"), run.stdout + run.stderr
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["size"] == 9


ANIMALS = "id,cage,weight\n" + "".join(f"R{i},C{i // 3},{240 + 7 * i % 31}\n" for i in range(12))


def test_allocation(plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("animals.csv").write_text(ANIMALS, encoding="utf-8")
    asked = ("allocate", "animals.csv", "--groups", "sham,vehicle,exosomes", "--seed", "7")
    assert "give --key" in plan(*asked, "-o", "list.csv").err
    assert "give --seed" in plan(*asked[:4]).err
    assert (
        "is the table itself" in plan(*asked, "-o", "animals.csv", "--key", "k.csv", "--force").err
    )
    said = plan(*asked, "-o", "list.csv", "--key", "key.csv")
    assert said.code == 0
    assert said.first.startswith("12 animals, single animals randomised")
    assert "cage is even across groups" in said.out
    coded = Path("list.csv").read_text(encoding="utf-8")
    assert not any(word in coded for word in ("sham", "vehicle", "exosomes"))
    key = dict(line.split(",")[:2] for line in Path("key.csv").read_text().splitlines()[1:])
    assert sorted(key.values()) == ["exosomes", "sham", "vehicle"]
    rows = [line.split(",") for line in coded.splitlines()[1:]]
    for cage in {row[1] for row in rows}:
        assert len({row[3] for row in rows if row[1] == cage}) == 3
    again = plan(*asked, "-o", "list2.csv", "--key", "key2.csv")
    assert again.code == 0
    assert Path("list2.csv").read_bytes() == Path("list.csv").read_bytes()
    tested = plan("allocate", "list.csv", "--grouped-by", "group", "--check", "weight")
    assert tested.first.startswith("weight is even")


def test_simulation_agrees_with_the_formula(plan: Any) -> None:
    asked = ("simulate", *RATS, "--n", "8", "--replicates", "20000", "--seed", "3")
    found = json.loads(plan(*asked, "--json", "-").out)
    # d = 1.5, 8 a group: power .7965, from the noncentral t.
    assert found["formula"] == pytest.approx(0.7965, abs=1e-4)
    assert abs(found["margin"]) < 4
    other = json.loads(plan(*asked, "--workers", "1", "--json", "-").out)
    assert other["rates"] == found["rates"]


@pytest.fixture
def ovx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ovx-plan"
    shutil.copytree(ROOT / "analyses" / "ovx-plan", folder)
    monkeypatch.chdir(folder)
    return folder


def test_the_shipped_plan_from_beginning_to_end(plan: Any, ovx: Path) -> None:
    said = plan("n", "--plan", "plan.toml")
    # What the page on planning shows.
    page = (ROOT / "docs" / "planning.md").read_text(encoding="utf-8")
    assert said.first in page
    refused = plan("n", "--plan", "plan.toml", "--assurance", "0.8")
    assert refused.code == 3
    assert refused.first in page
    # The predictive is t with 1 df around .1832 with scale .2134: P(T < .8585) of a Cauchy.
    assert "the ceiling is 0.726" in refused.first
    before = {path.name: path.read_bytes() for path in ovx.iterdir()}
    plan("n", "--plan", "plan.toml", "-o", "curve.svg", "--force")
    plan("report", "--plan", "plan.toml", "-o", "report.md", "--force")
    plan("allocate", "--plan", "plan.toml", "-o", "allocation.csv", "--key",
         "allocation-key.csv", "--force")  # fmt: skip
    changed = [name for name, bytes_ in before.items() if (ovx / name).read_bytes() != bytes_]
    assert changed == []


def test_the_shipped_evidence_is_what_pooling_gives(ovx: Path) -> None:
    shipped = json.loads(Path("evidence.json").read_text(encoding="utf-8"))
    with pytest.raises(SystemExit):
        main(["pool", "anabolic", "--outcome", "BV/TV", "--where", "assay == 'microCT'",
              "--json", "again.json"])  # fmt: skip
    again = json.loads(Path("again.json").read_text(encoding="utf-8"))
    for field in ("estimate", "se", "tau2", "k_studies", "k_effects"):
        assert again["overall"][field] == pytest.approx(shipped["overall"][field], abs=1e-6)
    assert again["input"]["sha256"] == shipped["input"]["sha256"]
