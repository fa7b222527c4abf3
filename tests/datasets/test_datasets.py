"""The shipped data sets are what their descriptions say."""

import csv
import hashlib
import io
import json
import math
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from metabone.errors import UsageError
from metabone.extraction.schema import BY_NAME
from metabone.extraction.shipped import (
    analyses_root,
    dataset,
    datasets_root,
    find_dataset,
    list_datasets,
)

ROOT = Path(__file__).parents[2] / "datasets"
PACKAGES = sorted(ROOT.glob("*/datapackage.json"))
EXPECTED = {
    "anabolic": (85, 7),
    "bone-variability": (392, None),
    "exosome-osteoporosis": (9, 9),
    "exosome-synthetic": (130, 30),
    "published-results": (30, None),
    "unloading": (483, 15),
}
TYPES = {"integer": int, "number": float, "string": str}


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def data(name: str) -> list[dict[str, str]]:
    return rows_of(ROOT / name / "data.csv")


def load_module(path: Path) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(path)))  # leaves no compiled file behind


def resources() -> list:
    found = []
    for package in PACKAGES:
        for resource in json.loads(package.read_text(encoding="utf-8"))["resources"]:
            name = f"{package.parent.name}/{resource['path']}"
            found.append(pytest.param(package.parent, resource, id=name))
    return found


def test_the_six_data_sets_are_there():
    assert {p.parent.name for p in PACKAGES} == set(EXPECTED)
    assert {info.name: (info.rows, info.studies) for info in list_datasets()} == EXPECTED


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.parent.name)
def test_package_has_what_a_reader_needs(package):
    content = json.loads(package.read_text(encoding="utf-8"))
    assert content["profile"] == "tabular-data-package"
    assert content["name"] == package.parent.name
    for key in ("title", "description", "licenses", "sources", "contributors"):
        assert content[key], key
    assert all(licence["name"] and licence["title"] for licence in content["licenses"])
    assert all(source["title"] and source["path"] for source in content["sources"])
    readme = package.with_name("README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {content['name']}")
    assert re.search(r"[Ll]icen[cs]e", readme)


@pytest.mark.parametrize(("folder", "resource"), resources())
def test_resource_is_the_file_it_describes(folder, resource):
    raw = (folder / resource["path"]).read_bytes()
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8"))))
    assert resource["bytes"] == len(raw)
    assert resource["hash"] == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert resource["rows"] == len(rows) - 1
    assert {len(row) for row in rows} == {len(rows[0])}
    assert [field["name"] for field in resource["schema"]["fields"]] == rows[0]


@pytest.mark.parametrize(("folder", "resource"), resources())
def test_every_cell_is_of_its_columns_type(folder, resource):
    rows = rows_of(folder / resource["path"])
    for field in resource["schema"]["fields"]:
        assert field["description"]
        limits = field.get("constraints", {})
        for row in rows:
            cell = row[field["name"]]
            if cell == "":
                assert not limits.get("required"), field["name"]
                continue
            TYPES[field["type"]](cell)
            if "enum" in limits:
                assert cell in limits["enum"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.parent.name)
def test_every_csv_of_the_folder_is_described(package):
    content = json.loads(package.read_text(encoding="utf-8"))
    described = {resource["path"] for resource in content["resources"]}
    assert described == {path.name for path in package.parent.glob("*.csv")}


def test_the_nine_studies_carry_no_numbers():
    rows = data("exosome-osteoporosis")
    effect_columns = {name for name, column in BY_NAME.items() if column.role == "data"}
    assert effect_columns.isdisjoint(rows[0])
    numeric = {
        column
        for column in rows[0]
        for row in rows
        if re.fullmatch(r"[-+]?\d+([.,]\d+)?\s*%?", row[column])
    }
    assert numeric == {"year", "reference"}
    assert not any("±" in cell for row in rows for cell in row.values())


def test_the_nine_studies_are_those_of_the_review():
    told = [(row["study"], row["exosome_source"], row["reference"]) for row in
            data("exosome-osteoporosis")]  # fmt: skip
    # Table 1 of doi:10.4252/wjsc.v15.i3.83, top to bottom.
    assert told == [
        ("Zuo 2019", "BMSC", "24"), ("Zhao 2018", "BMSC", "25"), ("Liao 2019", "BMSC", "26"),
        ("Qi 2016", "hiPSC-MSC", "27"), ("Hu 2021", "BMSC", "28"), ("Zhang 2021", "AD-MSC", "31"),
        ("Nakao 2021", "GMSC", "32"), ("Xu 2018", "BMSC", "33"), ("Wei 2019", "BMSC", "40"),
    ]  # fmt: skip
    assert [row["target_cell"] for row in data("exosome-osteoporosis")] == [
        "BMSC", "osteoblast", "osteoblast", "osteoblast", "osteoblast", "osteoclast",
        "osteoclast", "osteoclast", "osteoblast",
    ]  # fmt: skip


