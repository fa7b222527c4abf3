"""What the analyses share: effect tables by measure, their covariances, and the rows they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.effects.dependence import BlockCovariance, sampling_covariance
from metabone.effects.dependence_split import control_shares
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError
from metabone.extraction.table import rows_text
from metabone.synthesis.checks import refuse_mixtures
from metabone.synthesis.choice import Sharing, with_covariance
from metabone.synthesis.choices.lattice import Analysis
from metabone.synthesis.choices.outliers import cut_mask, outlier_masks

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
TableKey = tuple[str, str, bool]
SettingKey = tuple[str, str, bool, str, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The effects of one measure and variance formula, from whole or from split controls.

    ``study`` (k,) numbers the studies as all tables number them.
    """

    effects: EffectTable
    yi: FloatArray
    vi: FloatArray
    rows: IntArray
    study: IntArray


@dataclass(frozen=True, slots=True)
class Setting:
    """The data of some analyses: a table, its effects under F sign patterns, the rows kept.

    ``y`` and ``masks`` (F, k); the first pattern is the data as they are.
    """

    table: Prepared
    y: FloatArray
    masks: BoolArray


@dataclass(slots=True)
class Inputs:
    """Tables, made when they are first asked for and kept.

    Parameters
    ----------
    table : the extraction table.
    align, unit : as in `escalc`.
    rho_table, time_decay : as in `sampling_covariance`.
    """

    table: StudyTable
    align: str
    unit: str | None
    rho_table: Sequence[Mapping[str, Any]] | None
    time_decay: float | None
    given: tuple[int, ...] = ()
    reference_measure: str = ""
    studies: dict[str, int] = field(default_factory=dict)
    tables: dict[TableKey, Prepared | str] = field(default_factory=dict)
    covariances: dict[tuple[TableKey, str, float], BlockCovariance | str] = field(
        default_factory=dict
    )

    def start(self, reference: Analysis) -> EffectTable:
        """Compute the effects of the reference analysis, which must not fail.

        Raises
        ------
        DataError
            If they cannot be computed, or must not be pooled.
        """
        self.reference_measure = reference.measure
        effects = self._escalc(reference.measure, reference.variance)
        refuse_mixtures(effects)
        frame = effects.frame
        self.given = tuple(frame.index[frame["computed_from"] == "yi"].tolist())
        for name in frame["study"].astype(str):
            self.studies.setdefault(name, len(self.studies))
        self.tables[reference.measure, reference.variance, False] = self._prepared(effects)
        return effects

    def prepared(self, key: TableKey) -> Prepared | str:
        """The table of a measure, a variance formula and whole or split controls, or why not."""
        if key not in self.tables:
            self.tables[key] = self._make(key)
        return self.tables[key]

    def covariance(self, key: TableKey, control: str, rho: float) -> BlockCovariance | str:
        """Sampling covariance of a table's effects, or why there is none."""
        place = (key, control, rho)
        if place not in self.covariances:
            table = self.prepared(key)
            try:
                self.covariances[place] = table if isinstance(table, str) else sampling_covariance(
                    table.effects, control=control, rho=rho, rho_table=self.rho_table,
                    time_decay=self.time_decay,
                )  # fmt: skip
            except DataError as error:
                self.covariances[place] = str(error)
        return self.covariances[place]

    def setting(self, key: SettingKey, signs: FloatArray) -> Setting | str:
        """The data of a setting under sign patterns (F, studies), or why there are none."""
        table = self.prepared(key[:3])
        if isinstance(table, str):
            return table
        base = cut_mask(table.effects.frame, key[3])
        why = too_few(table, base, "of that risk of bias")
        if why is not None:
            return why
        y = table.yi * signs[:, table.study]
        masks = outlier_masks(key[4], y, table.vi, base, table.study)
        return too_few(table, masks[0], "after the outlier rule") or Setting(table, y, masks)

    def shares_controls(self) -> bool:
        """Whether any control group serves several arms."""
        return bool((control_shares(self.table.usable()) > 1).any())

    def _make(self, key: TableKey) -> Prepared | str:
        measure, variance, split = key
        if self.given and measure != self.reference_measure:
            return (
                f"{rows_text(self.given)} give an effect size that is taken to be "
                f"{self.reference_measure}; {measure} cannot be computed from it"
            )
        try:
            if not split:
                effects = self._escalc(measure, variance)
            else:
                whole = self.prepared((measure, variance, False))
                if isinstance(whole, str):
                    return whole
                sharing = Sharing(0.0, "split", tuple(self.rho_table or ()), self.time_decay)
                effects = with_covariance(whole.effects, sharing)[0]
            refuse_mixtures(effects)
        except DataError as error:
            return str(error)
        return self._prepared(effects)

    def _escalc(self, measure: str, variance: str) -> EffectTable:
        unit = self.unit if measure == "MD" else None
        return escalc(self.table, measure, variance=variance, align=self.align, unit=unit)

    def _prepared(self, effects: EffectTable) -> Prepared:
        names = effects.frame["study"].astype(str)
        study = [self.studies.setdefault(name, len(self.studies)) for name in names]
        rows = effects.frame.index.to_numpy(dtype=np.intp)
        return Prepared(effects, effects.yi, effects.vi, rows, np.array(study, dtype=np.intp))


def too_few(table: Prepared, mask: BoolArray, where: str) -> str | None:
    """Why what a mask keeps cannot be pooled, or None."""
    count, studies = int(mask.sum()), len(np.unique(table.study[mask]))
    if count < 2 or studies < 2:
        noun = "effect" if count == 1 else "effects"
        return f"{count} {noun} of {studies} studies left {where}; pooling takes two or more"
    return None


def kept(covariance: BlockCovariance, mask: BoolArray) -> list[tuple[IntArray, FloatArray]]:
    """The blocks of a covariance for the rows of a mask (k,), which are counted anew."""
    number = np.cumsum(mask) - 1
    blocks = []
    for rows, block in zip(covariance.positions, covariance.blocks, strict=True):
        inside = mask[rows]
        if inside.any():
            blocks.append((number[rows[inside]].astype(np.intp), block[np.ix_(inside, inside)]))
    return blocks


def setting_key(analysis: Analysis) -> SettingKey:
    """Which data an analysis needs."""
    return (
        analysis.measure, analysis.variance, analysis.split, analysis.rob, analysis.outliers,
    )  # fmt: skip


def data_as_they_are(studies: int) -> FloatArray:
    """The one pattern of signs that changes nothing, (1, studies)."""
    return np.ones((1, studies))
