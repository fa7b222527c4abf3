from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from metabone.errors import MissingExtraError
from metabone.planning.answer import Answer, answer_n, answer_power
from metabone.planning.plan_file import Plan
from metabone.planning.question import make_question
from metabone.report.document import Document, Section, markdown
from metabone.report.plan_docx import docx_bytes
from metabone.report.plan_text import arrive_items, ethics_paragraph, plan_document

STUDY = {
    "species": "rat", "strain": "Sprague-Dawley", "sex": "female", "age_weeks": 12,
    "endpoint": "BV/TV", "unit": "%", "site": "proximal tibia", "assay": "microCT",
    "treatment": "MSC exosomes", "control": "vehicle",
}  # fmt: skip
# The items of the Essential 10 (Percie du Sert 2020, doi:10.1371/journal.pbio.3000410, Table 1).
ESSENTIAL = (
    "Study design", "Sample size", "Inclusion and exclusion", "Randomisation", "Blinding",
    "Outcome measures", "Statistical methods", "Experimental animals", "Experimental procedures",
    "Results",
)  # fmt: skip


def made(**more: object) -> Answer:
    design = {"mean": 20, "cv": 20, "percent": 30, "cage": 3, "losses": 0.1, **more}
    title = {"title": "Exosomes | *OVX*"}
    return answer_n(make_question(Plan({"": title, "study": STUDY, "design": design})))


def test_the_paragraph_says_what_an_ethics_committee_asks() -> None:
    text = ethics_paragraph(made())
    for words in (
        "compares MSC exosomes with vehicle",
        "primary outcome is BV/TV of the proximal tibia, measured by microCT",
        "With 9 rats a group",
        "power of 0.848",
        "difference of 6 % (+30 % of the control mean), or 1.50 SD",
        "10 % of the animals may be lost",
        "starts with 10 rats a group, 20 in all, 8 cages of 3",
        "experimental unit is the single animal",
        "SD was taken to be 4 % between animals (CV 20 %)",
        "Fewer animals would not do",
    ):
        assert words in text


def test_the_cage_is_the_unit_where_it_is() -> None:
    text = ethics_paragraph(made(icc=0.3))
    assert "The experimental unit is the cage" in text


def test_the_ten_essential_items_are_there() -> None:
    names = [row[0] for row in arrive_items(made())[1:]]
    for number, item in enumerate(ESSENTIAL, start=1):
        own = [name for name in names if name.split()[0].rstrip("abc,") == str(number)]
        assert own, number
        assert all(item in name for name in own)


def test_what_is_not_known_is_marked() -> None:
    items = dict(arrive_items(made())[1:])
    assert items["3a Inclusion and exclusion: criteria"].startswith("To be written:")
    assert items["10 Results"].startswith("To be written:")
    assert items["8a Experimental animals: details"] == (
        "Sprague-Dawley female rats, 12 weeks old at the start."
    )


def test_an_unreachable_target_is_said(tmp_path: Path) -> None:
    pooled = {"measure": "SMD", "model": "univariate", "tau2_method": "REML", "synthetic": True,
              "overall": {"k_studies": 10, "k_effects": 10, "estimate": 1.5, "se": 0.25,
                          "tau2": 0.64}}  # fmt: skip
    path = tmp_path / "pool.json"
    path.write_text(json.dumps(pooled), encoding="utf-8")
    plan = Plan({"evidence": {"result": "pool.json", "assurance": 0.95}}, tmp_path)
    document = plan_document(answer_n(make_question(plan)))
    text = markdown(document)
    assert "No number of animals reaches an assurance of 0.95" in text
    assert "cannot exceed 0.944" in text
    assert document.banner.startswith("SYNTHETIC DATA")
    assert "**SYNTHETIC DATA" in text


def test_markdown_shows_hostile_words_as_they_are() -> None:
    section = Section(
        "# a", ("<script>x</script> 1.5 [l](u)\x07", "- b"), (("a|b", "`c`"), ("1", "2"))
    )
    text = markdown(Document("*t*", (section,)))
    assert r"\<script\>" in text
    assert "\n# a" not in text.removeprefix("# ")
    assert r"a\|b" in text
    assert "\x07" not in text
    assert "\n- b" not in text
    assert " 1.5 " in text


def test_docx_holds_the_same_words_and_the_picture() -> None:
    import docx

    from metabone.plots.export import render
    from metabone.plots.plan_curve import plan_curve

    answer = made()
    picture = render(plan_curve(answer), "png")
    document = plan_document(answer, picture)
    content = docx_bytes(document)
    assert content == docx_bytes(document)
    read = docx.Document(io.BytesIO(content))
    texts = [paragraph.text for paragraph in read.paragraphs]
    assert texts[0] == "Exosomes | *OVX*"
    assert ethics_paragraph(answer) in texts
    cells = [[cell.text for cell in row.cells] for row in read.tables[0].rows]
    assert cells == [list(row) for row in arrive_items(answer)]
    assert len(read.inline_shapes) == 1


def test_docx_takes_hostile_words() -> None:
    assert docx_bytes(Document("\x00a\ud800", (Section("b", ("\x1b[31m",)),)))


def test_without_python_docx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(MissingExtraError, match=r"metabone\[report\]"):
        docx_bytes(Document("a", ()))


def test_the_groups_have_the_names_that_the_plan_gives_them() -> None:
    items = dict(row for row in arrive_items(made()) if len(row) == 2)
    assert items["1a Study design: groups"].endswith(
        "MSC exosomes against vehicle. Groups: vehicle, MSC exosomes."
    )


def test_fewer_animals_are_one_fewer_and_a_quarter_fewer() -> None:
    text = ethics_paragraph(made())
    # statsmodels' TTestIndPower: d = 1.5 with 8 and with 6 in each group.
    assert "with 8 rats a group at the end the power for that difference would be 0.797" in text
    assert "and with 6 it would be 0.65, where 0.8 is wanted" in text
    # Of 15 animals fewer would do: nothing is said.
    plan = Plan({"design": {"mean": 20, "cv": 20, "percent": 30, "n": 15}})
    assert "Fewer animals" not in ethics_paragraph(answer_power(make_question(plan)))
