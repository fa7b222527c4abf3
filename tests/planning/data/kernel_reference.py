"""Reference values for the planner's kernel, computed with mpmath: run by hand, stored beside.

    python kernel_reference.py        (needs mpmath; half an hour)

writes kernel_reference.json, a list of rows for each function. Nothing here is shared with the
kernel. Probabilities are computed with 30 digits or more:

* norm, t, chi2, f: mpmath's erfc and incomplete gamma function; the incomplete beta function by its
  hypergeometric series of positive terms.
* t_isf, chi2_isf, f_isf: bisection of the upper tail over log x.
* nct: E Φ(±(xS − nc)) by the trapezoid rule over log S, with the step halved until 18 digits stay
  (the rule converges geometrically for a function that decays at both ends).
* ncx2, ncf: Poisson mixtures summed over all indices that matter, cdf downwards, sf upwards.
* dunnett: nested tanh-sinh or Gauss-Legendre quadrature (mpmath's quad) of the probability that no
  arm passes a given critical value.
"""

from __future__ import annotations

import json
from pathlib import Path

DF = (1, 1.5, 2, 3, 4.7, 8, 10, 20, 50.5, 100, 250, 500)


def short(x):
    """A double with few digits, so that the table is exact and readable."""
    return float(f"{float(x):.6g}")


def central(mp):
    """(norm, t, chi2, f) rows: arguments, cdf, sf."""
    norm = [[x, float(mp.erfc(-x / mp.sqrt(2)) / 2), float(mp.erfc(x / mp.sqrt(2)) / 2)]
            for x in (-30.0, -8.0, -3.0, -0.1, 0.0, 0.7, 1.96, 6.0, 20.0, 37.0)]  # fmt: skip
    t, chi2, f = [], [], []
    for df in DF:
        m = mp.mpf(df) / 2
        for x in (0.01, 0.5, 1.3, 2.1, 4.0, 12.0, 200.0):
            with mp.workdps(160):
                tail = beta(mp, m, mp.mpf(1) / 2, df / (df + mp.mpf(x) ** 2)) / 2
            t.append([x, df, float(1 - tail), float(tail)])
        for k in (0.02, 0.4, 0.9, 1.1, 1.7, 5.0):
            x = short(df * k)
            half = mp.mpf(x) / 2
            low = mp.gammainc(m, 0, half, regularized=True)
            high = mp.gammainc(m, half, mp.inf, regularized=True)
            chi2.append([x, df, float(low), float(high)])
        for d2 in (1, 3, 10, 36.5, 120, 500):
            for x in (0.05, 0.8, 1.4, 3.0, 30.0):
                f.append([x, df, d2, *f_tails(mp, x, df, d2)])
    return norm, t, chi2, f


def beta(mp, a, b, p):
    """Regularised incomplete beta, by 2F1(a + b, 1; a + 1; p), all terms positive; 160 digits."""
    with mp.workdps(160):
        if p > 0.5:
            return 1 - beta(mp, b, a, 1 - p)
        term = total = p**a * (1 - p) ** b / (a * mp.beta(a, b))
        n = 0
        while term > total * mp.mpf(10) ** -150:
            term *= p * (a + b + n) / (a + 1 + n)
            total += term
            n += 1
        return total


def f_tails(mp, x, d1, d2):
    with mp.workdps(160):
        x = mp.mpf(x)
        p = d1 * x / (d1 * x + d2)
        a, b = mp.mpf(d1) / 2, mp.mpf(d2) / 2
        return float(beta(mp, a, b, p)), float(beta(mp, b, a, 1 - p))


def root(mp, sf, q):
    """x > 0 with sf(x) = q, by 120 halvings of log x."""
    low, high = mp.mpf(-40), mp.mpf(60)
    for _ in range(120):
        middle = (low + high) / 2
        if sf(mp.e**middle) > q:
            low = middle
        else:
            high = middle
    return float(mp.e ** ((low + high) / 2))