def test_dois_of_the_nine_stand_only_where_they_were_read():
    with_doi = {row["study"] for row in data("exosome-osteoporosis") if row["doi"]}
    assert with_doi == {"Zuo 2019", "Zhang 2021", "Nakao 2021", "Xu 2018"}


def test_every_judgement_of_the_nine_says_where_it_was_read():
    for row in data("exosome-osteoporosis"):
        assert "Huo 2023" in row["location"] or "text" in row["location"]
        assert row["look_up"]
        assert row["note"]


def test_unloading_counts_are_those_of_its_readme():
    rows = data("unloading")
    both = [row for row in rows if row["n_treated"] and row["n_control"]]
    assert (len(both), len({row["study"] for row in both})) == (408, 13)
    assert len({row["control_id"] for row in rows}) == 28
    assert sum(row["dispersion_type"] == "SEM" for row in rows) == 64
    assert sum(row["source"] == "animal-level data" for row in rows) == 249


def test_anabolic_counts_are_those_of_its_readme():
    rows = data("anabolic")
    both = [row for row in rows if row["n_treated"] and row["n_control"]]
    assert (len(both), len({row["study"] for row in both})) == (60, 5)
    assert sum(row["dispersion_type"] == "SEM" for row in rows) == 71


@pytest.mark.parametrize("name", ["unloading", "anabolic"])
def test_bone_restates_the_site(name):
    words = {"femur": "femo|femu", "lumbar vertebra": "lumbar", "caudal vertebra": "caudal"}
    for row in data(name):
        if row["bone"]:
            assert re.search(words.get(row["bone"], row["bone"]), row["site"])
        else:
            assert row["site"] in {"", "plasma", "serum", "hindlimb (femoral neck to ankle)"}


def test_unloading_kind_restates_the_model():
    for row in data("unloading"):
        kind, model = row["unloading_kind"], row["model"]
        assert model.startswith(kind.split(",")[0].replace(" bearing", ""))
        assert kind.endswith("1/6 g") == ("1/6 g" in model)


def test_compartment_restates_note_or_location():
    rows = [row for row in data("unloading") if row["outcome"] == "vBMD"]
    assert len(rows) == 29
    for row in rows:
        told = f"{row['note']} {row['location']}".replace("cancellous", "trabecular")
        assert row["compartment"] in told
        assert {"trabecular": "cortical", "cortical": "trabecular"}[row["compartment"]] not in told
    assert not any(row["compartment"] for row in data("unloading") if row["outcome"] != "vBMD")


@pytest.mark.parametrize(
    ("study", "outcome", "site", "arm", "figures"),
    [
        # Ellman 2013, Table 2 (PMC4118556): HLU n = 23, CON n = 37.
        ("Ellman 2013", "BV/TV", "distal femur metaphysis", "HLU", "23 8.00 1.9 37 10.31 1.4 SD"),
        # Keune 2019, Table 1 (PMC6597714): ob/ob, n = 10 in each group, mean ± SEM.
        ("Keune 2019", "Conn.D", "5th lumbar vertebra", "ob/ob",
         "10 281.1 13.8 10 220.0 7.4 SEM"),
    ],
)  # fmt: skip
def test_printed_cells(study, outcome, site, arm, figures):
    (row,) = [
        row for row in data("unloading")
        if (row["study"], row["outcome"], row["site"], row["experiment"]) ==
        (study, outcome, site, arm)
    ]  # fmt: skip
    found = [
        row[f"{part}_{group}"]
        for group in ("treated", "control")
        for part in ("n", "mean", "dispersion")
    ]
    assert " ".join([*found, row["dispersion_type"]]) == figures


def test_animal_level_rows_agree_with_the_summaries_computed_elsewhere():
    summaries = [
        (int(row["n"]), float(row["mean"]), float(row["sd"])) for row in data("bone-variability")
    ]
    arms = [
        (int(row[f"n_{arm}"]), float(row[f"mean_{arm}"]), float(row[f"dispersion_{arm}"]))
        for row in data("unloading")
        if row["source"] == "animal-level data"
        for arm in ("treated", "control")
    ]
    found = sum(
        any(
            n == m
            and math.isclose(mean, other, rel_tol=2e-5)
            and math.isclose(sd, spread, rel_tol=2e-5)
            for m, other, spread in summaries
        )
        for n, mean, sd in arms
    )
    # The summaries leave out SMI, areas and moments: 392 of 498 arms have their like there.
    assert (found, len(arms)) == (392, 498)


