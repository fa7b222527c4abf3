"""``metabone regress``: what the effects depend on."""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli.bundles import Measured, Model, Written, bundled

FormulaText = Annotated[
    str,
    typer.Option(
        "--formula",
        help='Moderators, e.g. "duration_weeks + species"; columns, + * : -, C(), log(), sqrt(), '
        "center(), ns(), poly().",
    ),
]


@bundled
def regress(data: Measured, formula: FormulaText, fit: Model, out: Written) -> None:
    """Explain effect sizes by moderators in a mixed-effects meta-regression.

    Where a study gives more than one effect the model is multilevel, with the covariance of effects
    that share animals and cluster-robust standard errors.

    -o writes the coefficients as CSV; - prints that instead of the summary.
    """
    out.check(data.table)
    from metabone.synthesis.regression import regress as ask

    out.give(ask(data.effects(), formula, **fit.chosen()))
