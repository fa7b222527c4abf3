from __future__ import annotations

from typing import Any

import pytest

from metabone.planning.answer import answer_mde, answer_power
from metabone.planning.answer_curve import curve
from metabone.planning.plan_file import Plan
from metabone.planning.question import make_question

ARMS = {"means": [20, 20, 24], "compare": [3, 1]}
PLANS = {
    # d = 1.506634 at 8 a group and .8 (planning case), with SD 4: 6.026537.
    "two-groups": ({"mean": 20, "sd": 4, "n": 8}, 4 * 1.506634228),
    "several-arms": ({"sd": 4, "n": 8, "inputs": ARMS}, None),
    "cages-whole": ({"mean": 20, "sd": 4, "n": 6, "cage": 3, "icc": 0.2}, None),
}


@pytest.mark.parametrize("name", PLANS)
def test_the_difference_found_is_the_one_that_is_asked_about(name: str) -> None:
    """The found difference is in the inputs, and has the wanted power there and on the curve."""
    words, wanted = PLANS[name]
    design: dict[str, Any] = {"name": name, **words}
    answer = answer_mde(make_question(Plan({"design": design})), grid=False)
    found = answer.outputs["effect"]
    assert answer.to_dict()["inputs"]["difference"] == found
    if wanted is not None:
        assert found == pytest.approx(wanted, abs=1e-6)
    size = design["n"]
    assert dict(curve(answer))[size] == pytest.approx(0.8, abs=1e-6)
    again = answer_power(make_question(Plan({"design": design | {"difference": found}})))
    assert again.outputs["power"] == pytest.approx(0.8, abs=1e-6)
