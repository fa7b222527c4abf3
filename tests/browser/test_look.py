"""The page as it is seen: on paper, on a telephone, in the dark, by those who do not see it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Open, Watched
from .states import STATES

# Text, its colour and what lies behind it: WCAG 2.1's relative luminance (definition in its
# glossary) and contrast (1.4.3: 4.5, or 3 for 24 px and for bold 18.66 px).
CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(getComputedStyle(one).backgroundColor);
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    return layers.reverse().map(rgba).reduce((under, top) => over(top, under), dark ? [18, 18, 18] : [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || element.closest('script, style, noscript, title, desc, .visually-hidden, .skip')) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const drawn = Boolean(element.closest('svg'));
    let under = behind(element);
    if (drawn) {
      // What is drawn below it: the last filled shape before it that holds its middle.
      const { left, top, width, height } = element.getBoundingClientRect();
      for (const one of element.closest('svg').querySelectorAll('rect, circle')) {
        const box = one.getBoundingClientRect();
        const [x, y] = [left + width / 2, top + height / 2];
        const before = one.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
        const inside = box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
        const shape = getComputedStyle(one);
        const fill = shape.fill === 'none' ? [0, 0, 0, 0] : rgba(shape.fill);
        const share = fill[3] * Number(shape.fillOpacity) * Number(shape.opacity);
        if (before && inside) under = over([...fill.slice(0, 3), share], under);
      }
    }
    let opacity = 1;
    for (let one = element; one; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity);
    const ink = rgba(drawn ? style.fill : style.color);
    const mixed = over([...ink.slice(0, 3), ink[3] * opacity], under);
    const [low, high] = [luminance(mixed), luminance(under)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    found.push({ text: text.slice(0, 40), ratio: (high + 0.05) / (low + 0.05), wanted: large ? 3 : 4.5 });
  }
  return found;
}"""  # noqa: E501


def settled(page: Watched) -> None:
    """Wait for the answer, its curve and its sensitivity."""
    page.answered()
    page.page.wait_for_function(
        "() => [...document.querySelectorAll('.panel')].every((one) => one.hidden || "
        "one.dataset.state !== 'stale') "
        "&& document.getAnimations().every((one) => one.playState !== 'running')", polling=50,
    )  # fmt: skip


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


@pytest.mark.parametrize("name", ["two groups", "evidence", "whole cages", "each arm"])
def test_it_prints_on_one_page(screen: Watched, name: str) -> None:
    page = screen
    page.follow(STATES[name])
    settled(page)
    for paper in ("A4", "Letter"):
        assert pages_of(page.page.pdf(format=paper)) == 1, paper


def test_two_pages_would_be_seen(watch: Open) -> None:
    page = watch()
    page.page.evaluate(
        "() => { document.body.innerHTML = '<p style=\"break-after: page\">a</p>b'; }"
    )
    assert pages_of(page.page.pdf(format="A4")) > 1


@pytest.mark.parametrize("first", range(3))
def test_no_width_needs_sideways_scrolling(watch: Open, first: int) -> None:
    page = watch(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    for fragment in list(STATES.values())[first::3]:
        page.follow(fragment)
        settled(page)
        for width in (390, 320, 768):
            page.page.set_viewport_size({"width": width, "height": 844})
            page.page.wait_for_timeout(150)  # drawings are made anew a moment later
            wide = page.page.evaluate(
                """width => [...document.querySelectorAll('body *')].filter((one) =>
                one.checkVisibility() && !one.closest('.visually-hidden, pre, .frame')
                && one.getBoundingClientRect().right > width + 0.5).map((one) => one.outerHTML)""",
                width,
            )
            across = page.page.evaluate("() => document.documentElement.scrollWidth")
            assert across <= width, fragment
            assert wide == [], fragment


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(watch: Open, scheme: Any) -> None:
    page = watch(color_scheme=scheme)
    dark = page.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", dark)[:3])) < 200) == (scheme == "dark")
    for name in ("evidence", "within cages", "non-inferiority", "each arm"):
        page.follow(STATES[name])
        settled(page)
        found = page.page.evaluate(CONTRASTS)
        assert len(found) > 60
        assert [one for one in found if one["ratio"] < one["wanted"]] == [], name


def test_what_is_wrong_stands_out_too(watch: Open) -> None:
    for scheme in ("light", "dark"):
        page = watch("#cv=-20&percent=0&alpha=7", color_scheme=scheme)
        page.answered("blocked")
        found = page.page.evaluate(CONTRASTS)
        assert [one for one in found if one["ratio"] < one["wanted"]] == []


def test_every_control_has_a_name_and_every_drawing_words(screen: Watched) -> None:
    page = screen
    for name in ("evidence", "whole cages", "2 × 2"):
        page.follow(STATES[name])
        settled(page)
        nameless = page.page.evaluate(
            """() => [...document.querySelectorAll('input, select, button, summary')].filter(
            (one) => one.checkVisibility() && !one.getAttribute('aria-label')
              && ![one, ...(one.labels || [])].some((each) => each.innerText.trim())
            ).map((one) => one.outerHTML)"""
        )
        assert nameless == []
        dangling = page.page.evaluate(
            """() => [...document.querySelectorAll('*')].flatMap((one) =>
            ['aria-describedby', 'aria-labelledby', 'for'].flatMap((name) =>
              (one.getAttribute(name) || '').split(' '))).filter(
              (id) => id && !document.getElementById(id))"""
        )
        assert dangling == []
        twice = page.page.evaluate(
            """() => { const all = [...document.querySelectorAll('[id]')].map((one) => one.id);
            return all.filter((id, at) => all.indexOf(id) !== at); }"""
        )
        assert twice == []
        words = page.page.evaluate(
            """() => [...document.querySelectorAll('#curve svg, #drawing svg, #interval svg')]
            .filter((one) => one.checkVisibility()).map((one) => [one.getAttribute('role'),
              one.querySelector('title').textContent, one.querySelector('desc').textContent])"""
        )
        assert words
        for one in words:
            assert one[0] == "img"
            assert len(one[1]) > 3
            assert len(one[2]) > 20