def test_the_two_real_tables_share_animals_and_say_so():
    shared = {row["study"] for row in data("unloading")} & {
        row["study"] for row in data("anabolic")
    }
    assert shared == {"Ko 2017", "Steczina 2020", "Spatz 2013"}
    for name in ("unloading", "anabolic"):
        readme = (ROOT / name / "README.md").read_text(encoding="utf-8")
        assert all(study in readme for study in shared)
        assert "What must not be done" in readme


def test_synthetic_in_every_row():
    rows = data("exosome-synthetic")
    assert {row["source"] for row in rows} == {"synthetic"}
    assert all(row["study"].startswith("Synthetic ") for row in rows)
    assert {row["source"] for name in ("unloading", "anabolic") for row in data(name)}.isdisjoint(
        {"synthetic"}
    )


def test_synthetic_has_what_the_methods_need():
    rows = data("exosome-synthetic")
    studies = {row["study"] for row in rows}
    assert len(studies) >= 24
    assert len({row["exosome_source"] for row in rows}) == 6
    assert len({row["target_cell"] for row in rows}) == 5
    assert {row["outcome"] for row in rows} == {
        "BMD", "BV/TV", "Tb.Th", "Tb.Sp", "ALP", "RUNX2", "OCN",
    }  # fmt: skip
    for column in ("exosome_source", "target_cell"):
        density: dict[str, set[str]] = {}
        for row in rows:
            if row["outcome"] == "BMD":
                density.setdefault(row[column], set()).add(row["study"])
        assert sum(len(names) >= 3 for names in density.values()) >= 3
    assert len({(row["exosome_source"], row["target_cell"]) for row in rows}) < 30
    assert {row["dispersion_type"] for row in rows} == {"SD", "SEM"}
    assert any(row["n_sham"] for row in rows)
    arms = {(row["control_id"], row["comparison"]) for row in rows}
    assert len(arms) > len({control for control, _ in arms})


def test_synthetic_is_reproduced_byte_for_byte():
    path = ROOT / "exosome-synthetic" / "generate.py"
    assert load_module(path).generate() == path.with_name("data.csv").read_bytes()


def test_find_dataset_takes_names_only():
    assert find_dataset("unloading") == ROOT / "unloading" / "data.csv"
    for name in (
        "",
        ".",
        "..",
        "../datasets/unloading",
        "unloading/data.csv",
        "refresh.py",
        "a\0b",
    ):
        assert find_dataset(name) is None


def test_an_unknown_name_gets_its_nearest():
    with pytest.raises(UsageError, match="'unloadng'; did you mean 'unloading'"):
        dataset("unloadng")
    with pytest.raises(UsageError, match="there are 'anabolic', 'bone-variability'"):
        dataset("qqq")


def test_roots_are_folders():
    assert datasets_root() == ROOT
    assert analyses_root().is_dir()


def test_synthetic_effects_scatter_around_their_stated_truth():
    path = ROOT / "exosome-synthetic" / "generate.py"
    truth = load_module(path)
    residuals = []
    for row in data("exosome-synthetic"):
        if row["outcome"] != "BMD":
            continue
        n = [int(row["n_treated"]), int(row["n_control"])]
        spread = [float(row["dispersion_treated"]), float(row["dispersion_control"])]
        if row["dispersion_type"] == "SEM":
            spread = [sem * size**0.5 for sem, size in zip(spread, n, strict=True)]
        df = sum(n) - 2
        pooled = sum((size - 1) * sd**2 for size, sd in zip(n, spread, strict=True)) / df
        d = (float(row["mean_treated"]) - float(row["mean_control"])) / pooled**0.5
        expected = (
            truth.SOURCE_EFFECT[row["exosome_source"]]
            + truth.TARGET_EFFECT[row["target_cell"]]
            + truth.ENGINEERED_GAIN * (row["engineered"] != "no")
            + truth.DOUBLING_GAIN * math.log2(float(row["dose"]) / 100)
        )
        residuals.append(d * (1 - 3 / (4 * df - 1)) - expected)
    k = len(residuals)
    mean = sum(residuals) / k
    sd = (sum((value - mean) ** 2 for value in residuals) / (k - 1)) ** 0.5
    # Some rows share a control group, so this standard error is a little too small: allow 3.
    assert abs(mean) < 3 * sd / k**0.5
