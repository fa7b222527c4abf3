"""Effect sizes in memory: yi and vi, every input behind them, and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metabone.files import plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from metabone.extraction.table import Exclusion, Source, StudyTable
    from metabone.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class EffectTable:
    """Effect sizes of one measure.

    Parameters
    ----------
    frame : one row per effect; the index is the row number of the spreadsheet. All columns of the
        extraction table, then ``yi vi sei ni``; ``computed_from`` (``mean``, ``median``, ``yi``,
        ``t``, ``f`` or ``p``: what of the row was used); ``conversion`` (in words what was done
        to it); ``flipped``; ``better_used`` (which way is better on the scale of `yi`, or None);
        and the arm data that went into the formula, after conversion: ``n1i m1i sd1i n2i m2i
        sd2i``, for NMD also ``n3i m3i sd3i`` (1 = treated, 2 = control, 3 = sham; NaN where they
        were not used). After a conversion of units ``unit`` is the new one and ``unit_reported``
        the one of the table.
    measure, variance : names of the effect measure and of its variance formula.
    align : ``none`` or ``benefit``.
    better : the direction that is good for the animal on the scale of `yi` (``higher`` or
        ``lower``) if it is the same for all rows, else None.
    unit : the unit of `yi` for MD, else None.
    excluded : rows set aside, with reasons (those of the table and those of this step).
    notes : messages for the reader (conversions, alignment).
    table : the extraction table that the effects were computed from, None where they came
        otherwise.
    """

    frame: pd.DataFrame
    measure: str
    variance: str
    align: str
    better: str | None
    unit: str | None
    source: Source
    vocabulary: Vocabulary
    selected: int
    excluded: tuple[Exclusion, ...] = ()
    notes: tuple[str, ...] = ()
    table: StudyTable | None = field(default=None, repr=False, compare=False)

    @property
    def yi(self) -> NDArray[np.float64]:
        """(k,) effect sizes."""
        return self.frame["yi"].to_numpy(dtype=float)

    @property
    def vi(self) -> NDArray[np.float64]:
        """(k,) sampling variances."""
        return self.frame["vi"].to_numpy(dtype=float)

    @property
    def k(self) -> int:
        """Number of effects."""
        return len(self.frame)

    @property
    def synthetic(self) -> bool:
        """Whether any effect comes from a row declared synthetic."""
        return bool((self.frame["source"] == "synthetic").any())

    def input_dict(self) -> dict[str, Any]:
        """The ``input`` block of the JSON answer."""
        return {
            "file": self.source.file,
            "sha256": self.source.sha256,
            "rows": self.source.rows,
            "selected": self.selected,
            "used": self.k,
            "excluded": [line.to_dict() for line in self.excluded],
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: ``row`` first, then every column that is not blank throughout."""
        columns = self.frame.dropna(axis="columns", how="all")
        return columns.rename_axis("row").reset_index()

    def to_dict(self) -> dict[str, Any]:
        """The effect sizes as JSON prints them."""
        records = self.to_frame().astype(object)
        return {
            "input": self.input_dict(),
            "measure": self.measure,
            "variance": self.variance,
            "align": self.align,
            "better": self.better,
            "unit": self.unit,
            "synthetic": self.synthetic,
            "effects": [plain(line) for line in records.to_dict(orient="records")],
            "notes": list(self.notes),
        }
