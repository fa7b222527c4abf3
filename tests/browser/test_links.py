"""A link holds the plan, and whatever else stands after the number sign is harmless."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import pytest

from .conftest import Open, Watched
from .states import STATES, put


@pytest.mark.parametrize("name", STATES)
def test_a_link_opens_the_same_plan_and_answer(screen: Watched, watch: Open, name: str) -> None:
    first = screen
    first.follow(STATES[name])
    first.answered()
    link = first.page.evaluate("() => location.hash")
    second = watch(link)
    second.answered()
    assert second.page.evaluate("() => location.hash") == link
    shown = "() => Object.fromEntries([...document.querySelectorAll('input, select')].filter(" \
        "(one) => one.offsetParent).map((one) => [one.id, one.type === 'radio' || one.type === " \
        "'checkbox' ? one.checked : one.value]))"  # fmt: skip
    assert second.page.evaluate(shown) == first.page.evaluate(shown)
    assert len(first.page.evaluate(shown)) > 20
    for part in ("headline", "facts", "command", "ethics", "summary"):
        assert second.text(part) == first.text(part)
        assert first.text(part)
    assert second.page.locator("#link-note").is_hidden()


def test_what_is_typed_is_in_the_link(screen: Watched) -> None:
    page = screen
    page.follow(STATES["two groups"])
    page.answered()
    put(page.page, "percent", "35")
    put(page.page, "design", "cages")
    put(page.page, "icc", "0.25")
    page.page.wait_for_function(
        "() => ['design=cages', 'percent=35', 'icc=0.25']"
        ".every(part => location.hash.slice(1).split('&').includes(part))"
    )
    page.answered()
    before = page.headline
    # Another link in the same page takes its place.
    page.follow(STATES["Welch"])
    page.answered()
    assert page.headline != before
    assert "is found" in page.headline


LONG = "a" * 1_000_000
HOSTILE: Mapping[str, str] = {
    "script": "#title=<script>window.hacked=1</script>&treatment=<img src=x onerror=hacked=1>",
    "encoded script": f"#title={quote('<svg onload=window.hacked=1>')}&unit={quote('</style>')}",
    "script as a key": f"#{quote('<script>window.hacked=1</script>')}=1",
    "script as a design": "#design=<script>window.hacked=1</script>",
    "address": "#javascript:window.hacked=1",
    "prototype": "#__proto__=1&constructor=2&toString=3&hasOwnProperty=4&valueOf=5",
    "prototype by parts": "#__proto__[polluted]=1&constructor.prototype.polluted=1",
    "prototype as a choice": "#design=__proto__&solve=constructor&spread=toString&method=valueOf",
    "prototype as evidence": "#effect=evidence&evidence=__proto__",
    "a megabyte": f"#mean={LONG}",
    "a megabyte of keys": "#" + "&".join(f"k{i}={i}" for i in range(100_000)),
    "no numbers": "#mean=NaN&cv=Infinity&percent=-&n=1e999&alpha=0x1&power=1,5,2",
    "huge numbers": "#mean=1e308&spread=sd&sd=1e-308&effect=difference&difference=1e308",
    "impossible numbers": "#cv=-20&percent=0&alpha=7&power=-1&losses=400&cage=0",
    "too many animals": "#solve=power&n=999999999999&cv=20&percent=30",
    "twice": "#cv=20&cv=30&percent=30&percent=40",
    "control characters": "#title=a%00b%1b[31mc%0d%0ad%e2%80%aee&cv=20&percent=30",
    "broken encoding": "#title=%ff%fe%&cv=20%&percent=%E2%82",
    "only marks": "#&&&===&=&;;#",
    "another page": "#https://evil.example/?x=1",
}


ANEW = ("script", "prototype", "a megabyte", "impossible numbers")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_link_is_harmless(screen: Watched, watch: Open, name: str) -> None:
    """Followed in a page that is open, and, for the worst of them, opened anew."""
    page = watch(HOSTILE[name]) if name in ANEW else screen
    page.follow(HOSTILE[name])
    page.answered("fresh", "unreachable", "blocked")
    assert page.page.evaluate("() => window.hacked") is None
    assert page.page.evaluate("() => ({}).polluted") is None
    assert page.page.evaluate("() => [].concat({}).length") == 1
    assert page.page.locator("img, main script, main style").count() == 0
    assert page.page.title() == "metabone: how many animals?"
    if page.page.get_attribute("#answer", "data-state") == "blocked":
        assert page.page.locator("#problems li").count() >= 1
    # The page still answers a plan.
    page.follow(STATES["two groups"].split("&cage")[0])
    page.answered("fresh")
    assert page.headline.startswith("9 rats a group")
