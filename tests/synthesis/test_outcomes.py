"""Outcomes pooled together: against the published example and R, refusals, and the command."""

from __future__ import annotations

import csv
import io
import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metabone.cli import main
from metabone.effects.dependence import BlockCovariance
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError, ModelError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.files import dump_json
from metabone.models.problem import constant_correlation
from metabone.synthesis.multivariate import pool_outcomes
from metabone.synthesis.multivariate_results import OutcomesResult

BERKEY = Path(__file__).parent.parent / "models" / "data" / "berkey1998.csv"


def _effects(*outcomes: str, data: str = "exosome-synthetic", measure: str = "SMD") -> EffectTable:
    return escalc(select(read_table(data), outcome=outcomes), measure)


def _given(rows: str) -> EffectTable:
    """Effect sizes as a table gives them, from lines of CSV."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(rows, encoding="utf-8")
        return escalc(read_table(str(path)), "SMD")


def _constant(effects: EffectTable, rho: float) -> BlockCovariance:
    frame = effects.frame
    rows, blocks = zip(*constant_correlation(frame["vi"], frame["study"], rho), strict=True)
    return BlockCovariance(tuple(frame["study"].iloc[some[0]] for some in rows), rows, blocks)


def _berkey() -> tuple[EffectTable, BlockCovariance]:
    data = pd.read_csv(BERKEY)
    lines = ["study,outcome,yi,vi"]
    covariances = []
    for trial, part in data.groupby("trial"):
        covariances.append(part[["v1i", "v2i"]].to_numpy())
        own = np.diagonal(covariances[-1])
        lines += [
            f"Trial {trial},{name},{yi},{vi}"
            for name, yi, vi in zip(part["outcome"], part["yi"], own, strict=True)
        ]
    effects = _given("\n".join(lines))
    places = tuple(np.array([2 * i, 2 * i + 1]) for i in range(5))
    names = tuple(effects.frame["study"].iloc[::2])
    return effects, BlockCovariance(names, places, tuple(covariances))


def test_berkey_as_published() -> None:
    """Berkey et al. (1998) as metafor's documentation prints it, with a normal interval."""
    effects, covariance = _berkey()
    result = pool_outcomes(effects, ci="wald", covariance=covariance)
    assert result.outcomes == ("AL", "PD")
    one, two = result.estimates
    assert [f"{x:.4f}" for x in (one.estimate, two.estimate)] == ["-0.3392", "0.3534"]
    assert [f"{x:.4f}" for x in (one.se, two.se)] == ["0.0879", "0.0588"]
    assert [f"{x:.4f}" for x in (*one.ci(), *two.ci())] == [
        "-0.5115", "-0.1669", "0.2381", "0.4688"
    ]  # fmt: skip
    assert [f"{x:.4f}" for x in (one.tau2, two.tau2)] == ["0.0327", "0.0117"]
    assert f"{result.correlation[0, 1]:.4f}" == "0.6088"
    assert (result.rho, result.control, result.assumptions) == (None, None, ())
    assert one.within == two.within == 0.0
    assert result.together.tolist() == [[5, 5], [5, 5]]
    # The likelihood-ratio test of metafor: anova(un, diag), 2 (3.69176769 - 3.20124471).
    lines = {line.structure: line for line in result.structures}
    assert set(lines) == {"UN", "CS", "DIAG"}  # with two outcomes HCS is UN
    assert math.isclose(lines["DIAG"].statistic or 0.0, 0.98104596, abs_tol=1e-6)
    assert lines["DIAG"].df == 1
    assert "HCS" not in result.summary()


# R 4.2.2, metafor 3.8-1 and clubSandwich 0.5.8 for the SMD of BMD and BV/TV in exosome-synthetic,
# some studies giving an outcome twice. The variance within studies comes from each by itself:
#   V <- vcalc(vi, cluster=study, obs=obs, rho=.5, data=d)
#   r <- rma.mv(yi, V[i,i], random=~1|study/row, data=d[i,])        # for each outcome
#   W <- V + diag(w)                                                # w = r$sigma2[2]
#   m <- rma.mv(yi, W, mods=~outcome-1, random=~outcome|study, struct=…, data=d)
#   coef_test(m, vcov="CR2", cluster=d$study)
FROM_R = {
    "UN": (
        -62.72597972, [0.4927155549, 0.4077513208], 0.8609263121, [0.8892591053, 0.9930543179],
        [0.1619339745, 0.1620331147], [0.1618260746, 0.1618229456], [27.84070084, 26.02987818],
    ),
    "CS": (
        -62.79002681, [0.4631187672, 0.4631187672], 0.8633938343, [0.8894714932, 0.9929222894],
        [0.1585482667, 0.1683576099], [0.1614128719, 0.1636877786], [27.84248019, 26.16159049],
    ),
    "DIAG": (
        -66.48190459, [0.3383102265, 0.1859477016], 0.0, [0.890645938, 0.9994538201],
        [0.1475491345, 0.14127316], [0.1605788792, 0.1536272597], [25.86927779, 21.8738416],
    ),
}  # fmt: skip


