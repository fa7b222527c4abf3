"""Several primary endpoints: all of them must win (co-primary), or at least one."""

import math

from metabone.planning.designs.common import (
    answer,
    caution,
    group_sizes,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    FRACTION,
    HOUSING,
    SIDES,
    SIZE,
    UNIT,
    joined,
    number,
    word,
)
from metabone.planning.designs.lattice import lattice, root_chi
from metabone.planning.kernel import (
    nct_sf,
    norm_ppf,
    norm_sf,
    normal_nodes,
    t_isf,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.designs.common import Block

# Error df from which the correlation of the two SDs no longer shows.
LARGE = 200


def cholesky(matrix: "list[list[float]]") -> "list[list[float]]":
    """Lower triangle whose product with its transpose is the correlation matrix."""
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum([lower[i][k] * lower[j][k] for k in range(j)])
            if i == j:
                if rest <= 1e-12:
                    raise ValueError("these correlations cannot all hold at once")
                lower[i][i] = math.sqrt(rest)
            else:
                lower[i][j] = rest / lower[j][j]
    return lower


def correlation_matrix(rho: "float | list[float]", size: int) -> "list[list[float]]":
    """One correlation for all pairs, or those of the pairs 12, 13, ..., 23, ... in a list."""
    pairs = size * (size - 1) // 2
    values = list(rho) if isinstance(rho, (list, tuple)) else [rho] * pairs
    if len(values) != pairs:
        raise ValueError(
            "rho needs one number, or " + str(pairs) + " for " + str(size) + " endpoints"
        )
    matrix = [[1.0] * size for _ in range(size)]
    at = 0
    for i in range(size):
        for j in range(i + 1, size):
            matrix[i][j] = matrix[j][i] = float(values[at])
            at += 1
    return matrix


def all_known(nc: "list[float]", cut: float, matrix: "list[list[float]]") -> float:
    """P(every statistic passes `cut`), SDs known: normal statistics with these correlations.

    References
    ----------
    Sozu, Sugimoto & Hamasaki (2011), doi:10.1080/10543406.2011.551329.
    """
    if len(nc) == 1:
        return norm_sf(cut - nc[0])
    if len(nc) == 2:
        return pair_known(nc, cut, matrix[0][1])
    return _lattice_mean(nc, cut, matrix, 0)


def pair_known(nc: "list[float]", cut: float, rho: float) -> float:
    """P(both statistics pass `cut`), SDs known."""
    rest = math.sqrt(max(1 - abs(rho), 1e-15))

    def tail(centre: float) -> float:
        return norm_sf((cut - centre) / rest)

    return _shared(nc, rho, tail)


def pair_exact(nc: "list[float]", cut: float, rho: float, df: float) -> float:
    """P(both t statistics pass `cut`) when the two endpoints correlate by `rho` within groups.

    The two variances are correlated chi-squares: given a negative binomial count j they are
    independent with df + 2 j degrees of freedom (Kibble), and given the factor they share the two
    means are independent, so each tail is a noncentral t.

    References
    ----------
    Kibble (1941), Sankhya 5, 137-150.
    """
    square = rho * rho if df <= LARGE else 0.0
    rest = math.sqrt(max(1 - abs(rho), 1e-15))
    half = 0.5 * df
    weight, total, seen, j = (1 - square) ** half, 0.0, 0.0, 0
    while seen < 1 - 1e-9 and j < 4000:
        if weight > 1e-12:
            more = df + 2 * j
            scaled = cut * math.sqrt((1 - square) * more / df) / rest

            def tail(centre: float, df_: float = more, cut_: float = scaled) -> float:
                return nct_sf(cut_, df_, centre / rest)

            total += weight * _shared(nc, rho, tail)
        seen += weight
        weight *= square * (half + j) / (j + 1)
        j += 1
    return total


def _shared(nc: "list[float]", rho: float, tail: "Callable[[float], float]") -> float:
    """Mean over the factor the two share of the product of both tails given it."""
    if rho == 0:
        return tail(nc[0]) * tail(nc[1])
    root = math.sqrt(abs(rho))
    sign = -1.0 if rho < 0 else 1.0
    total = 0.0
    # Given the shared part each tail is a step this wide: panels keep it resolved.
    panels = 1 + int(root / math.sqrt(max(1 - abs(rho), 1e-4)))
    for z, weight in normal_nodes(panels):
        if weight > 1e-12:
            total += weight * tail(nc[0] + root * z) * tail(nc[1] + sign * root * z)
    return total


def _lattice_mean(nc: "list[float]", cut: float, matrix: "list[list[float]]", df: float) -> float:
    """P(every statistic passes `cut`) by a lattice over normals and, with df, over Wishart SDs.

    Given the SDs the last statistic's own part is integrated, one after the other (Genz).
    """
    size = len(nc)
    lower = cholesky(matrix)
    chis = [root_chi(df - i) for i in range(size)] if df else []
    below = size * (size - 1) // 2 if df else 0
    total, count = 0.0, 0
    for u in lattice(size - 1 + (size + below if df else 0)):
        count += 1
        cuts = _cuts(u[size - 1 :], cut, lower, chis, df) if df else [cut] * size
        total += _chain(u, nc, cuts, lower)
    return total / count


def _cuts(
    u: "list[float]",
    cut: float,
    lower: "list[list[float]]",
    chis: "list[Callable[[float], float]]",
    df: float,
) -> "list[float]":
    """Critical values on the scale of known SDs, from one draw of the Wishart's SDs."""
    size = len(lower)
    factor = [[0.0] * size for _ in range(size)]
    at = 0
    for i in range(size):
        for j in range(i):
            factor[i][j] = norm_ppf(u[at])
            at += 1
        factor[i][i] = chis[i](norm_ppf(u[at]))
        at += 1
    result = []
    for i in range(size):
        square = 0.0
        for k in range(i + 1):
            x = sum([lower[i][j] * factor[j][k] for j in range(k, i + 1)])
            square += x * x
        result.append(cut * math.sqrt(square / df))
    return result


def _chain(
    u: "list[float]", nc: "list[float]", cuts: "list[float]", lower: "list[list[float]]"
) -> float:
    """Genz's product: P(all pass) for one point, each normal drawn beyond its limit."""
    drawn: list[float] = []
    chance = 1.0
    for i in range(len(nc)):
        centre = nc[i] + sum([lower[i][j] * drawn[j] for j in range(i)])
        tail = norm_sf((cuts[i] - centre) / lower[i][i])
        chance *= tail
        if chance < 1e-15:
            return 0.0
        if i < len(nc) - 1:
            drawn.append(-norm_ppf(min(max(u[i] * tail, 1e-300), 1 - 1e-16)))
    return chance


def all_exact(nc: "list[float]", cut: float, matrix: "list[list[float]]", df: float) -> float:
    """P(every t statistic passes `cut`), the SDs estimated."""
    if len(nc) == 1:
        return nct_sf(cut, df, nc[0])
    if len(nc) == 2:
        return pair_exact(nc, cut, matrix[0][1], df)
    if df <= len(nc):
        raise ValueError("too few animals for " + str(len(nc)) + " endpoints")
    return _lattice_mean(nc, cut, matrix, df if df <= LARGE else 0)


def any_known(nc: "list[float]", cut: float, rho: float) -> float:
    """P(at least one of two statistics passes `cut`), SDs known."""
    return norm_sf(cut - nc[0]) + norm_sf(cut - nc[1]) - pair_known(nc, cut, rho)


def _endpoints(inputs: "Block") -> "tuple[list[float], list[float], list[list[float]]]":
    """(differences, SDs, correlations) of the endpoints, seen in their expected directions."""
    gaps, sds = inputs.get("differences"), inputs.get("sds")
    if not gaps or not sds or len(gaps) != len(sds):
        raise ValueError("differences and sds need one number for each endpoint")
    if min(sds) <= 0:
        raise ValueError("sds must be above 0")
    share = inputs.get("percent_of_differences")
    gaps = [gap * (1.0 if share is None else share / 100) for gap in gaps]
    matrix = correlation_matrix(inputs["rho"], len(gaps))
    # Endpoints that are expected to move oppositely correlate the other way.
    for i in range(len(gaps)):
        for j in range(len(gaps)):
            if gaps[i] * gaps[j] < 0:
                matrix[i][j] = -matrix[i][j]
    return gaps, list(sds), matrix


def coprimary(inputs: "Block") -> "Block":
    """Every endpoint must differ in its expected direction (or at least one, of two)."""
    gaps, sds, matrix = _endpoints(inputs)
    sizes = group_sizes(inputs)
    root = math.sqrt(1 / sizes[0] + 1 / sizes[1])
    ds = [abs(gaps[i]) / sds[i] for i in range(len(gaps))]
    nc = [d / root for d in ds]
    df = sum(sizes) - 2
    level = inputs["alpha"] / inputs["sides"]
    any_wins = inputs["question"] == "any"
    if any_wins:
        if len(gaps) != 2:
            raise ValueError("at least one endpoint is planned for two endpoints")
        cut = t_isf(level / 2, df)
        single = nct_sf(cut, df, nc[0]) + nct_sf(cut, df, nc[1])
        power = single - pair_exact(nc, cut, matrix[0][1], df)
    else:
        cut = t_isf(level, df)
        power = all_exact(nc, cut, matrix, df)
    share = inputs.get("percent_of_differences")
    return answer(
        inputs,
        power,
        sizes,
        power_each=[nct_sf(cut, df, value) for value in nc],
        arms=["control", "treated"],
        effect=100 if share is None else share,
        differences=gaps,
        sds=sds,
        d=min(ds),
        df=df,
        critical=cut,
        test="t tests, " + ("at least one" if any_wins else "all") + " must win",
        notes=caution(max(ds)),
    )


DESIGNS = {
    "co-primary": {
        "title": "Several primary endpoints",
        "inputs": joined(
            {
                "differences": number(
                    "difference of each endpoint in its unit", UNIT + "s", None, None, None, "list"
                ),
                "sds": number("SD of each endpoint", UNIT + "s", None, 0.0, None, "list"),
                "rho": number(
                    "correlation of endpoints within a group, one or a list of pairs",
                    FRACTION,
                    0.0,
                    -0.999,
                    0.999,
                    "list",
                ),
                "percent_of_differences": number(
                    "share of all differences that is true", "%", None, 0.0
                ),
                "question": word("all must win, or any (alpha shared)", ("all", "any"), "all"),
            },
            SIZE,
            {"ratio": number("treated animals for each control animal", "", 1, 0.05, 20)},
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": coprimary,
        "no_interval": "each endpoint has an interval of its own, in its own unit",
        "size": "n",
        "floor": lambda inputs: max(2, (len(inputs.get("differences") or []) + 4) // 2),
        "effect": "percent_of_differences",
    },
}
