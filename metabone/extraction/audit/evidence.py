"""What else speaks for a reading: the effect, a printed test, the same control printed twice."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from metabone.extraction.audit.mixture import Evidence
from metabone.extraction.audit.readings import ODD, READINGS, Reading, declared, residuals
from metabone.extraction.audit.sheet import Floats, Sheet
from metabone.extraction.audit.spread import Spread

#: True standardised differences are taken as Student's t with 2 df around 0, of this scale.
EFFECT_SCALE = 1.0
#: Log evidence of one control printed twice with dispersions of ratio √n.
SAME_CONTROL = 6.0
#: Weight, in rows, of not knowing which kind of dispersion a paper prints.
LABEL_ROWS = 0.1
#: Log odds against a reading of one row that would part its control from each other row that prints
#: it alike, and of how many of these rows at most.
CONTROL_AGREES, MOST_AGREE = 1.2, 2
#: What is printed with more different dispersions than this is no control, and takes their square.
MOST_PRINTED = 1000
#: A printed test agrees with a reading in this part of papers, and within this log ratio.
TEST_AGREES, TEST_NEAR = 0.6, 0.06

_CONTROL = ("study", "outcome", "unit", "site", "timepoint_weeks", "n_control", "mean_control")


def gather(sheet: Sheet, spread: Spread) -> Evidence:
    """All that the mixture looks at."""
    as_declared = declared(spread)
    y = np.stack([residuals(spread, reading, as_declared) for reading in READINGS])
    extra = np.zeros(y.shape[:2])
    size = 1 / np.sqrt(np.bincount(spread.study))[spread.study]
    t, t_error = _printed_t(sheet)
    clue = _same_control(sheet, spread)
    label = _of_labels(spread)
    same = CONTROL_AGREES * np.minimum(_same_cells(sheet, spread), MOST_AGREE)
    parting = np.array([_moves_control(reading) for reading in READINGS])
    unsure = np.isnan(spread.n[:, :2]).any(axis=1)
    for z, reading in enumerate(READINGS):
        readable = np.isfinite(y[z])
        needed = spread.given.copy()
        needed[:, [a for a in range(3) if a not in reading.arms]] = False
        wrong = (needed & ~readable).any(axis=1) | ~readable.any(axis=1)
        if reading.code and reading.declared is None and reading.power and len(reading.arms) == 1:
            wrong |= ~readable[:, :2].all(axis=1)
        if reading.kind in (0, 1, 2):
            # Without n another kind is a guess, made only where the labels speak for it.
            wrong |= unsure & (label[z] <= 0)
        if reading.kind == 3:
            extra[z] -= np.log(2.0) * readable.sum(axis=1)
        log_sd = y[z] + spread.size + spread.by_size[2]
        if z != ODD:
            extra[z] += size * _of_effect(spread, log_sd) + _of_test(spread, log_sd, t, t_error)
        if reading.code in clue:
            told = reading.arms == (0,) if reading.code else False
            extra[z] += 0.0 if told else clue[reading.code]
        extra[z, wrong] = -np.inf
    # Where the numbers are odd the effect and the test say no more than on average.
    extra[ODD] += np.where(np.isfinite(extra[0]), np.minimum(extra[0], 0.0), -np.inf)
    return Evidence(
        y=y, extra=extra, error=np.where(np.isfinite(spread.error), spread.error, 1.0),
        share=spread.share, wide=np.array([reading.wide for reading in READINGS]),
        prior=np.log([reading.prior for reading in READINGS]),
        label=label - parting[:, None] * same,
        endpoint=spread.endpoint, study=spread.study, site=sheet.groups(["site"]),
    )  # fmt: skip


def _of_labels(spread: Spread) -> Floats:
    """(Z, k) log odds for a reading from the kinds that the other rows of the study declare.

    A paper keeps to one kind of dispersion: one SD among the SEMs of its study is doubted before
    its value is looked at. That others declare the same is no proof, since labels are copied down.
    """
    counts = np.zeros((int(spread.study.max()) + 1, 3))
    there = spread.label >= 0
    np.add.at(counts, (spread.study[there], spread.label[there]), 1.0)
    others = counts[spread.study] + LABEL_ROWS
    label = np.zeros((len(READINGS), len(spread.study)))
    for z, reading in enumerate(READINGS):
        if reading.declared is not None and reading.kind in (0, 1, 2):
            mine = np.flatnonzero(spread.kind == reading.declared)
            alike = others[mine, reading.declared] - 1.0
            label[z, mine] = np.maximum(np.log(others[mine, reading.kind] / alike), 0.0)
    return label


def _same_cells(sheet: Sheet, spread: Spread) -> Floats:
    """(k,) how many other rows print the row's control with the same dispersion and label."""
    groups = sheet.groups([*_CONTROL, "dispersion_control", "dispersion_type"])
    count = np.bincount(groups, weights=spread.given[:, 1].astype(float))
    return np.where(spread.given[:, 1], count[groups] - 1, 0.0)


