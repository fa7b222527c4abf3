from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from metabone.cli import main

TEN = {
    "schema_version": "1.0", "measure": "SMD", "model": "univariate", "tau2_method": "REML",
    "overall": {"k_studies": 10, "k_effects": 10, "estimate": 1.5, "se": 0.25, "tau2": 0.64},
    "strata": [],
}  # fmt: skip
PAGE = "<!doctype html>\n"


@pytest.fixture
def calculator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code: Any = 0
        try:
            main(["calculator", *arguments])
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return int(code or 0), said.out, said.err

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is made at once, where its content is not asked about."""
    monkeypatch.setattr(
        "metabone.planning.calculator.page.calculator_page", lambda evidence: f"{PAGE}{evidence}"
    )


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_it_is_written_or_printed(calculator: Any, quick: None) -> None:
    code, out, err = calculator()
    assert (code, out) == (0, "")
    assert err == "wrote calculator.html: open it in a browser\n"
    assert files() == ["calculator.html"]
    assert Path("calculator.html").read_text(encoding="utf-8") == f"{PAGE}[]"
    assert calculator("-o", "-") == (0, f"{PAGE}[]", "")
    assert files() == ["calculator.html"]


def test_it_is_a_page_with_the_evidence_in_it(calculator: Any) -> None:
    for name in ("ten.json", "two.json"):
        Path(name).write_text(json.dumps(TEN), encoding="utf-8")
    code, _, err = calculator("-o", "page.html", "--evidence", "ten.json", "--evidence", "two.json")
    assert code == 0, err
    text = Path("page.html").read_text(encoding="utf-8")
    assert text.startswith(PAGE)
    start = text.index('id="data">') + len('id="data">')
    rows = json.loads(text[start : text.index("</script>", start)])["evidence"]
    assert [row["file"] for row in rows] == ["ten.json", "two.json"]
    assert rows[0]["ceiling"] == pytest.approx(0.94435, abs=1e-5)


def test_what_cannot_be_planned_from_is_named(calculator: Any, quick: None) -> None:
    listed = {"by": {"species": "rabbit"}, "pooled": False, "k_studies": 1, "k_effects": 1,
              "reason": "1 study: fewer than 3 are listed, not pooled"}  # fmt: skip
    Path("a.json").write_text(json.dumps(TEN | {"strata": [listed]}), encoding="utf-8")
    code, out, err = calculator("--evidence", "a.json")
    assert (code, out) == (0, "")
    assert "a.json" in err
    assert "rabbit" in err
    assert "1 study" in err


@pytest.mark.parametrize("content", [
    "", "{", "not json", "[1, 2]", "3", '{"a": 1}', '{"overall": 3}', '{"overall": {}}',
    '{"overall": {"estimate": "1", "se": 1, "tau2": 1}}',
    json.dumps(TEN | {"tau2_method": "EE"}),
    json.dumps(TEN | {"overall": TEN["overall"] | {"k_studies": 2, "k_effects": 2}}),  # type: ignore[operator]
    json.dumps({"coefficients": []}),
    json.dumps(TEN | {"strata": 3}), json.dumps(TEN | {"strata": [3]}),
    json.dumps(TEN | {"strata": [{"by": 3}]}),
    json.dumps(TEN | {"overall": {"estimate": 1, "se": 1, "sigma2": [1]}}),
    '{"overall": ' * 50_000,
])  # fmt: skip
def test_evidence_that_is_none(calculator: Any, content: str) -> None:
    Path("bad.json").write_text(content, encoding="utf-8")
    code, out, err = calculator("--evidence", "bad.json")
    assert (code, out) == (1, "")
    assert err.startswith("metabone: ")
    assert "bad.json" in err
    assert "Traceback" not in err
    assert files() == ["bad.json"]


def test_evidence_that_cannot_be_read(calculator: Any) -> None:
    Path("folder.json").mkdir()
    Path("latin.json").write_bytes(b'{"overall": "\xe9"}')
    for name in ("nowhere.json", "folder.json", "latin.json"):
        code, _, err = calculator("--evidence", name)
        assert code == 1
        assert name in err
    assert files() == ["folder.json", "latin.json"]


def test_two_results_of_one_name(calculator: Any) -> None:
    Path("a").mkdir()
    for path in ("ten.json", "a/ten.json"):
        Path(path).write_text(json.dumps(TEN), encoding="utf-8")
    code, _, err = calculator("--evidence", "ten.json", "--evidence", "a/ten.json")
    assert code == 2
    assert "ten.json" in err
    assert not Path("calculator.html").exists()


def test_a_file_is_replaced_only_when_told(calculator: Any, quick: None) -> None:
    Path("calculator.html").write_text("mine", encoding="utf-8")
    code, _, err = calculator()
    assert code == 1
    assert err == "metabone: calculator.html exists; use --force to replace it\n"
    assert Path("calculator.html").read_text(encoding="utf-8") == "mine"
    assert calculator("--force")[0] == 0
    assert Path("calculator.html").read_text(encoding="utf-8").startswith(PAGE)
    assert files() == ["calculator.html"]


def test_the_evidence_is_never_written_over(calculator: Any, quick: None) -> None:
    Path("ten.json").write_text(json.dumps(TEN), encoding="utf-8")
    code, _, err = calculator("--evidence", "ten.json", "-o", "ten.json", "--force")
    assert code == 2
    assert "is the table itself" in err or "evidence" in err
    assert json.loads(Path("ten.json").read_text(encoding="utf-8")) == TEN


def test_a_target_that_cannot_be_written(calculator: Any, quick: None) -> None:
    Path("folder").mkdir()
    for target in ("folder", "nowhere/page.html", "/dev/null", "a" * 300 + ".html"):
        code, out, err = calculator("-o", target, "--force")
        assert (code, out) == (1, "")
        assert err.startswith("metabone: ")
    assert files() == ["folder"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read(calculator: Any, quick: None) -> None:
    Path("folder").mkdir()
    Path("folder").chmod(0o500)
    code, _, err = calculator("-o", "folder/page.html")
    Path("folder").chmod(0o700)
    assert code == 1
    assert "folder/page.html cannot be written: Permission denied" in err
    assert list(Path("folder").iterdir()) == []


def test_a_write_that_fails_leaves_nothing(
    calculator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What root meets in a read-only file system: the rename is refused."""

    def refused(self: Path, target: Path) -> Path:
        raise OSError(30, "Read-only file system", str(target))

    monkeypatch.setattr(Path, "replace", refused)
    code, _, err = calculator("-o", "page.html")
    assert code == 1
    assert err == "metabone: page.html cannot be written: Read-only file system\n"
    assert files() == []


def test_ports(calculator: Any, quick: None) -> None:
    assert calculator("--port", "8765")[2] == "metabone: --port goes with --serve\n"
    for port in ("-1", "65536"):
        code, _, err = calculator("--serve", "--port", port)
        assert code == 2
        assert "from 0 (a free one) to 65535" in err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, out, err = calculator("--serve", "--port", port, "-o", "page.html")
    assert (code, out) == (2, "")
    hint = "choose another, or 0 for a free one"
    assert err == f"metabone: port {port} is in use by another program; {hint}\n"
    assert files() == []  # not even the page that was asked for beside it
