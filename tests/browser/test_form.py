"""The form that is seen: it asks what is typed, says what is wrong, and works by keyboard."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from metabone.cli import main

from .conftest import Open, Watched, spoken
from .plans import write_results
from .states import FILLED, STATES, fill, put

START = "#design=two-groups&species=rat&mean=20&cv=20&percent=30"


@pytest.fixture
def planner(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Any:
    """``metabone plan …`` in a folder with the results: its exact answer."""
    write_results(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> Any:
        with pytest.raises(SystemExit) as stop:
            main([*shlex.split(command), "--no-grid", "--json", "-"])
        said = capsys.readouterr()
        assert stop.value.code in (0, 3), said.err
        return json.loads(said.out)

    return run


@pytest.mark.parametrize("name", FILLED)
def test_the_form_asks_what_the_command_asks(screen: Watched, planner: Any, name: str) -> None:
    filled = FILLED[name]
    screen.follow(START)
    fill(screen, filled.typed)
    # The form says the species too, which is a word of the answer.
    command = filled.command if "--species" in filled.command else f"{filled.command} --species rat"
    assert screen.headline == spoken(planner(f"plan {command}")["answer"])
    assert screen.page.locator("#problems").is_hidden()


@pytest.mark.parametrize("name", STATES)
def test_the_shown_command_and_the_file_give_the_shown_answer(
    screen: Watched, planner: Any, tmp_path: Path, name: str
) -> None:
    page = screen
    page.follow(STATES[name])
    page.answered()
    command = page.text("command")
    program, *arguments = shlex.split(command)
    assert (program, arguments[0]) == ("metabone", "plan")
    with page.page.expect_download() as download:
        page.page.get_by_test_id("download").click()
    assert download.value.suggested_filename == "plan.toml"
    download.value.save_as(tmp_path / "plan.toml")
    said = planner(shlex.join(arguments))
    assert page.headline == spoken(said["answer"])
    written = planner(f"plan {arguments[1]} --plan plan.toml")
    for one in (said, written):
        one.pop("plan")
    assert written == said


# What no number of its kind may be, by the field; a word is wrong for all of them.
BAD = {
    "n": ("1", "2.5", "-8", "1e400"), "mean": ("1,234",), "sd": ("0", "-4"), "cv": ("0", "-20"),
    "sd_control": ("0", "-1"), "sd_treated": ("0",), "difference": ("0", "five"),
    "percent": ("0", "30 percent"), "alpha": ("0", "5", "0.6", ""), "power": ("0", "1", "80", ""),
    "assurance": ("0", "1", "1.2"), "losses": ("-1", "95"), "cage": ("0", "2.5"),
    "icc": ("-0.1", "1.5", ""), "ratio": ("0", "100"), "arms": ("2", "99", "3.5"),
    "comparisons": ("0", "1.5"), "correlation": ("1", "-1.5"), "scans": ("1", "2.5"),
    "cluster_losses": ("-1", "95"), "budget": ("1", "20.5"), "truth": ("1,234",),
}  # fmt: skip
WORDS = ("abc", "NaN", "Infinity", "0x10", "1_000", "١٢", "--5", "1e", "<b>8</b>")


def numeric_fields(page: Watched) -> list[str]:
    return list(page.page.eval_on_selector_all(
        "input[inputmode]", "all => all.filter(one => one.offsetParent).map(one => one.id.slice(2))"
    ))  # fmt: skip


@pytest.mark.parametrize("key", BAD)
def test_every_number_that_can_be_typed_is_checked(screen: Watched, key: str) -> None:
    """Bad values of a field: words beside it, no answer left standing, the answer back again."""
    for fragment in STATES.values():
        screen.follow(fragment)
        if key in numeric_fields(screen):
            break
    else:
        raise AssertionError(f"no plan shows the field {key}")
    screen.answered()
    before, good = screen.headline, screen.page.input_value(f"#f-{key}")
    for value in (*BAD[key], WORDS[list(BAD).index(key) % len(WORDS)]):
        refuses(screen, key, value)
    put(screen.page, key, good)
    screen.answered()
    assert screen.headline == before
    assert screen.page.get_attribute(f"#f-{key}", "aria-invalid") is None


def test_no_number_that_can_be_typed_is_forgotten(screen: Watched) -> None:
    seen: set[str] = set()
    for fragment in STATES.values():
        screen.follow(fragment)
        seen |= set(numeric_fields(screen))
    assert seen == set(BAD)


def refuses(page: Watched, key: str, value: str) -> None:
    put(page.page, key, value)
    page.answered("blocked")
    where = f"{key} = {value!r}"
    field = page.page.locator(f"#f-{key}")
    said = page.page.locator(f"#f-{key}-said")
    assert field.get_attribute("aria-invalid") == "true", where
    assert f"f-{key}-said" in str(field.get_attribute("aria-describedby")).split(), where
    assert said.is_visible(), where
    assert len(said.inner_text()) > 10, where
    assert "no answer" in page.headline, where
    for panel in ("curve", "grid", "interval", "drawing", "warnings", "ethics", "command"):
        assert page.page.locator(f"#panel-{panel}").is_hidden(), (where, panel)
    assert page.page.locator("#facts").inner_text() == "", where
    assert page.page.locator("#problems button").count() >= 1, where


def test_what_the_planner_refuses_stands_beside_its_field(screen: Watched) -> None:
    page = screen
    page.follow(STATES["shipped"])
    page.answered()
    put(page.page, "endpoint", "no such thing")
    page.answered("blocked")
    page.page.wait_for_selector("#f-endpoint[aria-invalid=true]")
    assert "no such thing" in page.page.locator("#f-endpoint-said").inner_text()
    put(page.page, "endpoint", "BV/TV")
    page.answered("fresh")
    # Words that the data need to know more of are asked for by name.
    put(page.page, "site", "")
    page.answered("blocked")
    assert "site" in page.page.locator("#problems").inner_text().lower()


def test_a_target_out_of_reach_is_said_with_its_ceiling(screen: Watched, planner: Any) -> None:
    page = screen
    page.follow(STATES["evidence"].replace("0.7", "0.99"))
    page.answered("unreachable")
    said = planner("plan n --sd 4 --mean 20 --from-meta ten.json --assurance 0.99")
    assert said["reachable"] is False
    assert page.headline == spoken(said["answer"])
    assert "ceiling" in page.headline


def test_a_budget_says_whether_the_answer_fits_and_what_it_buys(screen: Watched) -> None:
    # 9 a group are needed (d 1.5); 12 animals buy 6 a group.
    page = screen
    page.follow(f"{STATES['two groups'].split('&cage')[0]}&budget=12")
    page.answered()
    box = page.page.locator("#budget-line")
    page.page.wait_for_function(
        "() => document.getElementById('budget-line').textContent.includes('buys')"
    )
    words = box.inner_text()
    assert "6 over the budget of 12" in words
    assert "6 rats a group, 12 in all" in words
    good = {"design": {"mean": 20, "cv": 20, "percent": 30, "n": 6}}
    power = page.ask({"what": "answer", "asked": "power", "plan": good})["answer"]["outputs"][
        "power"
    ]
    assert f"power {power:.3g}" in words


def test_hostile_words_are_words(screen: Watched) -> None:
    page = screen
    page.follow(START)
    mark = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\'"`$(id)'
    page.page.locator("#words-details summary").click()
    for key in ("endpoint", "species", "strain", "site", "assay", "unit", "title", "treatment",
                "control"):  # fmt: skip
        put(page.page, key, mark)
    page.answered()
    assert page.page.evaluate("() => window.hacked") is None
    assert page.page.locator("img, #results script").count() == 0
    words = shlex.split(page.text("command"))
    assert mark in words
    assert "$(id)" not in words


def test_an_answer_under_way_is_not_shown_as_that_of_the_next_plan(screen: Watched) -> None:
    """A change while the answer to the one before is worked out: every moment is watched."""
    page = screen
    for pause in (130, 180):
        page.follow(START)
        page.answered()
        seen = page.page.evaluate(
            """async (pause) => {
              const put = (key, value) => {
                const field = document.getElementById(`f-${key}`);
                field.value = value;
                field.dispatchEvent(new Event('input', { bubbles: true }));
              };
              const answer = document.getElementById('answer');
              put('cv', '30');
              await new Promise((done) => setTimeout(done, pause));
              put('cv', '40');
              const seen = [];
              const headline = document.getElementById('headline');
              const watcher = new MutationObserver(() => {
                if (answer.dataset.state === 'fresh') seen.push(headline.textContent);
              });
              watcher.observe(answer, { attributes: true, childList: true, subtree: true });
              await new Promise((done) => setTimeout(done, 1500));
              watcher.disconnect();
              return [...new Set(seen)];
            }""",
            pause,
        )
        page.answered()
        assert [spoken(words) for words in seen] == [page.headline], pause


def test_a_plan_by_keyboard_alone(watch: Open, planner: Any) -> None:
    page = watch(accept_downloads=True)
    page.answered()
    keyboard = page.page.keyboard

    def focus() -> str:
        return str(page.page.evaluate("() => document.activeElement.id"))

    def tab_to(wanted: str) -> None:
        for _ in range(60):
            keyboard.press("Tab")
            if focus().startswith(wanted):
                ring = page.page.evaluate(
                    """() => { const one = document.activeElement;
                    const all = [one, one.closest('label'), one.nextElementSibling];
                    return all.filter(Boolean).map((each) => getComputedStyle(each)).some(
                      (s) => s.outlineStyle !== 'none' || s.boxShadow !== 'none'); }"""
                )
                assert ring, f"{wanted} does not show that it has the focus"
                return
        raise AssertionError(f"Tab never reaches {wanted}")

    def type_in(key: str, value: str) -> None:
        tab_to(f"f-{key}")
        keyboard.press("Control+A")
        keyboard.type(value)

    keyboard.press("Tab")
    assert focus() == "skip"
    tab_to("f-solve-n")
    tab_to("f-design-two-groups")
    for _ in range(3):
        keyboard.press("ArrowDown")
    assert focus() == "f-design-cages"
    tab_to("f-cages-whole")
    type_in("mean", "20")
    tab_to("f-spread-")
    keyboard.press("ArrowLeft")
    assert focus() == "f-spread-sd"
    type_in("sd", "4")
    tab_to("f-effect-")
    keyboard.press("ArrowLeft")
    assert focus() == "f-effect-difference"
    type_in("difference", "6")
    type_in("cage", "3")
    type_in("losses", "10")
    type_in("icc", "0.3")
    page.answered()
    said = planner("plan n --design cages-whole --mean 20 --sd 4 --difference 6 --cage 3 --icc 0.3 "
                   "--losses 0.1 --species rat")  # fmt: skip
    assert page.headline == spoken(said["answer"])
    # The details of the names open with Enter; a button of the answer works with the space bar.
    for _ in range(8):
        keyboard.press("Tab")
        if page.page.evaluate("() => document.activeElement.tagName") == "SUMMARY":
            break
    keyboard.press("Enter")
    assert page.page.evaluate("() => document.getElementById('words-details').open") is True
    type_in("title", "By hand")
    page.answered()
    for _ in range(40):
        keyboard.press("Tab")
        if page.page.evaluate("() => document.activeElement.dataset.testid") == "download":
            break
    with page.page.expect_download() as download:
        keyboard.press("Space")
    assert 'title = "By hand"' in Path(download.value.path()).read_text(encoding="utf-8")
