"""Chromium, the calculator's page in it, and a watch that hears whatever it says or asks for."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .plans import RESULTS, write_results

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PAGE = "calculator.html"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    # No name but this machine's own is looked up, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
# What a page has in itself: scripts of its own as blobs, drawings as data.
OWN = ("blob:", "data:")


def spoken(text: str) -> str:
    """A headline whose parts a line break may hold apart in place of a comma."""
    return " ".join(text.replace(",", " ").lower().split())


@dataclass
class Watched:
    """A page and everything that it asked for or complained of."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def listen(self) -> None:
        page = self.page
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("crash", lambda _: self.said.append("the page crashed"))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning", "assert"):
            self.said.append(f"{message.type}: {message.text}")

    def strangers(self) -> list[str]:
        """Requests for anything but the page itself."""
        return [url for url in self.requests
                if not url.startswith(OWN) and url.partition("#")[0] != self.address]  # fmt: skip

    def ask(self, request: Mapping[str, Any]) -> Any:
        """What the page answers to one request."""
        return self.page.evaluate("request => window.metabone.ask(request)", dict(request))

    def answered(self, *states: str) -> None:
        """Wait until the form's present plan has its answer, and nothing is under way."""
        wanted = " ".join(states or ("fresh", "unreachable"))
        self.page.wait_for_function(
            """wanted => document.getElementById('results').getAttribute('aria-busy') === 'false'
            && wanted.split(' ').includes(document.getElementById('answer').dataset.state)""",
            arg=wanted, timeout=20_000, polling=20,
        )  # fmt: skip

    def text(self, name: str) -> str:
        return str(self.page.locator(f"#{name}").text_content() or "")

    def follow(self, link: str) -> None:
        """Open a link in the same page, whose old answer is then no answer to it."""
        self.page.evaluate(
            """link => location.hash === link ? null : new Promise((done) => {
              addEventListener('hashchange', () => setTimeout(done, 0), { once: true });
              location.hash = link;
            })""",
            link,
        )

    @property
    def headline(self) -> str:
        """The answer as it is read, the large part and the rest of it; see `spoken`."""
        return spoken(self.text("headline"))


def _missing(what: str) -> None:
    """Skip, saying why; where everything must be tested, fail."""
    reason = f"no {what}: the calculator's page is not tested in a browser"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, which CI=true does not let pass")
    pytest.skip(reason)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright (pip install 'metabone[dev]')")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        _missing("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pooled results, and the page with both in it."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent  # the same for all workers
    return _made_once(folder / "results")


@pytest.fixture(scope="package")
def calculator(results: Path) -> Path:
    """The page as a file."""
    return results / PAGE


def _made_once(folder: Path) -> Path:
    """The folder, filled by whoever comes first; the others wait until it is complete."""
    from metabone.planning.calculator.page import calculator_page

    try:
        folder.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 60
        while not (folder / PAGE).exists():
            assert time.monotonic() < deadline, f"nobody made {folder / PAGE}"
            time.sleep(0.05)
        return folder
    write_results(folder)
    page = folder / "half.html"
    page.write_text(calculator_page(evidence=[folder / name for name in RESULTS]), encoding="utf-8")
    page.rename(folder / PAGE)
    return folder


def opened(context: BrowserContext, address: str, fragment: str = "") -> Watched:
    watched = Watched(context.new_page(), address)
    watched.listen()
    watched.page.goto(address + fragment)
    watched.page.evaluate("() => window.metabone.ready.then(() => true)")
    return watched


@pytest.fixture(scope="package")
def desk(browser: Browser, calculator: Path) -> Iterator[Watched]:
    """One page for all plans that are asked without the form."""
    context = browser.new_context(offline=True)
    watched = opened(context, calculator.as_uri())
    yield watched
    context.close()


Open = Callable[..., Watched]


@pytest.fixture(scope="package")
def _screen(browser: Browser, calculator: Path) -> Iterator[Watched]:
    context = browser.new_context(offline=True, accept_downloads=True)
    yield opened(context, calculator.as_uri())
    context.close()


@pytest.fixture
def screen(_screen: Watched) -> Iterator[Watched]:
    """One page for all tests that only fill it in; at the end nothing must have been said."""
    yield _screen
    said, _screen.said = _screen.said, []
    assert said == []
    assert _screen.strangers() == []


@pytest.fixture
def watch(browser: Browser, calculator: Path) -> Iterator[Open]:
    """Open the page offline, from its file; at the end nothing must have been asked or said.

    The first argument is what stands after the address (``#…``), others go to the context:
    ``viewport``, ``color_scheme``, ….
    """
    pages: list[Watched] = []
    contexts: list[BrowserContext] = []

    def open_page(fragment: str = "", **options: Any) -> Watched:
        path = options.pop("path", calculator)
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        pages.append(opened(context, path.as_uri(), fragment))
        return pages[-1]

    yield open_page
    said = [line for one in pages for line in one.said]
    strangers = [url for one in pages for url in one.strangers()]
    for context in contexts:
        context.close()
    assert said == []
    assert strangers == []