@pytest.mark.parametrize("structure", list(FROM_R))
def test_outcomes_given_twice_are_those_of_r(structure: str) -> None:
    loglik, tau2, rho, coef, se, cr2, df = FROM_R[structure]
    effects = _effects("BMD", "BV/TV")
    covariance = _constant(effects, 0.5)
    result = pool_outcomes(effects, structure=structure, covariance=covariance)
    assert math.isclose(result.loglik, loglik, abs_tol=1e-6)
    assert math.isclose(result.correlation[1, 0], rho, abs_tol=2e-6)
    for name, want in (("tau2", tau2), ("estimate", coef), ("se", cr2), ("df", df)):
        got = [getattr(one, name) for one in result.estimates]
        np.testing.assert_allclose(got, want, rtol=1e-5, err_msg=name)
    one, two = result.estimates
    assert one.within == 0.0  # R stops at 1e-9
    assert math.isclose(two.within, 0.03090568029, rel_tol=1e-5)
    # Each by itself, by the same interval.
    np.testing.assert_allclose(
        [one.alone.estimate, one.alone.se, one.alone.df, two.alone.estimate, two.alone.se],
        [0.9372247945, 0.1687405722, 25.73853384, 1.042240741, 0.1641092257],
        rtol=1e-6,
    )
    model = pool_outcomes(effects, structure=structure, covariance=covariance, ci="t")
    np.testing.assert_allclose([one.se for one in model.estimates], se, rtol=2e-6)
    assert [one.df for one in model.estimates] == [26.0, 22.0]


@pytest.fixture(name="result", scope="module")
def _result() -> OutcomesResult:
    return pool_outcomes(_effects("BMD", "OCN"))


def test_a_sparse_marker_borrows_from_bone(result: OutcomesResult) -> None:
    bone, marker = result.estimates
    assert (bone.outcome, marker.outcome) == ("BMD", "OCN")
    assert (bone.k_studies, marker.k_studies) == (27, 8)
    assert marker.borrowed > 30 > 5 > bone.borrowed >= 0
    assert marker.se < marker.alone.se
    assert result.boundary
    assert any("determine others" in text for text in result.warnings)
    assert any(text.startswith("SYNTHETIC") for text in result.warnings)
    assert not any("more than once" in text for text in result.warnings)


def test_the_prediction_holds_all_variances(result: OutcomesResult) -> None:
    one = result.estimates[1]
    spread = math.sqrt(one.tau2 + one.within + one.se**2)
    low, high = one.pi()
    assert math.isclose(high - low, 2 * 2.364624251592784 * spread, rel_tol=1e-9)  # qt(.975, 7)
    assert one.ci(0.5)[0] > one.ci()[0]


def test_other_assumptions_hold_the_answer(result: OutcomesResult) -> None:
    chosen = [line for line in result.assumptions if line.chosen]
    assert len(result.assumptions) == 9
    assert [(line.rho, line.control) for line in chosen] == [(0.5, "exact")]
    assert chosen[0].estimate == tuple(one.estimate for one in result.estimates)
    assert chosen[0].se == tuple(one.se for one in result.estimates)
    again = pool_outcomes(_effects("BMD", "OCN"), rho=0.8)
    other = next(one for one in result.assumptions if (one.rho, one.control) == (0.8, "exact"))
    np.testing.assert_allclose(other.estimate, [one.estimate for one in again.estimates])


def test_without_any_correlation_outcomes_are_as_by_themselves() -> None:
    effects = _effects("BMD", "BV/TV")
    # Rho 0 and shared controls ignored leave nothing to borrow through.
    result = pool_outcomes(effects, structure="DIAG", rho=0, control="ignore", ci="t")
    for one in result.estimates:
        assert math.isclose(one.estimate, one.alone.estimate, rel_tol=1e-6)
        assert math.isclose(one.se, one.alone.se, rel_tol=1e-5)
        assert math.isclose(one.borrowed, 0.0, abs_tol=1e-6)


def test_directions_need_not_agree() -> None:
    result = pool_outcomes(_effects("BV/TV", "Tb.Sp", data="unloading"))
    assert [one.better for one in result.estimates] == ["higher", "lower"]
    assert result.effects.better is None
    assert [one.estimate > 0 for one in result.estimates] == [False, True]


def test_mean_differences_keep_their_units() -> None:
    result = pool_outcomes(_effects("BMD", "Tb.Th", measure="MD"))
    assert [one.unit for one in result.estimates] == ["g/cm2", "um"]
    assert "CS" not in {line.structure for line in result.structures}
    with pytest.raises(DataError, match="not on one scale"):
        pool_outcomes(result.effects, structure="CS")
    assert "0.00" in result.summary()  # BMD in g/cm2 keeps its digits


def test_what_does_not_vary_is_said_apart_from_what_determines_others() -> None:
    effects = _effects("BMD", "BV/TV", "Tb.Th", "OCN", measure="MD")
    result = pool_outcomes(effects, structure="HCS", covariance=_constant(effects, 0.5))
    still = [one.outcome for one in result.estimates if one.tau2 == 0]
    assert still
    assert all(any(f"of {name} are estimated not" in x for x in result.warnings) for name in still)
    moving = len(result.outcomes) - len(still)
    assert any(
        f"{moving} outcomes that do between studies has rank 1" in x for x in result.warnings
    )
    assert np.isnan(result.correlation[result.outcomes.index(still[0])]).all()


