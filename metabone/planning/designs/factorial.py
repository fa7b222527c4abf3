"""Two crossed factors: the interaction (does the treatment act differently in disease?)."""

import math

from metabone.planning.designs.common import (
    answer,
    caution,
    deviation,
    f_power,
    group_sizes,
    t_estimate,
    t_power,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    HOUSING,
    SIDES,
    SIZE,
    SPREAD,
    UNIT,
    joined,
    number,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def two_way(
    cells: "list[list[float]]",
    sd: float,
    n: float,
    alpha: float,
    covariates: int = 0,
    r2: float = 0.0,
) -> "Block":
    """Power of both main effects and the interaction, `n` animals in each cell.

    A covariate that explains `r2` of the variance leaves sd^2 (1 - r2) and costs one df each.

    Examples
    --------
    >>> round(two_way([[0, 0], [-2, -0.8]], 1, 8, 0.05)["power_AB"], 6)
    0.374242
    """
    rows, columns = len(cells), len(cells[0])
    row_means = [sum(row) / columns for row in cells]
    column_means = [sum([row[j] for row in cells]) / rows for j in range(columns)]
    grand = sum(row_means) / rows
    a = sum([(mean - grand) ** 2 for mean in row_means]) * columns
    b = sum([(mean - grand) ** 2 for mean in column_means]) * rows
    ab = 0.0
    for i in range(rows):
        for j in range(columns):
            ab += (cells[i][j] - row_means[i] - column_means[j] + grand) ** 2
    variance = sd * sd * (1 - r2)
    error = rows * columns * (n - 1) - covariates
    df_ab = (rows - 1) * (columns - 1)
    lam_a, lam_b, lam_ab = n * a / variance, n * b / variance, n * ab / variance
    return {
        "lam_A": lam_a,
        "lam_B": lam_b,
        "lam_AB": lam_ab,
        "power_A": f_power(lam_a, rows - 1, error, alpha),
        "power_B": f_power(lam_b, columns - 1, error, alpha),
        "power_AB": f_power(lam_ab, df_ab, error, alpha),
        "df": error,
    }


def _rest(cells: "list[float]", sizes: "list[float]", sd: float, signs: "list[int]") -> float:
    """Noncentrality of the t test of a +1/-1 contrast of four cells."""
    value = sum([signs[i] * cells[i] for i in range(4)])
    return value / (sd * math.sqrt(sum([1 / n for n in sizes])))


def _four_cells(inputs: "Block") -> "tuple[list[float], float, float]":
    """(means, SD, interaction) of the four cells."""
    cells = inputs.get("means")
    if not isinstance(cells, (list, tuple)) or len(cells) != 4:
        raise ValueError(
            "means needs four cells: healthy vehicle, healthy treated, diseased vehicle, "
            "diseased treated"
        )
    cells = [float(mean) for mean in cells]
    if inputs.get("difference") is not None:
        cells[3] = cells[2] + cells[1] - cells[0] + float(inputs["difference"])
    value = cells[3] - cells[2] - cells[1] + cells[0]
    filled = dict(inputs)
    if filled.get("mean_control") is None:
        filled["mean_control"] = cells[0]
    return cells, deviation(filled), value


def two_by_two_estimate(inputs: "Block") -> "Block":
    """The interaction: a difference of differences."""
    _, sd, value = _four_cells(inputs)
    sizes = group_sizes(inputs, 4)
    return t_estimate(value, sd * math.sqrt(sum([1 / n for n in sizes])), sum(sizes) - 4)


def two_by_two(inputs: "Block") -> "Block":
    """2 x 2 interaction: difference of the treatment's effects in disease and in health."""
    cells, sd, value = _four_cells(inputs)
    sizes = group_sizes(inputs, 4)
    alpha, sides = inputs["alpha"], inputs["sides"]
    df = sum(sizes) - 4
    notes = caution(value / sd)
    notes.append(
        "an interaction is a difference of differences, with twice the variance of one: "
        "the simple effect in diseased animals is shown beside it"
    )
    simple = (cells[3] - cells[2]) / (sd * math.sqrt(1 / sizes[2] + 1 / sizes[3]))
    return answer(
        inputs,
        t_power(_rest(cells, sizes, sd, [1, -1, -1, 1]), df, alpha, sides),
        sizes,
        power_model=t_power(_rest(cells, sizes, sd, [1, 1, -1, -1]), df, alpha, 2),
        power_treatment=t_power(_rest(cells, sizes, sd, [1, -1, 1, -1]), df, alpha, 2),
        power_simple=t_power(simple, df, alpha, 2),
        arms=["healthy vehicle", "healthy treated", "diseased vehicle", "diseased treated"],
        means=cells,
        effect=value,
        sd=sd,
        d=value / sd,
        se=sd * math.sqrt(sum([1 / n for n in sizes])),
        df=df,
        test="2 x 2 interaction",
        notes=notes,
    )


DESIGNS = {
    "two-by-two": {
        "title": "2 x 2: disease by treatment, the interaction",
        "inputs": joined(
            {
                "means": number(
                    "healthy vehicle, healthy treated, diseased vehicle, diseased treated",
                    UNIT,
                    None,
                    None,
                    None,
                    "list",
                ),
                "difference": number("difference of the two treatment effects", UNIT),
            },
            SPREAD,
            SIZE,
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": two_by_two,
        "estimate": two_by_two_estimate,
        "size": "n",
        "effect": "difference",
    },
}
