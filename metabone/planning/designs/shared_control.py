"""Several treated arms against one shared control: Dunnett, Bonferroni, Holm, root-k allocation."""

import math

from metabone.planning.designs.common import (
    answer,
    caution,
    deviation,
    difference,
    t_estimate,
    whole,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    EFFECT,
    HOUSING,
    SIDES,
    SIZE,
    SPREAD,
    UNIT,
    joined,
    number,
    word,
)
from metabone.planning.kernel import (
    dunnett_about,
    dunnett_critical,
    dunnett_power,
    holm_power,
    nct_cdf,
    nct_sf,
    t_isf,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.designs.common import Block

# Above this many treated arms the exact step-down probabilities take too long.
HOLM_ARMS = 6
# What the test of a method is called in a methods section.
_NAMES = {
    "dunnett": "Dunnett's test",
    "bonferroni": "t tests with Bonferroni's correction",
    "holm": "t tests with Holm's correction",
    "none": "t tests without correction",
}


def loads_of(treated: "list[float]", control: float) -> "list[float]":
    """Loading of each comparison on the shared control: a correlation is a product of two."""
    return [math.sqrt(n / (n + control)) for n in treated]


def shifts(
    differences: "list[float]", sd: float, treated: "list[float]", control: float
) -> "list[float]":
    """Noncentrality of each comparison."""
    count = range(len(treated))
    return [differences[i] / (sd * math.sqrt(1 / treated[i] + 1 / control)) for i in count]


def sizes_of(inputs: "Block", arms: int) -> "list[float]":
    """[control, treated, ...]: a list as given, or n treated animals and the control's share."""
    n = inputs.get("n")
    if n is None:
        raise ValueError("give n, the animals in a treated arm")
    if isinstance(n, (list, tuple)):
        if len(n) != arms + 1:
            raise ValueError("n needs the control and each treated arm: " + str(arms + 1))
        return list(n)
    control = n * (math.sqrt(arms) if inputs.get("allocation") == "sqrt" else 1.0)
    return [whole(control) if n == int(n) else control] + [n] * arms


def differences_of(inputs: "Block") -> "list[float]":
    """Difference of each treated arm."""
    given = inputs.get("differences")
    if given is not None:
        values = [float(value) for value in given]
        if inputs.get("difference") is None:
            return values
        top = max([abs(value) for value in values])
        return [value * float(inputs["difference"]) / top for value in values]
    return [difference(inputs)] * inputs["treated_arms"]


def family_power(
    ds: "list[float]", sizes: "list[float]", inputs: "Block"
) -> "tuple[float, float, list[float], float]":
    """(any, all, each, critical value) of the chosen method; `sizes` has the control first."""
    return _tails_power(ds, sizes, inputs, inputs["sides"])


def _tails_power(
    ds: "list[float]", sizes: "list[float]", inputs: "Block", tails: int
) -> "tuple[float, float, list[float], float]":
    """`family_power` of what is found on so many sides by the test's own critical values."""
    alpha, sides, method = inputs["alpha"], inputs["sides"], inputs["method"]
    control, treated = sizes[0], sizes[1:]
    arms, df = len(treated), sum(sizes) - len(sizes)
    if method == "holm":
        if arms > HOLM_ARMS:
            raise ValueError("holm is planned for up to " + str(HOLM_ARMS) + " treated arms")
        nc = shifts(ds, 1.0, treated, control)
        level = alpha * tails / sides
        one, every, each = holm_power(nc, loads_of(treated, control), df, level, tails)
        return one, every, each, t_isf(alpha / (sides * arms), df)
    cut = _cut(sizes, inputs)
    found: Block = dict(dunnett_power(ds, treated, control, df, cut, tails))
    return found["any"], found["all"], found["each"], cut


def shared_estimate(inputs: "Block") -> "Block":
    """The weakest real difference of an arm, with the critical value that all arms share."""
    gaps = differences_of(inputs)
    sizes = sizes_of(inputs, len(gaps))
    sd, method = deviation(inputs), inputs["method"]
    treated, df = sizes[1:], sum(sizes) - len(sizes)
    errors = [sd * math.sqrt(1 / n + 1 / sizes[0]) for n in treated]
    real = [i for i in range(len(gaps)) if gaps[i] != 0] or [0]
    weakest = min(real, key=lambda i: abs(gaps[i]) / errors[i])
    top = max(gaps, key=abs)
    shares = len(gaps) if method == "bonferroni" else 1
    found = t_estimate(gaps[weakest], errors[weakest], df, shares)
    if shares > 1:
        found["kind"] = "simultaneous over " + str(shares) + " arms (Bonferroni)"
    if method == "dunnett":
        found["kind"] = "simultaneous over " + str(len(gaps)) + " arms (Dunnett)"

        def at(share: float, alpha: float, sides: int) -> "tuple[float, float, float]":
            cut = dunnett_critical(alpha, treated, sizes[0], df, sides)
            return errors[weakest], df, cut

        found["at"] = at
        if min(treated) == max(treated):

            def about(share: float, alpha: float, sides: int) -> "tuple[float, float, float]":
                return errors[weakest], df, rough_cut(inputs, sizes[0] / treated[0], df)

            found["about"] = about
    if method != "none":
        found["rough"] = t_estimate(0.0, errors[weakest], df, len(gaps))["at"]
    # One difference stands for all arms, which must look the same way.
    alike = min([gaps[i] * top for i in real]) > 0
    found["times"] = abs(gaps[weakest] / top) if top else 1.0
    if inputs["question"] != "each" or method == "holm" or not alike:
        found["tested"] = "no"
    if inputs["question"] != "each":
        found["aim"] = _aim(inputs["question"], len(real))
    if method == "holm":
        found["none"] = "Holm's test has no interval of its own: use dunnett or bonferroni for one"
    return found


def shared_assurance(
    inputs: "Block", mean: float, scale: float, pdf: float, fine: bool = True
) -> "float | None":
    """See `designs.shared_assurance`."""
    # That module stands on this one.
    from metabone.planning.designs import shared_assurance as assured

    return assured.shared_assurance(inputs, mean, scale, pdf, fine)


def shared_success(inputs: "Block", right: bool) -> float:
    """See `assurance.success`: found on the side of the truth, or beyond it on the other one."""
    differences, sd = differences_of(inputs), deviation(inputs)
    sizes = sizes_of(inputs, len(differences))
    ds = [value / sd for value in differences]
    if sum(ds) < 0:
        ds = [-value for value in ds]

    def found(tails: int) -> float:
        one, every, each, _ = _tails_power(ds, sizes, inputs, tails)
        return {"each": _weakest(each, ds), "any": one, "all": every}[inputs["question"]]

    return found(1) if right else found(2) - found(1)


def _aim(question: str, arms: int) -> "Callable[[float], float]":
    """Power of one arm at which any or all of them have the wanted one, were they independent."""
    if question == "any":
        return lambda target: 1.0 - (1.0 - target) ** (1.0 / arms)
    return lambda target: float(target ** (1.0 / arms))


def shared_chance(inputs: "Block") -> float:
    """The power of `shared_control` alone: of the weakest arm without those of any and of all."""
    gaps, method = differences_of(inputs), inputs["method"]
    if inputs["question"] != "each" or method == "holm":
        return float(shared_control(inputs)["power"])
    sd, sizes = deviation(inputs), sizes_of(inputs, len(gaps))
    ds = [value / sd for value in gaps]
    if inputs["sides"] == 1 and sum(ds) < 0:
        ds = [-value for value in ds]
    cut, df = _cut(sizes, inputs), sum(sizes) - len(sizes)
    nc = shifts(ds, 1.0, sizes[1:], sizes[0])
    each = {shift: t_power_at(cut, shift, df, inputs["sides"]) for shift in nc}
    real = [each[nc[i]] for i in range(len(nc)) if gaps[i] != 0]
    return min(real) if real else max([each[shift] for shift in nc])


def _cut(sizes: "list[float]", inputs: "Block") -> float:
    """The critical value that all arms share; `sizes` has the control first."""
    alpha, sides, method = inputs["alpha"], inputs["sides"], inputs["method"]
    control, treated = sizes[0], sizes[1:]
    df = sum(sizes) - len(sizes)
    if method == "dunnett":
        return dunnett_critical(alpha, treated, control, df, sides)
    return t_isf(alpha / (sides * (len(treated) if method == "bonferroni" else 1)), df)


def rough_cut(inputs: "Block", ratio: float, df: float) -> float:
    """About Dunnett's critical value, of few ratios, since each costs a table of its own.

    Root k times an arm, made whole, is a ratio for each size: they lie near this line.
    """
    arms, alpha, sides = len(differences_of(inputs)), inputs["alpha"], inputs["sides"]
    if inputs.get("allocation") != "sqrt":
        return dunnett_about(alpha, arms, df, ratio, sides)
    low = math.sqrt(arms)
    high = 1.2 * low
    share = (1 / (1 + low) - 1 / (1 + ratio)) / (1 / (1 + low) - 1 / (1 + high))
    ends = [dunnett_about(alpha, arms, df, end, sides) for end in (low, high)]
    return ends[0] + share * (ends[1] - ends[0])


def shared_control(inputs: "Block") -> "Block":
    """Each treated arm against the one control, the familywise error held by `method`."""
    differences = differences_of(inputs)
    sd = deviation(inputs)
    sizes = sizes_of(inputs, len(differences))
    ds = [value / sd for value in differences]
    if inputs["sides"] == 1 and sum(ds) < 0:
        ds = [-value for value in ds]
    one, every, each, cut = family_power(ds, sizes, inputs)
    weakest = _weakest(each, differences)
    d = max(differences, key=abs) / sd
    return answer(
        inputs,
        {"each": weakest, "any": one, "all": every}[inputs["question"]],
        sizes,
        power_any=one,
        power_all=every,
        power_each=each,
        arms=["control"] + ["treated " + str(i + 1) for i in range(len(ds))],
        effect=max(differences, key=abs),
        differences=differences,
        sd=sd,
        d=d,
        se=shared_estimate(inputs)["se"],
        df=sum(sizes) - len(sizes),
        critical=cut,
        test=_NAMES[inputs["method"]] + " against the shared control",
        notes=caution(d),
    )


def _weakest(each: "list[float]", differences: "list[float]") -> float:
    """Power of the weakest real difference."""
    real = [each[i] for i in range(len(each)) if differences[i] != 0]
    return min(real) if real else max(each)


def t_power_at(cut: float, nc: float, df: float, sides: int) -> float:
    """Power of one comparison at a given critical value."""
    upper = nct_sf(cut, df, nc)
    return upper if sides == 1 else upper + nct_cdf(-cut, df, nc)


def best_allocation(total: int, arms: int, d: float, alpha: float, sides: int) -> "Block":
    """Power of one active arm by Dunnett's test for each way to share `total` animals.

    Returns
    -------
    ``n``, ``n0`` of the best split and ``powers``: {(n, n0): power}.
    """
    powers: dict[tuple[int, int], float] = {}
    for n in range(2, (total - 2) // arms + 1):
        n0 = total - arms * n
        # A control below the treated arms' size is never best; far above root k nor.
        if n0 < n or n0 > 3 * n * math.sqrt(arms):
            continue
        df = total - arms - 1
        cut = dunnett_critical(alpha, [n] * arms, n0, df, sides)
        powers[(n, n0)] = t_power_at(cut, d / math.sqrt(1 / n + 1 / n0), df, sides)
    best = max(powers, key=lambda split: powers[split])
    return {"n": best[0], "n0": best[1], "powers": powers}


DESIGNS = {
    "shared-control": {
        "title": "Several treated arms, one shared control",
        "inputs": joined(
            EFFECT,
            SPREAD,
            {
                "treated_arms": number("treated arms", "", 2, 1, 20, "whole"),
                "differences": number(
                    "difference of each treated arm", UNIT, None, None, None, "list"
                ),
                "method": word(
                    "how the familywise error is held",
                    ("dunnett", "bonferroni", "holm", "none"),
                    "dunnett",
                ),
                "allocation": word(
                    "control as large as an arm, or root k times", ("equal", "sqrt"), "equal"
                ),
                "question": word(
                    "each: the weakest real effect; any: at least one arm; all: every arm",
                    ("each", "any", "all"),
                    "each",
                ),
            },
            SIZE,
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": shared_control,
        "chance": shared_chance,
        "estimate": shared_estimate,
        "assurance": shared_assurance,
        "success": shared_success,
        "size": "n",
        "effect": "difference",
    },
}
