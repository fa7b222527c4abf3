"""``metabone pool``: a table in, the pooled answer out."""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli.bundles import Measured, Model, Written, bundled

Wild = Annotated[
    int,
    typer.Option(
        "--wild", min=0, help="Replicates of a cluster wild bootstrap of the mean; 0 for none."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")]


@bundled
def pool(
    data: Measured,
    fit: Model,
    out: Written,
    by: c.By = None,
    pi: c.PI = None,
    strata_tau2: c.StrataTau2 = "separate",
    wild: Wild = 0,
    seed: Seed = 1,
) -> None:
    """Pool effect sizes in a random-effects meta-analysis, overall and by strata.

    Where a study gives more than one effect the model is multilevel, with the covariance of effects
    that share animals and cluster-robust standard errors.

    -o writes the tidy table of the answer as CSV; - prints it instead of the summary.
    """
    out.check(data.table)
    from metabone.synthesis.pool import pool as ask

    out.give(
        ask(
            data.effects(), by=c.strata_columns(by), pi=pi, strata_tau2=strata_tau2, wild=wild,
            seed=seed, **fit.chosen(),
        )
    )  # fmt: skip