def test_what_the_data_cannot_carry_is_refused() -> None:
    with pytest.raises(ModelError, match=r"one outcome \(BMD\).*metabone pool"):
        pool_outcomes(_effects("BMD"))
    unloading = _effects(data="unloading")
    with pytest.raises(ModelError, match=r"BMC \(1\).* and \d+ more; choose others"):
        pool_outcomes(unloading)
    with pytest.raises(ModelError, match=r"too few studies have both MAR and BV/TV \(2 studies\)"):
        pool_outcomes(_effects("BV/TV", "MAR", data="unloading"))
    with pytest.raises(DataError, match=r"BV/TV is in several units \(%, fraction\)"):
        pool_outcomes(_effects("BV/TV", "Tb.Th", data="unloading", measure="MD"))
    with pytest.raises(DataError, match="no effect is left"):
        pool_outcomes(replace(unloading, frame=unloading.frame.iloc[:0]))
    never = "study,outcome,yi,vi\n" + "".join(
        f"S{i},{'BMD' if i < 4 else 'OCN'},{0.1 * i},0.1\n" for i in range(8)
    )
    for structure in ("UN", "HCS", "CS"):
        with pytest.raises(ModelError, match="no study"):
            pool_outcomes(_given(never), structure=structure)
    assert pool_outcomes(_given(never), structure="DIAG").estimates[0].borrowed == 0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"structure": "AR"}, "structure must be one of 'UN'"),
        ({"method": "DL"}, "tau2 method must be one of"),
        ({"ci": "hksj"}, "ci of outcomes pooled together"),
        ({"ci": "x"}, "ci must be one of"),
        ({"level": 2}, "level"),
        ({"rho": 1}, "rho must be"),
        ({"control": "x"}, "control must be"),
    ],
)
def test_wrong_options(options: dict[str, object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        pool_outcomes(_effects("BMD", "OCN"), **options)  # type: ignore[arg-type]


def test_ways_to_see_the_answer(result: OutcomesResult) -> None:
    values = json.loads(dump_json(result.to_dict()))
    assert values["schema_version"] == "1.0"
    assert values["outcomes"] == ["BMD", "OCN"]
    assert values["input"]["used"] == 42
    assert values["estimates"][0]["estimate"] == result.estimates[0].estimate
    assert values["estimates"][0]["tau2_se"] is None  # on the boundary
    assert [line["chosen"] for line in values["structures"]] == [True, False, False]
    frame = result.to_frame()
    assert frame["alone_estimate"].tolist() == [one.alone.estimate for one in result.estimates]
    text = str(result)
    assert text.startswith("SYNTHETIC DATA\n2 outcomes together: SMD")
    assert max(map(len, text.splitlines())) <= 100


def test_many_outcomes_with_long_names_fit_a_terminal() -> None:
    words = [f"an outcome <b>of long name & number {i}" for i in range(5)]
    rng = np.random.default_rng(3)
    lines = ["study,outcome,yi,vi"] + [
        f"S{s},{word},{1e5 * rng.normal():.2f},{1e9 * rng.uniform(1, 2):.1f}"
        for s in range(9)
        for word in words
    ]
    result = pool_outcomes(_given("\n".join(lines)), structure="CS")
    assert max(map(len, result.summary().splitlines())) <= 100
    page = result._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def _run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["outcomes", *arguments])
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


def test_the_command_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ("exosome-synthetic", "--outcome", "BMD", "--outcome", "osteocalcin")
    code, out, err = _run(*both, "-o", str(tmp_path / "a.csv"), capsys=capsys)
    assert code == 0
    assert "BMD" in out
    assert "borrowed" in out
    assert "warning: SYNTHETIC" in err
    lines = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert [line["outcome"] for line in lines] == ["BMD", "OCN"]
    code, out, _ = _run(*both, "--json", "-", "--structure", "hcs", capsys=capsys)
    assert (code, json.loads(out)["structure"]) == (0, "HCS")
    code, out, _ = _run(*both, "-o", "-", capsys=capsys)
    assert (code, out) == (0, (tmp_path / "a.csv").read_text())
    code, _, err = _run(*both, "-o", str(tmp_path / "a.csv"), capsys=capsys)
    assert (code, "exists" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "match"),
    [
        (("exosome-synthetic", "--outcome", "BMD"), 1, "one outcome (BMD)"),
        (("unloading",), 1, "choose others with --outcome"),
        (("exosome-synthetic", "--structure", "AR"), 2, "structure must be one of"),
        (("exosome-synthetic", "--outcome", "BMX"), 2, "BMX"),
        (("exosome-synthetic",), 1, "Tb.Th and OCN (2 studies)"),
    ],
)
def test_the_command_refuses(
    arguments: tuple[str, ...], status: int, match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _run(*arguments, capsys=capsys)
    assert (code, out) == (status, "")
    assert match in err
