"""Normal and t distribution under the names of ``scipy.special``, from the kernel."""

from metabone.planning.kernel import norm_cdf, norm_ppf, t_cdf, t_ppf


def ndtr(x: float) -> float:
    """Φ(x)."""
    return norm_cdf(x)


def ndtri(p: float) -> float:
    """The quantile of the normal distribution."""
    return norm_ppf(p)


def stdtr(df: float, t: float) -> float:
    """Student's distribution."""
    return t_cdf(t, df)


def stdtrit(df: float, p: float) -> float:
    """The quantile of Student's distribution."""
    return t_ppf(p, df)
