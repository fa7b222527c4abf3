"""``metabone bias``: do small studies differ from large ones, and what if they did not?"""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli.bundles import Measured, Model, Written, bundled
from metabone.errors import UsageError

PredictorName = Annotated[
    list[str] | None,
    typer.Option(
        "--predictor",
        help="auto (safe for the measure), sei, vi, sqrtninv (1/√N), ninv (1/N), arms "
        "(√(1/n1 + 1/n2)); may be repeated.",
    ),
]
Year = Annotated[
    str | None,
    typer.Option("--year", help="Column with the year of each study (default: year, if there)."),
]
Target = Annotated[
    float | None,
    typer.Option("--target", help="Mean too small to matter, for Orwin's fail-safe N."),
]
Selection = Annotated[
    list[str] | None,
    typer.Option(
        "--selection",
        metavar="STEPS",
        help="Selection model with these steps of one-sided p: 0.025, or 0.025,0.5; may be "
        "repeated.",
    ),
]
SelectionSide = Annotated[
    str,
    typer.Option(
        "--selection-side", help="Effects whose p-values are small: auto, greater or less."
    ),
]
Bootstrap = Annotated[
    int,
    typer.Option(
        "--bootstrap",
        min=0,
        help="Replicates of whole studies for the intervals of selection models.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes for the bootstrap.")]
Alpha = Annotated[float, typer.Option("--alpha", help="When an effect counts as significant.")]


@bundled
def bias(
    data: Measured,
    fit: Model,
    out: Written,
    predictor: PredictorName = None,
    year: Year = None,
    target: Target = None,
    alpha: Alpha = 0.05,
    selection: Selection = None,
    selection_side: SelectionSide = "auto",
    bootstrap: Bootstrap = 0,
    seed: Seed = 1,
    workers: Workers = 1,
) -> None:
    """Ask for small-study effects: asymmetry, what may be missing, and corrected means.

    Where a study gives more than one effect the regressions are multilevel with cluster-robust
    errors, and the other methods take one mean for each study.

    -o writes every test and every corrected mean as CSV; - prints that instead of the summary.
    """
    out.check(data.table)
    steps = [parse_steps(text) for text in selection or ()]
    from metabone.synthesis.bias.bias import bias as ask

    out.give(
        ask(
            data.effects(), predictor=predictor or "auto", year=year, target=target, alpha=alpha,
            selection=steps, selection_side=selection_side, bootstrap=bootstrap, seed=seed,
            workers=workers, **fit.chosen(),
        )
    )  # fmt: skip


def parse_steps(text: str) -> tuple[float, ...]:
    """The steps of one selection model.

    Raises
    ------
    UsageError
        If they are not numbers between commas.

    Examples
    --------
    >>> parse_steps("0.025, 0.5")
    (0.025, 0.5)
    """
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(
            f"--selection takes one-sided p-values between commas, e.g. 0.025,0.5; got {text!r}"
        ) from None
