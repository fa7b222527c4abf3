"""The page asks nothing of the network, however it is opened; `--serve` is for this machine."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .conftest import Open, opened
from .states import STATES

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_opened_from_its_file_it_asks_for_nothing_else(watch: Open) -> None:
    page = watch()
    page.answered()
    assert page.requests[0] == page.address
    assert page.headline


def test_its_own_policy_stops_what_would_ask(browser: Browser, calculator: Path) -> None:
    """The watch hears a request, and the page's policy does not let it out."""
    context = browser.new_context()
    page = opened(context, calculator.as_uri())
    refused = page.page.evaluate(
        """async () => {
          const outcome = (promise) => promise.then(() => 'done', (error) => error.name);
          const image = new Promise((done, fail) => {
            const one = new Image();
            one.onload = done;
            one.onerror = () => fail(new TypeError('image'));
            one.src = 'http://127.0.0.1:9/a.png';
          });
          return [await outcome(fetch('http://127.0.0.1:9/')), await outcome(image)];
        }"""
    )
    context.close()
    assert refused == ["TypeError", "TypeError"]
    assert sum("Content Security Policy" in line for line in page.said) >= 2


def test_the_watch_hears_a_request_and_a_complaint(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "loud.html"
    path.write_text(
        "<script>window.metabone = { ready: Promise.resolve() };</script>"
        "<img src='http://127.0.0.1:9/a.png'><script>console.warn('loud'); nowhere();</script>",
        encoding="utf-8",
    )
    context = browser.new_context()
    page = opened(context, path.as_uri())
    page.page.wait_for_function("() => document.readyState === 'complete'")
    context.close()
    assert page.strangers() == ["http://127.0.0.1:9/a.png"]
    assert "warning: loud" in page.said
    assert any("nowhere is not defined" in line for line in page.said)


def test_served_it_works_the_same_and_ends_when_told(browser: Browser, results: Path) -> None:
    # A run in the background ignores Ctrl-C, and so would all that it starts.
    heeding = (
        "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "sys.argv = ['metabone', 'calculator', '--serve']; "
        "runpy.run_module('metabone', run_name='__main__')"
    )
    command = [sys.executable, "-c", heeding]
    before = set(results.iterdir())
    with subprocess.Popen(command, cwd=results, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as served:  # fmt: skip
        try:
            assert served.stderr is not None
            line = served.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            assert found, line
            context = browser.new_context()
            page = opened(context, found[0], STATES["two groups"].split("&cage")[0])
            page.answered("fresh")
            assert page.headline.startswith("9 rats a group")
            # This page has no evidence, and says how to put some in.
            page.page.check("#f-effect-evidence")
            page.answered("blocked")
            assert "metabone calculator --evidence" in page.text("evidence-how")
            assert page.strangers() == []
            assert page.said == []
            context.close()
        finally:
            served.send_signal(signal.SIGINT)
            try:
                out, err = served.communicate(timeout=60)
            finally:
                served.kill()
    assert served.returncode == 0, err
    assert out == ""
    assert err == "ended\n"
    assert set(results.iterdir()) == before


def test_it_is_one_file_of_about_a_megabyte(calculator: Path) -> None:
    text = calculator.read_text(encoding="utf-8")
    assert len(text.encode("utf-8")) < 1_500_000
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", text)
