"""Power curve: the chance of success against animals in a group, with its ceiling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.plots.spec import Curve, PowerSpec
from metabone.plots.words import level_text, number

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure

X_LABEL = "Animals in each group"
Y_LABEL = "Chance of a significant result, %"
TITLE = "How many animals"


def power(
    curves: Sequence[Curve],
    *,
    target: float | None = None,
    chosen: float | None = None,
    chosen_text: str | None = None,
    title: str | None = None,
    x_label: str = X_LABEL,
    y_label: str = Y_LABEL,
    footer: Sequence[str] = (),
    banner: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw power and assurance against the number of animals.

    Parameters
    ----------
    curves : what to draw; each has its name at its end and its ceiling as a dashed line.
    target : the chance that is asked for, a dotted line.
    chosen : animals in a group that are planned, an upright line with a dot on each curve.
    chosen_text : words over it; by default the number.
    title : above the figure; an empty text shows none.
    footer : paragraphs under the figure.
    banner : words that must not be overlooked (synthetic data).
    width_mm : width of the figure, 130 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        Without a curve, for a chance outside 0 to 1, an unknown font, or a width too narrow.

    Examples
    --------
    >>> points = tuple((n, 1 - 0.7**n) for n in range(2, 21))
    >>> figure = power([Curve("true d 1.5", "power", points)], target=0.8, chosen=5)
    >>> round(figure.placed.width_mm)
    130
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.power_layout import lay_out_power

    spec = power_spec(
        curves, target=target, chosen=chosen, chosen_text=chosen_text, title=title,
        x_label=x_label, y_label=y_label, footer=footer, banner=banner,
    )  # fmt: skip
    return SpecFigure.of(lambda width: lay_out_power(spec, width_mm=width, font=font), width_mm)


def power_spec(
    curves: Sequence[Curve],
    *,
    target: float | None = None,
    chosen: float | None = None,
    chosen_text: str | None = None,
    title: str | None = None,
    x_label: str = X_LABEL,
    y_label: str = Y_LABEL,
    footer: Sequence[str] = (),
    banner: str | None = None,
) -> PowerSpec:
    """The power curve as data; arguments as in `power`.

    Raises
    ------
    UsageError
        Without a curve, or for a chance outside 0 to 1.
    """
    curves = tuple(curves)
    _check(curves, target, chosen)
    return PowerSpec(
        title=TITLE if title is None else title,
        curves=curves,
        target=target,
        chosen=chosen,
        chosen_text=_chosen_text(chosen) if chosen_text is None else chosen_text,
        x_label=x_label,
        y_label=y_label,
        footer=(*footer, f"Made with metabone\u00a0{__version__}."),
        banner=banner,
        description=_describe(curves, target, chosen, x_label),
    )


def _check(curves: tuple[Curve, ...], target: float | None, chosen: float | None) -> None:
    if not any(len(curve.points) > 1 for curve in curves):
        raise UsageError("a power curve needs at least two numbers of animals")
    shares = [chance for curve in curves for _, chance in curve.points]
    shares += [curve.ceiling for curve in curves if curve.ceiling is not None]
    shares += [] if target is None else [target]
    for share in shares:
        if not 0 <= share <= 1:
            raise UsageError(f"a chance lies between 0 and 1; got {share!r}")
    counts = [count for curve in curves for count, _ in curve.points]
    for count in [*counts, *([] if chosen is None else [chosen])]:
        if not (math.isfinite(count) and count > 0):
            raise UsageError(f"a number of animals is positive and finite; got {count!r}")


def _chosen_text(chosen: float | None) -> str:
    return "" if chosen is None else f"{number(chosen, 0)} planned"


def _describe(
    curves: tuple[Curve, ...], target: float | None, chosen: float | None, x_label: str
) -> str:
    """The figure in words: each curve at its ends, at the planned number, and its ceiling."""
    parts = [f"Chance of success against {x_label[:1].lower()}{x_label[1:]}."]
    for curve in curves:
        at = [curve.points[0], curve.points[-1]]
        at[1:1] = [point for point in curve.points[1:-1] if point[0] == chosen]
        said = ", ".join(f"{percent(share)} with {number(count, 0)}" for count, share in at)
        ceiling = "" if curve.ceiling is None else f"; ceiling {percent(curve.ceiling)}"
        parts.append(f"{curve.name}: {said}{ceiling}.")
    if target is not None:
        parts.append(f"Target {level_text(target)}.")
    if chosen is not None:
        parts.append(f"Planned: {number(chosen, 0)}.")
    return " ".join(parts)


def percent(share: float) -> str:
    """A chance in per cent, never rounded to a certainty that it is not.

    Examples
    --------
    >>> percent(0.9435), percent(0.9999), percent(1.0), percent(0.0004)
    ('94%', '>99%', '100%', '<1%')
    """
    if share in (0, 1):
        return f"{100 * share:.0f}%"
    if share > 0.995:
        return ">99%"
    if share < 0.005:
        return "<1%"
    return f"{100 * share:.0f}%"
