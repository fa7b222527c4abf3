"""Sampling covariance of effects that share animals, in one block for each study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.effects.dependence_arms import (
    Arms,
    BoolArray,
    IntArray,
    codes,
    combine,
    find_arms,
    listed,
    shared,
    suspicions,
)
from metabone.effects.dependence_blocks import (
    contradiction,
    covariance,
    first_indefinite,
    studies_by_size,
)
from metabone.effects.dependence_parts import Inputs, Parts, find_parts, total_animals
from metabone.effects.dependence_rho import Correlation, RhoTable, find_correlation
from metabone.effects.dependence_split import SPLIT_COLUMN
from metabone.effects.formulas import FloatArray
from metabone.errors import DataError, UsageError
from metabone.extraction.table import rows_text
from metabone.options import Control, check_option

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable


@dataclass(frozen=True, slots=True, eq=False)
class BlockCovariance:
    """A covariance matrix that is zero between studies.

    Parameters
    ----------
    studies : names, in order of first appearance.
    positions : for each study, (n,) places of its rows in the effect table, from 0, ascending.
    blocks : for each study, (n, n) covariance of these rows; read-only.
    notes : what was presumed, for the reader.
    warnings : what to look at again.
    """

    studies: tuple[str, ...]
    positions: tuple[NDArray[np.int64], ...]
    blocks: tuple[FloatArray, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def k(self) -> int:
        """Number of effects."""
        return sum(len(rows) for rows in self.positions)

    @property
    def is_diagonal(self) -> bool:
        """Whether no two effects covary."""
        return not any(
            len(block) > 1 and np.count_nonzero(block) > len(block) for block in self.blocks
        )

    def to_dense(self) -> FloatArray:
        """The whole (k, k) matrix, for small tables.

        Examples
        --------
        >>> V = BlockCovariance(("A", "B"), (np.array([0, 2]), np.array([1])),
        ...                     (np.array([[2.0, 1], [1, 2]]), np.array([[3.0]])))
        >>> V.to_dense().tolist()
        [[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 0.0, 2.0]]
        """
        dense = np.zeros((self.k, self.k))
        for rows, block in zip(self.positions, self.blocks, strict=True):
            dense[np.ix_(rows, rows)] = block
        return dense


def sampling_covariance(
    effects: EffectTable,
    *,
    control: str = "exact",
    rho: float = 0.5,
    rho_table: RhoTable | None = None,
    time_decay: float | None = None,
) -> BlockCovariance:
    """Sampling covariance of effects that share control, treated or sham animals.

    The diagonal is `vi`, whatever formula gave it. Off the diagonal each shared arm adds the
    covariance of what both effects take from it; rows know their arms as `find_arms` says. With
    r the correlation of the two measurements (1 for one and the same):

    =======  ==============================================================================
    measure  a shared control arm adds
    =======  ==============================================================================
    MD       r sd_c² / n_c
    SMD      r / n_c + r² g_i g_j / (2 N), N all animals of the arms compared with each other
    SMDH     r sd_c² / (s_i s_j (n_c − 1)) + r² g_i g_j sd_c⁴ / (8 s_i² s_j² (n_c − 1))
    SMD1     r / n_c + r² Δ_i Δ_j / (2 n_c)
    ROM      r sd_c² / (n_c m_c²)
    VR       r² / (2 (n_c − 1))
    CVR      the sum of ROM's and VR's
    NMD      r 100² / (D_i D_j) times (1 − p_i) (1 − p_j) sd_c² / n_c, and for the shared sham
             arm p_i p_j sd_s² / n_s; p = NMD / 100
    =======  ==============================================================================

    Two effects of the same treated and control animals share both arms, and N is then the animals
    of the two. Effects that were given and not computed have no arms to take this from: `vi` is
    shared out to the arms as 1/n (in halves where n is not known), so that two of them covary by
    r √(v_i v_j) when all animals are the same, and by ½ √(v_i v_j) when only the controls of
    equal arms are.

    Parameters
    ----------
    control : ``exact``; ``split``, for effects computed after `split_controls`, which have
        controls of their own; ``ignore``, which takes shared controls for different animals.
    rho : correlation between different outcomes, sites, assays and times of the same animals, on
        the scale of `yi`.
    rho_table : pairs that are known better, each ``{"column": "outcome" | "site" | "assay", "a":
        word, "b": word, "rho": number}``. A column with pairs has its own factor; all other
        differences together have the factor `rho`.
    time_decay : correlation of two measurements one week apart; d weeks apart it is
        ``time_decay ** d``, times the factors above. None: `rho` holds for times too.

    Raises
    ------
    UsageError
        For an option that is out of range, a malformed table, or ``split`` without split controls.
    DataError
        If a block is not positive definite; the message names its study and rows.

    References
    ----------
    Gleser and Olkin (2009), in The Handbook of Research Synthesis and Meta-Analysis, ch. 19;
    Lajeunesse (2011), doi:10.1890/11-0423.1.

    Examples
    --------
    >>> from metabone.extraction.reading import read_table
    >>> from metabone.effects.escalc import escalc
    >>> V = sampling_covariance(escalc(read_table("anabolic"), "SMD"))
    >>> V.studies[0], V.blocks[0].shape
    ('Tang 2021', (4, 4))
    """
    control = check_option("control", control, Control)
    frame = effects.frame
    arms = find_arms(frame)
    ties = shared(combine(arms.control, arms.measurement), arms.treated)
    _check_control(frame, control, ties)
    inputs = _inputs(effects)
    correlation, warnings = find_correlation(
        frame, arms, effects.vocabulary, rho=rho, rho_table=rho_table, time_decay=time_decay
    )
    warnings += suspicions(frame, arms)
    if control != "exact":
        arms = arms.apart(sham=control == "ignore")
    total = total_animals(inputs.n, arms.treated, arms.control, arms.measurement)
    parts = find_parts(inputs, effects.measure, effects.variance, total)
    positions, blocks = _blocks(frame, arms, inputs.vi, parts, correlation)
    notes = [*arms.notes, *_notes(frame, arms, parts, correlation, control, ties)]
    return BlockCovariance(arms.studies, positions, blocks, tuple(notes), tuple(warnings))


def _check_control(frame: pd.DataFrame, control: str, ties: BoolArray) -> None:
    """Split controls and the covariance of shared ones exclude each other."""
    split = SPLIT_COLUMN in frame.columns and bool(frame[SPLIT_COLUMN].notna().any())
    if control == "exact" and split:
        raise UsageError(
            "control 'exact' would count shared controls twice: these effects come from split "
            "controls; use control 'split', or compute them from the whole ones"
        )
    if control == "split" and not split and ties.any():
        raise UsageError(
            "control 'split' needs effects that were computed from split controls: "
            "pass the table through split_controls before its effect sizes are computed"
        )


def _inputs(effects: EffectTable) -> Inputs:
    frame = effects.frame
    blank = np.full(len(frame), np.nan)

    def arm_data(words: str, numbers: str) -> FloatArray:
        names = [f"{words}{number}i" for number in numbers]
        return np.stack(
            [frame[name].to_numpy(dtype=float) if name in frame else blank for name in names]
        )

    vi = effects.vi
    wrong = ~(np.isfinite(vi) & (vi > 0))
    if wrong.any():
        raise DataError(
            f"a sampling variance must be positive; {rows_text(frame.index[wrong])} has another"
        )
    flipped = frame["flipped"].to_numpy(dtype=bool)
    return Inputs(
        yi=effects.yi,
        vi=vi,
        n=arm_data("n", "123"),
        m=arm_data("m", "123"),
        sd=arm_data("sd", "123"),
        printed=frame[["n_treated", "n_control"]].to_numpy(dtype=float).T,
        given=(frame["computed_from"] == "yi").to_numpy(dtype=bool),
        sign=np.where(flipped, -1.0, 1.0),
    )


def _blocks(
    frame: pd.DataFrame, arms: Arms, vi: FloatArray, parts: Parts, correlation: Correlation
) -> tuple[tuple[IntArray, ...], tuple[FloatArray, ...]]:
    outcome = codes(frame, "outcome")
    positions: list[Any] = [None] * len(arms.studies)
    blocks: list[Any] = [None] * len(arms.studies)
    for names, rows in studies_by_size(arms.study):
        some = covariance(rows, vi, arms, parts, correlation, outcome)
        wrong = first_indefinite(some)
        if wrong is not None:
            study = arms.studies[int(names[wrong])]
            raise DataError(_indefinite(frame, study, rows[wrong], some[wrong], arms, correlation))
        some.flags.writeable = rows.flags.writeable = False
        for name, places, block in zip(names.tolist(), rows, some, strict=True):
            positions[name], blocks[name] = places, block
    return tuple(positions), tuple(blocks)


def _indefinite(
    frame: pd.DataFrame,
    study: str,
    rows: IntArray,
    block: FloatArray,
    arms: Arms,
    correlation: Correlation,
) -> str:
    """Which rows of a study contradict each other, and what can be done."""
    guilty = rows[contradiction(block)]
    where = rows_text(frame.index[guilty])
    if len(set(arms.measurement[guilty].tolist())) == 1 and not arms.repeat[guilty].any():
        advice = (
            "they compare the same arms with each other in a circle, so that one effect follows "
            "from the others; leave one of them out"
        )
    elif correlation.pairs or correlation.decay is not None:
        advice = (
            "the correlations of rho, rho_table and time_decay cannot hold together; make the "
            "pairs that concern these rows agree"
        )
    else:
        advice = (
            f"rho = {correlation.rho:g} is too far from 0 for them; choose a smaller one, or "
            "check their numbers and their control_id"
        )
    return (
        f"the sampling covariance of study {study!r} is not positive definite at {where}: {advice}"
    )


def _notes(
    frame: pd.DataFrame,
    arms: Arms,
    parts: Parts,
    correlation: Correlation,
    control: str,
    ties: BoolArray,
) -> list[str]:
    """What the reader must know about the covariance."""
    words = {
        "exact": "share control animals, and their effects covary",
        "split": "shared control animals, which were split between them",
        "ignore": "share control animals, which is ignored",
    }
    animals = combine(arms.treated, arms.control)
    alike = np.bincount(animals)[animals] > 1
    tied = alike | (np.bincount(arms.control)[arms.control] > 1)
    tied |= np.bincount(arms.treated)[arms.treated] > 1
    said = {
        f"rows that {words[control]}": ties,
        "different outcomes, sites, assays or times of the same animals, which are taken to "
        f"correlate by {_rho_text(correlation)}": alike,
        "effects that are given without arm data and covary by their variances alone": (
            parts.given & tied
        ),
        "effects that are given and keep the variance of their whole control group": (
            parts.given & ties & (control == "split")
        ),
    }
    return [f"{text}: {listed(frame, rows)}" for text, rows in said.items() if rows.any()]


def _rho_text(correlation: Correlation) -> str:
    text = f"rho = {correlation.rho:g}"
    if correlation.pairs:
        text += " and rho_table"
    if correlation.decay is not None:
        text += f", over time by {correlation.decay:g} to the power of the weeks apart"
    return text