def _moves_control(reading: Reading) -> float:
    """Whether the control's dispersion is another than declared by a reading."""
    return float(bool(reading.code) and reading.code != READINGS[ODD].code and 1 in reading.arms)


def _of_effect(spread: Spread, log_sd: Floats) -> Floats:
    """(k,) log density of the difference of the means, given the SDs of the reading."""
    n = spread.likely
    with np.errstate(all="ignore"):
        sd = np.exp(0.5 * np.logaddexp(2 * log_sd[:, 0], 2 * log_sd[:, 1]) - 0.5 * np.log(2))
        width = sd * np.sqrt(1 / n[:, 0] + 1 / n[:, 1] + EFFECT_SCALE**2)
        d = (spread.mean[:, 0] - spread.mean[:, 1]) / width
        told = -np.log(width) - 1.5 * np.log1p(d**2 / 2)
    return np.where(np.isfinite(told), told, 0.0)


def _printed_t(sheet: Sheet) -> tuple[Floats, Floats]:
    """|t| that the row prints, by t, F or p, and the SD of its logarithm by rounding."""
    t, f, p = (np.abs(sheet.number(name)) for name in ("t", "f", "p"))
    df = sheet.number("n_treated") + sheet.number("n_control") - 2
    half = sheet.half_digit("p")
    with np.errstate(all="ignore"):
        usable = (p > 0) & (p < 1) & (df > 0)
        low, middle, high = (
            -stdtrit(np.where(usable, df, np.nan), np.clip(q, 1e-12, 1 - 1e-12) / 2)
            for q in (p + half, p, np.maximum(p - half, p / 3))
        )
        error = np.select(
            [t > 0, f > 0, middle > 0],
            [
                sheet.half_digit("t") / t,
                sheet.half_digit("f") / (2 * f),
                np.log(high / np.maximum(low, 1e-6)) / np.sqrt(12),
            ],
            np.nan,
        )
        value = np.select([t > 0, f > 0, middle > 0], [t, np.sqrt(f), middle], np.nan)
    return value, error


def _of_test(spread: Spread, log_sd: Floats, t: Floats, error: Floats) -> Floats:
    """(k,) log evidence of a printed test for the SDs of the reading."""
    with np.errstate(all="ignore"):
        variance = np.exp(2 * log_sd[:, :2]) / spread.n[:, :2]
        from_arms = np.abs(spread.mean[:, 0] - spread.mean[:, 1]) / np.sqrt(variance.sum(axis=1))
        off = np.log(from_arms / t)
        near = np.hypot(TEST_NEAR, np.minimum(error, 1.0))
        density = TEST_AGREES * np.exp(-0.5 * (off / near) ** 2) / near
        density += (1 - TEST_AGREES) * np.exp(-0.5 * np.minimum(off**2, 30.0))
        told = np.log(density)
    return np.where(np.isfinite(told), told, 0.0)


def _same_control(sheet: Sheet, spread: Spread) -> dict[str, Floats]:
    """Log evidence of rows that print one control with dispersions of ratio √n."""
    sem, sd, right = (np.zeros(len(sheet)) for _ in range(3))
    usable = np.flatnonzero(spread.given[:, 1] & np.isfinite(spread.n[:, 1]))
    groups = sheet.groups(_CONTROL)[usable]
    order = usable[np.argsort(groups, kind="stable")]
    sizes = np.bincount(groups)
    implied = np.where(spread.kind == 1, 0.5 * np.log(spread.n[:, 1]), 0.0) + spread.printed[:, 1]
    with np.errstate(all="ignore"):
        rounding = sheet.half_digit("dispersion_control") / sheet.number("dispersion_control")
    for members in np.split(order, np.cumsum(sizes)[:-1]):
        if len(members) < 2 or np.ptp(implied[members]) < 0.2:
            continue
        told = np.stack([implied[members], rounding[members], spread.kind[members]])
        alike, back = np.unique(told, axis=1, return_inverse=True)
        if alike.shape[1] > MOST_PRINTED:
            continue
        root = 0.5 * np.log(spread.n[members[0], 1])
        lower = alike[0][:, None] - alike[0]
        slack = 0.004 + alike[1][:, None] + alike[1]
        match = (np.abs(lower + root) <= slack) & (slack < root / 3)
        smaller, larger = match.any(axis=1)[back], match.any(axis=0)[back]
        kind = spread.kind[members]
        # An SD that is √n smaller is an SEM, an SEM that is √n larger an SD; where either may be
        # (an SD beside an SEM that implies √n more), the fewer rows are wrong. The others are then
        # as they say.
        few = smaller[kind == 0].sum() <= larger[kind == 1].sum()
        small_wrong = smaller & (kind == 0) & (few | ~larger[kind == 1].any())
        large_wrong = larger & (kind == 1) & ~small_wrong.any()
        sem[members[small_wrong]] = SAME_CONTROL
        sd[members[large_wrong]] = SAME_CONTROL
        right[members[(smaller | larger) & ~small_wrong & ~large_wrong]] = SAME_CONTROL
    return {"sem-as-sd": sem, "sd-as-sem": sd, "": right}
