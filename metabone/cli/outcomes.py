"""``metabone outcomes``: a table in, several outcomes pooled together out."""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli.bundles import Measured, Sharing, Written, bundled

Structure = Annotated[
    str,
    typer.Option(
        "--structure",
        help="Covariance between studies: UN (any), HCS (one correlation), CS (one variance and "
        "correlation) or DIAG (none).",
    ),
]
Method = Annotated[str, typer.Option("--tau2", help="REML or ML.")]
RobustCI = Annotated[
    str | None,
    typer.Option("--ci", help="cr2 (default), cr1, cr0 (cluster-robust), t (model-based), wald."),
]


@bundled
def outcomes(
    data: Measured,
    share: Sharing,
    out: Written,
    structure: Structure = "UN",
    tau2: Method = "REML",
    ci: RobustCI = None,
    level: c.Level = 0.95,
) -> None:
    """Pool several outcomes together, so that sparse ones borrow strength from the others.

    Each outcome keeps a mean of its own: bone measurements and markers may be together.

    -o writes one line for each outcome as CSV; - prints that instead of the summary.
    """
    out.check(data.table)
    from metabone.synthesis.multivariate import pool_outcomes

    out.give(
        pool_outcomes(
            data.effects(), structure=structure, method=tau2, ci=ci, level=level, **share.chosen()
        )
    )
