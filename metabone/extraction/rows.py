"""What the rules of checking look at: all rows at once, as numbers, as words and as printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from metabone.extraction.codes import SEVERITY
from metabone.extraction.table import Finding

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from metabone.vocabulary import Endpoint, Vocabulary

ARMS = ("treated", "control", "sham")
Message = str | Callable[[int], str]


@dataclass(frozen=True)
class Rows:
    """All rows of a table; every array has one element for each row, in order.

    Parameters
    ----------
    frame : canonical columns.
    printed : cells as printed, under the file's own names.
    headers : canonical name to the file's own.
    bad : for each number column which cells are filled but unreadable.
    """

    frame: pd.DataFrame
    printed: pd.DataFrame
    headers: Mapping[str, str]
    bad: Mapping[str, NDArray[Any]]
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {str(name): self.frame[name].to_numpy() for name in self.frame}

    @cached_property
    def _printed(self) -> dict[str, NDArray[Any]]:
        return {str(name): self.printed[name].to_numpy(dtype=object) for name in self.printed}

    @cached_property
    def _numbers(self) -> list[int]:
        return [int(row) for row in self.frame.index]

    def number(self, name: str) -> NDArray[Any]:
        """A number column; NaN where blank or unreadable."""
        return self._arrays[name].astype(float)

    def text(self, name: str) -> NDArray[Any]:
        """A text column; None where blank."""
        return self._arrays[name]

    @cached_property
    def filled_by_name(self) -> dict[str, NDArray[Any]]:
        """For each column where the cell holds something, readable or not."""
        import pandas as pd

        filled = {name: pd.notna(values) for name, values in self._arrays.items()}
        return {name: where | self.bad.get(name, False) for name, where in filled.items()}

    def filled(self, name: str) -> NDArray[Any]:
        """Where the cell holds something, readable or not."""
        return self.filled_by_name[name]

    def any_filled(self, names: Iterable[str]) -> NDArray[Any]:
        """Where at least one of the columns is filled."""
        return reduce(or_, (self.filled(name) for name in names))

    def all_filled(self, names: Iterable[str]) -> NDArray[Any]:
        """Where all of the columns are filled."""
        return reduce(and_, (self.filled(name) for name in names))

    def groups(self, names: Iterable[str]) -> NDArray[Any]:
        """(rows,) number of the group of rows with equal cells in these columns, from 0.

        Blanks equal each other.
        """
        return _groups((self._arrays[name] for name in names), len(self))

    @cached_property
    def printed_groups(self) -> NDArray[Any]:
        """(rows,) number of the group of rows that are printed alike in every cell, from 0."""
        return _groups(self._printed.values(), len(self))

    def cells(self, name: str) -> NDArray[Any]:
        """A column as printed; empty texts if the file has no such column."""
        import numpy as np

        if name not in self.headers:
            return np.full(len(self), "", dtype=object)
        return self._printed[self.headers[name]]

    def cell(self, at: int, name: str) -> str | None:
        """A cell as printed; None if the file has no such column or the cell is blank."""
        header = self.headers.get(name)
        return None if header is None else str(self._printed[header][at]) or None

    def row(self, at: int) -> int:
        """The row number of the spreadsheet."""
        return self._numbers[at]

    def report(
        self, where: NDArray[Any], name: str, code: str, message: Message
    ) -> Iterator[Finding]:
        """One finding for each row where `where` is true; `message` may depend on the row."""
        for at in where.nonzero()[0].tolist():
            yield Finding(
                row=self.row(at),
                column=self.headers.get(name, name) or None,
                value=self.cell(at, name),
                code=code,
                severity=SEVERITY[code],
                message=message if isinstance(message, str) else message(at),
            )

    @cached_property
    def endpoints(self) -> NDArray[Any]:
        """The vocabulary's endpoint of each row, or None."""
        import numpy as np

        known = {word: self._endpoint(word) for word in set(self.text("outcome"))}
        found = np.empty(len(self), dtype=object)
        found[:] = [known[word] for word in self.text("outcome")]
        return found

    @cached_property
    def sized(self) -> NDArray[Any]:
        """The endpoint that a mean's size is judged by: of BMD the kind that its unit names."""
        kinds = [each for each in map(self._endpoint, ("aBMD", "vBMD")) if each is not None]
        found = self.endpoints.copy()
        for at in (self.text("outcome") == "BMD").nonzero()[0].tolist():
            unit = self.text("unit")[at]
            mine = [kind for kind in kinds if unit and kind.factor(unit) is not None]
            if len(mine) == 1:
                found[at] = mine[0]
        return found

    def _endpoint(self, word: str | None) -> Endpoint | None:
        return None if word is None else self.vocabulary.endpoint(word)

    @cached_property
    def ratio_scale(self) -> NDArray[Any]:
        """Where a mean of 0 means none of it.

        The vocabulary says so; an outcome it does not know is taken as such when none of its means
        in the table is 0 or below.
        """
        import numpy as np

        low = np.fmin(self.number("mean_treated"), self.number("mean_control"))
        lowest: dict[Any, float] = {}
        for outcome, value in zip(self.text("outcome"), low, strict=True):
            lowest[outcome] = min(lowest.get(outcome, np.inf), value if value == value else np.inf)
        return np.array(
            [
                endpoint.ratio_scale if endpoint is not None else lowest[outcome] > 0
                for endpoint, outcome in zip(self.endpoints, self.text("outcome"), strict=True)
            ],
            dtype=bool,
        )

    def sd(self, arm: str) -> NDArray[Any]:
        """Standard deviation of an arm, from SD, SEM or the half-width of the 95% interval."""
        import numpy as np
        from scipy.special import stdtrit

        spread, n = self.number(f"dispersion_{arm}"), self.number(f"n_{arm}")
        kind = self.text("dispersion_type")
        with np.errstate(all="ignore"):
            root = np.sqrt(np.where(n > 0, n, np.nan))
            quantile = stdtrit(np.where(n > 1, n - 1, np.nan), 0.975)
            return np.select(
                [kind == "SD", kind == "SEM", kind == "CI95"],
                [spread, spread * root, spread * root / quantile],
                np.nan,
            )


def _groups(columns: Iterable[NDArray[Any]], length: int) -> NDArray[Any]:
    """Groups of equal keys by one column after the other; pandas' own take far longer to set up."""
    import numpy as np
    import pandas as pd

    groups = np.zeros(length, dtype=np.int64)
    for column in columns:
        codes, known = pd.factorize(column)  # a blank is -1
        if (codes != codes[:1]).any():
            groups, _ = pd.factorize(groups * (len(known) + 1) + codes + 1)
    return groups


def join(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``.

    Examples
    --------
    >>> join(["a", "b", "c"])
    'a, b and c'
    """
    listed = list(words)
    return f" {last} ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
