"""Plans as the form holds them, and as the command line says them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .conftest import Watched

if TYPE_CHECKING:
    from playwright.sync_api import Page

RAT = "species=rat&endpoint=BV/TV&unit=%25&mean=20&cv=20"
# A fragment for each design; between them every field of the form is shown.
STATES: Mapping[str, str] = {
    "two groups": f"#design=two-groups&{RAT}&percent=30&cage=3&losses=10&ratio=2&budget=40",
    "two groups, power": f"#design=two-groups&solve=power&{RAT}&percent=-25&n=12&sides=1",
    "Welch": "#design=two-groups&solve=mde&welch=yes&mean=20&sd_control=3&sd_treated=6&n=10",
    "two groups, SD": "#design=two-groups&spread=sd&sd=4&effect=difference&difference=5&alpha=0.01"
    "&power=0.9&unit=mg",
    "shipped": "#design=two-groups&spread=shipped&endpoint=BV/TV&species=rat&strain=Fischer"
    "&site=metaphysis&percent=30",
    "evidence": "#design=two-groups&spread=sd&sd=4&mean=20&effect=evidence&assurance=0.7",
    "each arm": f"#design=arms&{RAT}&percent=30&arms=4&method=holm&question=any&allocation=equal",
    "one arm": f"#design=arms&compare=one&{RAT}&percent=30&arms=5&comparisons=3",
    "baseline": f"#design=baseline&{RAT}&percent=30&correlation=0.7",
    "baseline, detectable": "#design=baseline&solve=mde&spread=sd&sd=4&mean=20&n=9&correlation=0.6",
    "whole cages": f"#design=cages&{RAT}&percent=30&cage=3&icc=0.2&cluster_losses=5",
    "within cages": f"#design=cages&cages=within&{RAT}&percent=30&cage=4&icc=0.3&error=clusters",
    "2 × 2": "#design=two-by-two&spread=sd&sd=3&mean=20&effect=difference&difference=4",
    "scans": "#design=scans&spread=sd&sd=3&mean=20&effect=difference&difference=3&correlation=0.6"
    "&scans=3&scanquestion=change",
    "non-inferiority": "#design=non-inferiority&spread=sd&sd=4&mean=20&effect=difference"
    "&difference=4&truth=0.5&better=lower&alpha=0.025",
}


@dataclass(frozen=True)
class Filled:
    """What is typed and chosen in the form, and the command that asks the same."""

    typed: Mapping[str, str]
    command: str


# The form against the command line, written down apart from each other.
FILLED: Mapping[str, Filled] = {
    "animals": Filled(
        {"design": "two-groups", "solve": "n", "mean": "20", "spread": "cv", "cv": "20",
         "effect": "percent", "percent": "30", "cage": "3"},
        "n --species rat --mean 20 --cv 20 --percent 30 --cage 3",
    ),
    "losses, decimal comma": Filled(
        {"mean": "0,612", "spread": "sd", "sd": "0,071", "effect": "difference",
         "difference": "-0.08", "losses": "14", "alpha": "0.01", "sides": "1", "power": "0.9"},
        "n --mean 0.612 --sd 0.071 --difference -0.08 --losses 0.14 --alpha 0.01 --sides 1 "
        "--power 0.9",
    ),
    "ratio": Filled(
        {"spread": "sd", "sd": "4", "effect": "difference", "difference": "5", "ratio": "2"},
        "n --sd 4 --difference 5 --set ratio=2",
    ),
    "power": Filled(
        {"solve": "power", "n": "8", "mean": "20", "cv": "20", "percent": "30"},
        "power --n 8 --mean 20 --cv 20 --percent 30",
    ),
    "detectable": Filled(
        {"solve": "mde", "n": "12", "mean": "20", "spread": "sd", "sd": "4"},
        "mde --n 12 --mean 20 --sd 4",
    ),
    "Welch": Filled(
        {"welch": "yes", "mean": "20", "sd_control": "3", "sd_treated": "6",
         "effect": "difference", "difference": "5"},
        "n --design two-groups-welch --mean 20 --difference 5 --set sd_control=3 "
        "--set sd_treated=6",
    ),
    "Dunnett": Filled(
        {"design": "arms", "arms": "4", "mean": "20", "cv": "20", "percent": "30"},
        "n --design shared-control --arms 4 --mean 20 --cv 20 --percent 30",
    ),
    "one contrast": Filled(
        {"design": "arms", "compare": "one", "arms": "5", "comparisons": "3", "mean": "20",
         "cv": "20", "percent": "30"},
        "n --design several-arms --arms 5 --mean 20 --cv 20 --percent 30 --set comparisons=3",
    ),
    "baseline": Filled(
        {"design": "baseline", "correlation": "0.7", "mean": "20", "cv": "20", "percent": "30"},
        "n --design ancova --baseline-correlation 0.7 --mean 20 --cv 20 --percent 30",
    ),
    "whole cages": Filled(
        {"design": "cages", "cages": "whole", "cage": "3", "icc": "0.2", "mean": "20", "cv": "20",
         "percent": "30"},
        "n --design cages-whole --cage 3 --icc 0.2 --mean 20 --cv 20 --percent 30",
    ),
    "within cages": Filled(
        {"design": "cages", "cages": "within", "cage": "4", "icc": "0.3", "mean": "20", "cv": "20",
         "percent": "30"},
        "n --design cages-within --cage 4 --icc 0.3 --mean 20 --cv 20 --percent 30",
    ),
    "2 × 2": Filled(
        {"design": "two-by-two", "mean": "20", "spread": "sd", "sd": "3", "effect": "difference",
         "difference": "4"},
        "n --design two-by-two --mean 20 --sd 3 --difference 4",
    ),
    "scans": Filled(
        {"design": "scans", "mean": "20", "spread": "sd", "sd": "3", "effect": "difference",
         "difference": "3", "correlation": "0.6"},
        "n --design repeated-scans --mean 20 --sd 3 --difference 3 --baseline-correlation 0.6",
    ),
    "non-inferiority": Filled(
        {"design": "non-inferiority", "mean": "20", "spread": "sd", "sd": "4",
         "effect": "difference", "difference": "4"},
        "n --design non-inferiority --mean 20 --sd 4 --difference 4 --alpha 0.025",
    ),
    "shipped": Filled(
        {"spread": "shipped", "endpoint": "BV/TV", "species": "rat", "strain": "Fischer",
         "site": "metaphysis", "mean": "", "percent": "30"},
        "n --endpoint BV/TV --species rat --strain Fischer --site metaphysis --percent 30",
    ),
}  # fmt: skip


def put(page: Page, key: str, value: str) -> None:
    """Type or choose one field, as a person does."""
    # Words that no choice has would be no selector either.
    if re.fullmatch(r"[\w-]+", value):
        radio = page.locator(f"input[type=radio][name='{key}'][value='{value}']")
        if radio.count():
            radio.check()
            return
    field = page.locator(f"#f-{key}")
    if field.evaluate("one => one.tagName") == "SELECT":
        field.select_option(value)
    elif field.get_attribute("type") == "checkbox":
        field.set_checked(value == "yes")
    else:
        field.fill(value)


def fill(watched: Watched, typed: Mapping[str, str]) -> None:
    """Fill in the form from top to bottom and wait for the answer."""
    for key, value in typed.items():
        put(watched.page, key, value)
    watched.page.wait_for_timeout(200)  # the page waits for the next key
    watched.answered()
