"""docs/vocabulary.md lists what the files hold, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

from metabone.vocabulary import KINDS, load_vocabulary
from metabone.vocabulary.describe import describe
from metabone.vocabulary.loading import ENDPOINT_KEYS

PAGE = (Path(__file__).parents[2] / "docs" / "vocabulary.md").read_text(encoding="utf-8")


def test_every_word_of_every_kind_is_listed():
    for kind in KINDS:
        for name in load_vocabulary().terms(kind):
            assert f"| {name} |" in PAGE, (kind, name)


def test_the_tables_are_those_of_the_files():
    assert PAGE.endswith(describe()), "write the end of docs/vocabulary.md anew with describe()"


def test_every_key_is_explained():
    for key in ENDPOINT_KEYS:
        assert f"| `{key}` |" in PAGE


def test_the_example_can_be_loaded(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(example, encoding="utf-8")
    words = load_vocabulary(path)
    assert words.endpoint("Epaisseur trabeculaire").name == "Tb.Th"
    assert words.endpoint("N.Oc/B.Pm").better == "lower"
    assert words.endpoint("callus hardness").factor("kgf/mm²") == 1


def test_cells_are_escaped(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[model."a|b"]\nlabel = "<b>"\n', encoding="utf-8")
    assert "| a\\|b | &lt;b> |" in describe(load_vocabulary(path))
