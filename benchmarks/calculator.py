"""How soon the calculator's page is ready, and how soon a changed plan has its new answer.

In Chromium, offline, from its file; against the command line's process for the same plan.

python benchmarks/calculator.py
"""

from __future__ import annotations

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
DIFFERENCES = ("5", "4.5", "6", "5.5", "4")
# In the page itself: from the key that changes a field to the answer that is drawn.
CHANGE = """([value]) => new Promise((done) => {
  const field = document.getElementById('f-difference');
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


def changes(browser: Any, address: str, fragment: str) -> list[float]:
    """Seconds from a changed difference to its answer on the screen."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(f"{address}#{fragment}&{WORDS}&difference=7")
    page.wait_for_function(IDLE)
    seconds = []
    for value in DIFFERENCES:
        seconds.append(page.evaluate(CHANGE, [value]) / 1000)
        page.wait_for_function(IDLE)
    context.close()
    return seconds


def commands(options: str) -> list[float]:
    """Seconds of the command line's process for the same plans."""
    program = str(Path(sys.executable).with_name("metabone"))
    spread = "" if "sd_control" in options else "--sd 4"
    seconds = []
    for difference in DIFFERENCES:
        command = f"plan n --no-grid --mean 20 {spread} --difference {difference} {options}".split()
        start = time.perf_counter()
        subprocess.run([program, *command], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return seconds


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
        file = Path(name) / "calculator.html"
        file.write_text(calculator_page(), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        opened = openings(browser, file.as_uri())
        print(f"page of {file.stat().st_size / 1e6:.2f} MB, ready after opening: median "
              f"{statistics.median(opened):.2f} s, worst {max(opened):.2f} s")  # fmt: skip
        print("a changed plan      page: median  worst   metabone plan n: median   ratio")
        worst = 0.0
        for design, (fragment, options) in DESIGNS.items():
            page, peer = changes(browser, file.as_uri(), fragment), commands(options)
            worst = max(worst, *page)
            middle, process = statistics.median(page), statistics.median(peer)
            print(f"{design:<18} {middle:13.3f} s {max(page):.3f} s {process:22.3f} s "
                  f"{process / middle:7.1f}")  # fmt: skip
        print(f"worst of all {worst:.3f} s, of which 0.12 s is waiting for the next key")
        browser.close()


if __name__ == "__main__":
    main()
