"""How soon the calculator's page is ready, and how soon a changed plan has its new answer.

In Chromium, offline, from its file; against the command line's process for the same plan.

python benchmarks/calculator.py
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from metabone.planning.calculator.page import calculator_page

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
OPENINGS = 9
WORDS = "spread=sd&sd=4&mean=20&effect=difference"
# For each design: what stands after the number sign, and the command with the same plan.
DESIGNS = {
    "two groups": ("design=two-groups", ""),
    "Welch": ("design=two-groups&welch=yes&sd_control=3&sd_treated=5",
              "--design two-groups-welch --set sd_control=3 --set sd_treated=5"),
    "shared control": ("design=arms&arms=4", "--design shared-control --arms 4"),
    "several arms": ("design=arms&compare=one&arms=4", "--design several-arms --arms 4"),
    "baseline scan": ("design=baseline&correlation=0.6",
                      "--design ancova --baseline-correlation 0.6"),
    "whole cages": ("design=cages&cage=3&icc=0.2", "--design cages-whole --cage 3 --icc 0.2"),
    "within cages": ("design=cages&cages=within&cage=4&icc=0.2",
                     "--design cages-within --cage 4 --icc 0.2"),
    "2 x 2": ("design=two-by-two", "--design two-by-two"),
    "repeated scans": ("design=scans&correlation=0.6",
                       "--design repeated-scans --baseline-correlation 0.6"),
    "non-inferiority": ("design=non-inferiority&alpha=0.025",
                        "--design non-inferiority --alpha 0.025"),
}  # fmt: skip
# The same from a pooled result, for a wanted assurance.
HOLM = "--design shared-control --arms 4 --set method=holm"
EVIDENCE = {
    "two groups": ("design=two-groups", ""),
    "baseline scan": ("design=baseline&correlation=0.6",
                      "--design ancova --baseline-correlation 0.6"),
    "Dunnett, each arm": ("design=arms&arms=4", "--design shared-control --arms 4"),
    "Dunnett, any arm": ("design=arms&arms=4&question=any",
                         "--design shared-control --arms 4 --set question=any"),
    "Dunnett, all arms": ("design=arms&arms=4&question=all",
                          "--design shared-control --arms 4 --set question=all"),
    "Holm, each arm": ("design=arms&arms=4&method=holm", HOLM),
    "Holm, any arm": ("design=arms&arms=4&method=holm&question=any", f"{HOLM} --set question=any"),
    "Holm, all arms": ("design=arms&arms=4&method=holm&question=all", f"{HOLM} --set question=all"),
    "whole cages": ("design=cages&cage=3&icc=0.2", "--design cages-whole --cage 3 --icc 0.2"),
}  # fmt: skip
TEN = {
    "schema_version": "1.0", "measure": "SMD", "model": "univariate", "tau2_method": "REML",
    "overall": {"k_studies": 10, "k_effects": 10, "estimate": 1.5, "se": 0.25, "tau2": 0.64},
    "strata": [],
}  # fmt: skip
DIFFERENCES = ("5", "4.5", "6", "5.5", "4")
ASSURANCES = ("0.75", "0.6", "0.8", "0.7", "0.65")
# In the page itself: from the key that changes a field to the answer that is drawn.
CHANGE = """([key, value]) => new Promise((done) => {
  const field = document.getElementById(`f-${key}`);
  const results = document.getElementById('results');
  const start = performance.now();
  const watch = new MutationObserver(() => {
    if (results.getAttribute('aria-busy') === 'false') {
      watch.disconnect();
      requestAnimationFrame(() => done(performance.now() - start));
    }
  });
  field.value = value;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  watch.observe(results, { attributes: true });
})"""
IDLE = """() => document.getElementById('results').getAttribute('aria-busy') === 'false'
&& [...document.querySelectorAll('.panel')].every((one) => one.hidden
    || one.dataset.state !== 'stale')"""


def openings(browser: Any, address: str) -> list[float]:
    """Seconds from the start of the navigation to the planner that is ready, of fresh profiles."""
    seconds = []
    for _ in range(OPENINGS + 1):
        context = browser.new_context(offline=True)
        page = context.new_page()
        page.goto(address, wait_until="commit")
        page.wait_for_function("() => window.metabone")
        ready = page.evaluate("() => window.metabone.ready.then(() => performance.now())")
        seconds.append(ready / 1000)
        context.close()
    return seconds[1:]  # the first one warms the file cache


def changes(
    browser: Any, address: str, fragment: str, key: str, values: tuple[str, ...]
) -> tuple[list[float], list[float]]:
    """Seconds from a changed field to its answer on the screen, and to its last drawing."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(f"{address}#{fragment}")
    page.wait_for_function(IDLE, timeout=120_000)
    answers, drawings = [], []
    for value in values:
        start = time.perf_counter()
        answers.append(page.evaluate(CHANGE, [key, value]) / 1000)
        page.wait_for_function(IDLE, timeout=120_000)
        drawings.append(time.perf_counter() - start)
    context.close()
    return answers, drawings


def commands(options: list[str]) -> list[float]:
    """Seconds of the command line's process for the same plans."""
    program = str(Path(sys.executable).with_name("metabone"))
    seconds = []
    for option in options:
        command = f"plan n --no-grid --mean 20 {option}".split()
        start = time.perf_counter()
        subprocess.run([program, *command], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return seconds


def measured(browser: Any, address: str, pool: Path) -> float:
    """Print a line for each design; the slowest answer of all."""
    print("a changed plan          page: median  worst  drawn   metabone plan n: median   ratio")
    worst = 0.0
    cases = [(name, f"{fragment}&{WORDS}&difference=7", "difference", DIFFERENCES, options)
             for name, (fragment, options) in DESIGNS.items()]  # fmt: skip
    plain = "spread=sd&sd=4&mean=20&effect=evidence&assurance=0.5"
    cases += [(f"{name} *", f"{fragment}&{plain}", "assurance", ASSURANCES,
               f"{options} --from-meta {pool}")
              for name, (fragment, options) in EVIDENCE.items()]  # fmt: skip
    for name, fragment, key, values, options in cases:
        page, drawn = changes(browser, address, fragment, key, values)
        spread = "" if "sd_control" in options else "--sd 4"
        peer = commands([f"--{key} {value} {spread} {options}" for value in values])
        worst = max(worst, *page)
        middle, process = statistics.median(page), statistics.median(peer)
        print(f"{name:<22} {middle:13.3f} s {max(page):.3f} s {statistics.median(drawn):.2f} s "
              f"{process:22.3f} s {process / middle:7.1f}")  # fmt: skip
    print("* from a pooled result of ten studies, for a wanted assurance")
    return worst


def main() -> None:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("calculator: playwright is not installed; left out")
        return
    if path is None:
        print("calculator: there is no chromium; left out")
        return
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        file, pool = Path(name) / "calculator.html", Path(name) / "pool.json"
        pool.write_text(json.dumps(TEN), encoding="utf-8")
        file.write_text(calculator_page([pool]), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        opened = openings(browser, file.as_uri())
        print(f"page of {file.stat().st_size / 1e6:.2f} MB, ready after opening: median "
              f"{statistics.median(opened):.2f} s, worst {max(opened):.2f} s")  # fmt: skip
        worst = measured(browser, file.as_uri(), pool)
        print(f"worst of all {worst:.3f} s, of which 0.12 s is waiting for the next key")
        browser.close()


if __name__ == "__main__":
    main()