def quantiles(mp):
    def t_upper(df):
        return lambda x: beta(mp, mp.mpf(df) / 2, mp.mpf(1) / 2, df / (df + x * x)) / 2

    def chi2_upper(df):
        return lambda x: mp.gammainc(mp.mpf(df) / 2, x / 2, mp.inf, regularized=True)

    def f_upper(d1, d2):
        return lambda x: beta(mp, mp.mpf(d2) / 2, mp.mpf(d1) / 2, d2 / (d1 * x + d2))

    t, chi2, f = [], [], []
    for df in (1, 1.5, 3, 10, 50.5, 500):
        for q in (0.4, 0.05, 0.025, 0.005, 1e-6):
            t.append([q, df, root(mp, t_upper(df), q)])
        for q in (0.975, 0.5, 0.05, 0.001):
            chi2.append([q, df, root(mp, chi2_upper(df), q)])
        for d2 in (1, 10, 120):
            for q in (0.95, 0.05, 0.001):
                f.append([q, df, d2, root(mp, f_upper(df, d2), q)])
    return t, chi2, f


def nct_tail(mp, x, df, nc, sign):
    """E Φ(sign·(xS − nc)) by the trapezoid rule over u = log S."""
    x, df, nc = mp.mpf(x), mp.mpf(df), mp.mpf(nc)
    m = df / 2
    constant = mp.log(2) + m * mp.log(m) - mp.loggamma(m)

    def g(u):
        s = mp.e**u
        return mp.e ** (constant + df * u - m * s * s) * mp.erfc(-sign * (x * s - nc) / mp.sqrt(2))

    peak = max((mp.mpf(i) / 50 - 8 for i in range(700)), key=g)

    def total(h, offset):
        s = mp.mpf(0)
        for way in (1, -1):
            k = 0 if way == 1 else 1
            while True:
                value = g(peak + (k * way + offset) * h)
                s += value
                k += 1
                if k > 5 and value < mp.mpf(10) ** -27 * s:
                    break
        return s

    h = mp.mpf(1) / 16
    s = total(h, 0)
    before = s * h
    while True:
        s += total(h, mp.mpf("0.5"))
        h /= 2
        if abs(s * h - before) <= mp.mpf(10) ** -18 * s * h:
            return float(s * h / 2)
        before = s * h


def nct(mp):
    rows = []
    for df in DF:
        for nc in (0.1, 1, 2.5, 6, 15, 30, 60, -0.5, -4, -25, -60):
            for z in (-3, 0.5, 4):
                x = short(nc + z * (1 + nc * nc / (2 * df)) ** 0.5)
                rows.append([x, df, nc, nct_tail(mp, x, df, nc, 1), nct_tail(mp, x, df, nc, -1)])
    return rows


def ncx2(mp):
    rows = []
    for df in DF:
        for nc in (0.01, 1, 5, 20, 100, 900, 3600):
            for z in (-3, 0.3, 5):
                x = short(max(df + nc + z * (2 * df + 4 * nc) ** 0.5, 0.1 * (df + nc)))
                a, y = mp.mpf(df) / 2, mp.mpf(x) / 2
                step = (
                    lambda j, a=a, y=y: y / (a + j + 1),
                    lambda j, a=a, y=y: mp.e ** ((a + j) * mp.log(y) - y - mp.loggamma(a + j + 1)),
                    lambda j, a=a, y=y: mp.gammainc(a + j, 0, y, regularized=True),
                    lambda j, a=a, y=y: mp.gammainc(a + j, y, mp.inf, regularized=True),
                )
                rows.append([x, df, nc, *mixture(mp, nc, mp.sqrt(nc / 2 * y), step)])
    return rows


def ncf(mp):
    rows = []
    for d1 in (1, 2, 4, 12, 100, 500):
        for d2 in (1, 3, 10, 36.5, 120, 500):
            for nc in (0.01, 1, 10, 60, 600, 3600):
                for k in (0.5, 1.6):
                    x = short(k * (d1 + nc) / d1)
                    rows.append([x, d1, d2, nc, *ncf_tails(mp, x, d1, d2, nc)])
    return rows


