"""Files in the very shapes of published exports; the cells are synthetic."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from metabone.errors import DataError
from metabone.extraction.importers.metadigitise import read_metadigitise
from metabone.extraction.importers.metafor import read_metafor
from metabone.extraction.importers.revman import read_revman
from metabone.extraction.importers.syrf import read_syrf
from metabone.extraction.importers.wpd import read_wpd

from .checks import answer, typed, written
from .exports import CONTROL, TREATED, syrf, text_of
from .test_revman import by_hand

Save = Callable[..., Path]


def codes(made: object) -> list[str | None]:
    return [line.code for line in made.ledger]  # type: ignore[attr-defined]


# RevMan 5: the header of a CSV that it wrote, and its habit of zeros.
REVMAN_5 = (
    "Comparison Number,Outcome Number,Subgroup Number,Name,Data Type,Statistical Method,"
    "Effect Measure,Analysis Model,Events 1,Mean 1,SD 1,Total 1,Events 2,Mean 2,SD 2,Total 2,"
    "Effect Estimate,SE,CI Start,CI End,Weight,Q,P(Q),I²(Q),Tau²,Z,P(Z),Qint,P(Qint),I²(Qint),df,"
    "Group Label 1,Group Label 2,Left Graph Label,Right Graph Label,Year of study,"
    "User defined order"
)


def revman_5(number: int, kind: str, measure: str, *studies: dict[str, str]) -> str:
    """A synthetic comparison with one outcome, and the studies of it."""
    keys = {"Comparison Number": "1", "Outcome Number": "0", "Subgroup Number": "0"}
    outcome = {**keys, "Outcome Number": str(number)}
    zeros = dict.fromkeys(("Events 1", "Mean 1", "SD 1", "Total 1",
                           "Events 2", "Mean 2", "SD 2", "Total 2"), "0")  # fmt: skip
    rows = [
        {**keys, "Name": "Synthetic comparison"},
        {**outcome, "Name": "BMD", "Data Type": kind, "Effect Measure": measure, "Total 1": "99",
         "Events 1": "0", "Events 2": "0", "Total 2": "99", "Effect Estimate": "-0.7",
         "CI Start": "-1", "CI End": "-0.4", "Group Label 1": "Exosomes", "Group Label 2": "PBS"},
        *({**outcome, **zeros, **study} for study in studies),
    ]  # fmt: skip
    return text_of(rows, REVMAN_5.split(","))


def test_zeros_of_revman_5_are_no_means(save: Save) -> None:
    study = {"Name": "A 2001", "Events 1": "49", "Total 1": "615", "Events 2": "67",
             "Total 2": "624", "Effect Estimate": "0.71971415", "SE": "0.19721981",
             "CI Start": "0.48897453", "CI End": "1.05933628"}  # fmt: skip
    made = read_revman(save(revman_5(1, "DIC", "OR", study, {**study, "Events 1": "0",
                                                             "Events 2": "0"})))  # fmt: skip
    assert codes(made) == ["not-a-study", "not-a-study", "not-continuous", "not-continuous"]
    unsaid = read_revman(save(revman_5(1, "", "", study)))
    assert codes(unsaid)[2] == "not-continuous"


def test_continuous_data_of_revman_5_with_zeros_for_events(save: Save) -> None:
    table = [line for line in by_hand() if line["outcome"] == "BMD"]
    studies = [
        {"Name": line["study"], "Mean 1": line["mean_treated"], "SD 1": line["dispersion_treated"],
         "Total 1": line["n_treated"], "Mean 2": line["mean_control"],
         "SD 2": line["dispersion_control"], "Total 2": line["n_control"],
         "Effect Estimate": "-1.2", "SE": "0.45", "Year of study": "1971"}
        for line in table
    ]  # fmt: skip
    path = save(revman_5(2, "CON", "MD", *studies, {"Name": "Z 2020", "Mean 1": "0", "SD 1": "1",
                                                    "Total 1": "8", "Mean 2": "0", "SD 2": "1",
                                                    "Total 2": "8"}))  # fmt: skip
    made = read_revman(path)
    assert len(made.frame) == len(table) + 1  # means of 0 are means where the analysis has means
    assert set(made.frame["comparison"]) == {"Exosomes vs PBS"}
    assert "yi" not in made.frame
    kept = written(read_revman(save(revman_5(2, "CON", "MD", *studies))), path)
    assert answer(kept, "BMD") == pytest.approx(
        answer(typed(text_of(table), path), "BMD"), rel=1e-12, abs=1e-12
    )


def test_ratios_of_revman_5_are_brought_to_the_scale_of_their_standard_error(save: Save) -> None:
    ratio = {"Name": "A 2001", "Effect Estimate": "0.71971415", "SE": "0.19721981",
             "CI Start": "0.48897453", "CI End": "1.05933628"}  # fmt: skip
    plain = {"Name": "B 2002", "Effect Estimate": "-1.5", "SE": "1.67630546",
             "CI Start": "-4.78549833", "CI End": "1.78549833"}  # fmt: skip
    neither = {**plain, "Name": "C 2003", "CI End": "3"}
    bare = {"Name": "D 2004", "Effect Estimate": "-0.4", "SE": "0.2"}
    path = save(revman_5(3, "IV", "", ratio, plain, neither, bare))
    made = read_revman(path)
    assert codes(made)[2:] == [None, None, "scale-unknown", "scale-unknown"]
    assert made.frame["yi"].tolist() == [pytest.approx(math.log(0.71971415)), -1.5]
    assert "yi is ln(0.719714)" in made.frame["note"][0]
    assert "n_treated" not in made.frame  # zeros that RevMan filled in
    assert not written(made, path).errors
    difference = read_revman(save(revman_5(3, "IV", "MD", bare)))
    assert difference.frame["yi"].tolist() == [-0.4]


# RevMan Web: the columns of the Cochrane Library's data-rows.csv, subgroups numbered.
DATA_ROWS = (
    "Analysis group,Analysis number,Analysis name,Subgroup,Subgroup number,Applicability,Study,"
    "Study year,GIV Mean,GIV SE,Experimental mean,Experimental SD,Experimental cases,"
    "Experimental N,Control mean,Control SD,Control cases,Control N,O-E,Variance,Weight,Mean,"
    "CI start,CI end,Footnotes,Overall bias judgement,Overall bias support"
)
WEB = {
    "Analysis group": "2", "Analysis number": "1", "Analysis name": "BMD", "Study": "A 2001",
    "Applicability": "SUBGROUP_AND_OVERALL", "Subgroup": "rats", "Subgroup number": "1",
    "Experimental mean": "5", "Experimental SD": "1", "Experimental N": "8",
    "Control mean": "4", "Control SD": "1", "Control N": "8", "Mean": "1",
}  # fmt: skip


def test_a_part_of_a_study_does_not_count_beside_the_whole(save: Save) -> None:
    whole = {**WEB, "Applicability": "OVERALL", "Subgroup": "", "Subgroup number": ""}
    part = {**WEB, "Applicability": "SUBGROUP", "Experimental mean": "5.5"}
    other = {**part, "Study": "B 2002"}
    made = read_revman(save(text_of([part, whole, other], DATA_ROWS.split(","))))
    assert codes(made) == ["part-of-study", None, None]
    assert made.frame["study"].tolist() == ["A 2001", "B 2002"]
    assert "row 3 is the study in the total" in str(made.ledger[0].reason)
    assert any("1 rows are parts of a study" in note for note in made.notes)


@pytest.mark.parametrize("header", [REVMAN_5, DATA_ROWS, "study,outcome,yi,vi,m1i,sd1i,n1i,year"])
def test_cells_that_agree_by_chance_are_all_kept(save: Save, header: str) -> None:
    names = header.split(",")
    ones = {name: "1" for name in names if not name.startswith(("Events", "Data", "GIV"))}
    path = save(text_of([{**ones, "Applicability": ""}], names))
    frame = (read_metafor if "yi" in names else read_revman)(path).frame
    copies = {"Study", "Name", "study", "outcome", "Analysis name", "yi", "vi", "m1i", "sd1i",
              "n1i",
              *(f"{word} {arm}" for word in ("Mean", "SD", "Total") for arm in "12"),
              *(f"{arm} {word}" for arm in ("Experimental", "Control")
                for word in ("mean", "SD", "N"))}  # fmt: skip
    kept = {str(name).removeprefix("revman_").removeprefix("metafor_") for name in frame}
    assert set(names) - copies <= kept


def test_one_study_in_two_analyses_of_one_outcome_is_told(save: Save) -> None:
    made = read_revman(save(text_of([WEB, {**WEB, "Analysis group": "3"}], DATA_ROWS.split(","))))
    assert made.frame["comparison"].tolist() == ["comparison 2", "comparison 3"]
    assert any("rows 2-3 of the table hold the same numbers" in note for note in made.notes)


def test_data_rows_after_r_wrote_them(save: Save) -> None:
    dotted = [name.replace(" ", ".").replace("-", ".") for name in DATA_ROWS.split(",")]
    row = {new: WEB.get(old, "NA") for new, old in zip(dotted, DATA_ROWS.split(","), strict=True)}
    path = save(text_of([{**row, "review.doi": "10.1000/x"}]))
    made = read_revman(path)
    assert codes(made) == [None]
    assert not written(made, path).errors


def test_pooled_estimates_and_archives_are_refused_with_what_to_take(
    save: Save, tmp_path: Path
) -> None:
    estimates = "Analysis group,Analysis number,Experimental N,Control N,Mean,CI start\n1,1,9,9,1,0"
    with pytest.raises(DataError, match="no column 'Study'"):
        read_revman(save(estimates))
    archive = tmp_path / "CD000000-dataPackage.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(
            "CD000000-analysis-data/CD000000-data-rows.csv", text_of([WEB], DATA_ROWS.split(","))
        )
        packed.writestr("read.me", "x")
    with pytest.raises(DataError, match=r"is a ZIP archive; .* 'CD.*/CD000000-data-rows.csv'$"):
        read_revman(archive)


def test_two_columns_of_one_name_are_never_chosen_between_in_silence(save: Save) -> None:
    text = text_of([WEB], DATA_ROWS.split(","))
    twice = "\n".join(f"{line},{more}" for line, more in
                      zip(text.splitlines(), ("Control mean", "4.4"), strict=True))  # fmt: skip
    with pytest.raises(DataError, match="two columns 'Control mean' that differ"):
        read_revman(save(twice))
    made = read_revman(save(twice.replace("4.4", "4")))
    assert "column 'Control mean (2)' repeats 'Control mean', which is used" in made.notes
    other = read_metafor(save("study,outcome,yi,vi,sei,se\nA,BMD,1,4,2,3\n"))
    assert other.frame["sei"].tolist() == [2]
    assert "column 'se' may mean the same as 'sei', which is used" in other.notes


@pytest.mark.parametrize(
    ("read_as", "kind"), [(read_revman, "syrf"), (read_syrf, "revman"), (read_metafor, "revman"),
                          (read_metadigitise, "metafor"), (read_wpd, "syrf")],
)  # fmt: skip
def test_an_export_of_another_kind_is_recognised(
    save: Save, read_as: Callable[..., object], kind: str
) -> None:
    texts = {
        "syrf": syrf(TREATED, CONTROL),
        "revman": text_of([WEB], DATA_ROWS.split(",")),
        "metafor": "study,outcome,yi,vi\nA,BMD,1,2\n",
    }
    with pytest.raises(DataError, match=f"its columns are those of 'metabone import {kind}'"):
        read_as(save(texts[kind]))


@pytest.mark.parametrize(
    "text",
    [
        "PBS,PBS,exo,exo\nX,Y,X,Y\n0.5,10,0.6,12\n4,11,4.1,15\n,,9,3\n",
        "PBS_X,PBS_Y,exo_X,exo_Y\n0.5,10,0.6,12\n4,11,4.1,15\n,,9,3\n",
        "PBS,,exo,\nX,Y,X,Y\n0.5,10,0.6,12\n4,11,4.1,15\n,,9,3",
    ],
)
def test_names_over_two_columns_and_joined_to_their_axis(save: Save, text: str) -> None:
    made = read_wpd(save(text), study="A", outcome="BMD", control="PBS")
    rows = made.frame.to_dict("records")
    assert [(r["mean_treated"], r["mean_control"]) for r in rows] == [(12, 10), (15, 11)]
    assert codes(made)[-1] == "no-control"


def test_bars_that_nobody_named_are_told(save: Save) -> None:
    text = "Bar0, 59.62962963\nBar1, 63.55555556\nBar2, 32.81481481\n"
    made = read_wpd(save(text), study="A", outcome="BMD", control="Bar0", treated=["Bar2"])
    assert made.frame["mean_treated"].tolist() == [32.81481481]
    assert codes(made) == [None, "arm-unknown", None]
    assert any("Bar0, Bar1" in note for note in made.notes)
    by_hand = "Bar0,59.6,\nBar1,63.5,3.9\n"  # somebody added the length of the error bar
    with pytest.raises(DataError, match="row 2 has more cells than the 1 series need"):
        read_wpd(save(by_hand), study="A", outcome="BMD")


def test_whole_numbers_beside_decimal_commas(save: Save) -> None:
    text = "0; 0,0706260032102719\n0,33659730722154224; 1,1300160513643647\n12; 3\n"
    made = read_wpd(save(text), study="A", outcome="BMD")
    assert made.source.decimal == ","
    assert [line.row for line in made.ledger] == [1, 2, 3]


def test_box_plots_of_metadigitise_are_told(save: Save) -> None:
    text = (
        '"","filename","variable","group_id","mean","sd","n","r","se","error_type","plot_type"\n'
        '"1","1_A_Fig1.png","BMD","PBS",1.5,1.1,20,NA,0.25,NA,"boxplot"\n'
        '"2","1_A_Fig1.png","BMD","exo",2.5,1.2,20,NA,0.27,NA,"boxplot"\n'
    )
    made = read_metadigitise(save(text), control="PBS")
    assert made.frame["dispersion_treated"].tolist() == [1.2]
    assert "means and SDs of rows 2-3 are estimated from the quartiles of box plots" in made.notes


def test_the_summary_of_escalc_has_no_test_of_its_own(save: Save) -> None:
    text = (
        "study,source,n1i,m1i,sd1i,n2i,m2i,sd2i,yi,vi,sei,zi,pval,ci.lb,ci.ub\n"
        "1,synthetic,8,5,1,8,4,1,0.9,0.27,0.52,1.7,0.08,-0.1,1.9\n"
    )
    path = save(text)
    made = read_metafor(path, outcome="BMD")
    assert "p" not in made.frame
    assert made.frame["pval"].tolist() == ["0.08"]
    assert "metafor_study" not in made.frame
    assert any("pval stand beside yi" in note for note in made.notes)
    assert not written(made, path).errors


@pytest.mark.parametrize(
    "header", ["mt,sdt,nt,mc,sdc,nc", "mean.e,sd.e,n.e,mean.c,sd.c,n.c", "m1,sd1,n1,m2,sd2,n2"]
)
def test_other_names_of_the_arms(save: Save, header: str) -> None:
    made = read_metafor(save(f"study,outcome,{header}\nA 2001,BMD,5,1,8,4,2,9\n"))
    row = dict(made.frame.iloc[0])
    assert (row["mean_treated"], row["dispersion_treated"], row["n_control"]) == (5, 1, 9)
    assert row["dispersion_type"] == "SD"


def test_studies_called_by_a_number_are_told(save: Save) -> None:
    made = read_metafor(save("study,author,year,yi,vi\n1,Ko,2001,1,2\n"), outcome="BMD")
    assert made.frame["study"].tolist() == ["1"]
    assert "studies are called by their number in 'study'; the authors are kept" in made.notes


@pytest.mark.parametrize(
    "header", ["study,y1,sd1,n1,y2,sd2,n2,y3,sd3,n3", "study,treatment,mi,sdi,ni"]
)
def test_three_arms_in_a_row_and_one_arm_in_a_row_are_refused(save: Save, header: str) -> None:
    with pytest.raises(DataError, match="neither effects"):
        read_metafor(save(header + "\n" + ",".join("1" * len(header.split(",")))), outcome="BMD")