def ncf_tails(mp, x, d1, d2, nc):
    a, b = mp.mpf(d1) / 2, mp.mpf(d2) / 2
    p = d1 * mp.mpf(x) / (d1 * mp.mpf(x) + d2)
    q = 1 - p
    lean = p * nc / 2 - a
    peak = (lean + mp.sqrt(lean**2 + 2 * p * nc * (a + b))) / 2
    step = (
        lambda j: p * (a + b + j) / (a + j + 1),
        lambda j: p ** (a + j) * q**b / ((a + j) * mp.beta(a + j, b)),
        lambda j: beta(mp, a + j, b, p),
        lambda j: beta(mp, b, a + j, q),
    )
    return mixture(mp, nc, peak, step)


def mixture(mp, nc, peak, step):
    """(cdf, sf) of a Poisson mixture: G(j) = G(j + 1) + f(j), with f by its ratio."""
    ratio, front, lower, upper = step
    with mp.workdps(60):
        mean = mp.mpf(nc) / 2
        centre = max(float(mean), float(peak))
        top = int(centre + 14 * centre**0.5 + 80)
        tail, f = lower(top), front(top)
        weight = mp.e ** (top * mp.log(mean) - mean - mp.loggamma(top + 1))
        cdf = weight * tail
        for j in range(top - 1, -1, -1):
            f /= ratio(j)
            tail += f
            weight *= (j + 1) / mean
            cdf += weight * tail
        tail, f, weight = upper(0), front(0), mp.e**-mean
        sf = weight * tail
        for j in range(top):
            tail += f
            f *= ratio(j)
            weight *= mean / (j + 1)
            sf += weight * tail
    return float(cdf), float(sf)


def dunnett(mp):
    """Rows [critical, k, df, ratio, sides, P(some arm passes)] for k alike arms under the null."""
    rows = []
    with mp.workdps(18):
        for c, k, df, ratio, sides in (
            (2.5, 3, 20, 1, 2), (2.2, 4, 35, 2, 1), (6.0, 4, 2, 1, 2), (12.0, 2, 1, 1, 2),
            (3.1, 8, 10, 0.2, 2), (2.0, 5, 200, 3, 1), (1.5, 6, 4.5, 1, 2),
        ):  # fmt: skip
            rows.append([c, k, df, ratio, sides, float(some(mp, c, k, df, ratio, sides))])
    return rows


def some(mp, c, k, df, ratio, sides):
    b = mp.sqrt(1 / mp.mpf(1 + ratio))
    rest = mp.sqrt(2 * (1 - b * b))
    m = mp.mpf(df) / 2
    constant = mp.log(2) + m * mp.log(m) - mp.loggamma(m) - mp.log(2 * mp.pi) / 2

    def none(s):
        def given(z):
            passing = mp.erfc((c * s - b * z) / rest) / 2
            if sides == 2:
                passing += mp.erfc((c * s + b * z) / rest) / 2
            return (1 - passing) ** k * mp.e ** (-z * z / 2)

        density = mp.e ** (constant + (df - 1) * mp.log(s) - m * s * s)
        return density * mp.quad(given, [-9, -5, -2, 0, 2, 5, 9], maxdegree=5)

    ends = [mp.mpf(x) for x in ("0.0", "0.05", "0.15", "0.3", "0.5", "0.75", "1", "1.3", "1.7")]
    return 1 - mp.quad(none, [*ends, 2.4, 4, 9], maxdegree=5)


def main():
    import mpmath as mp

    mp.mp.dps = 30
    norm, t, chi2, f = central(mp)
    t_isf, chi2_isf, f_isf = quantiles(mp)
    tables = {
        "norm": norm, "t": t, "chi2": chi2, "f": f,
        "t_isf": t_isf, "chi2_isf": chi2_isf, "f_isf": f_isf,
        "nct": nct(mp), "ncx2": ncx2(mp), "ncf": ncf(mp), "dunnett": dunnett(mp),
    }  # fmt: skip
    text = ",\n".join(
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for name, rows in tables.items()
    )
    path = Path(__file__).with_suffix(".json")
    path.write_text("{\n" + text + "\n}\n", encoding="utf-8")
    print({name: len(rows) for name, rows in tables.items()})


if __name__ == "__main__":
    main()
