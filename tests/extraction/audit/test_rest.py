"""What is left of a group without each of its values, against the plain way."""

from __future__ import annotations

import numpy as np

from metabone.extraction.audit.rest import middles_of_rest


def test_middles_are_those_of_the_others_one_by_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        k = int(rng.integers(0, 25))
        values, groups = rng.normal(size=k).round(1), rng.integers(0, 5, k)
        values[rng.random(k) < 0.1] = np.nan
        low, high, others = middles_of_rest(values, groups)
        for i in range(k):
            rest = [values[j] for j in range(k) if j != i and groups[j] == groups[i]]
            rest = [each for each in rest if np.isfinite(each)]
            if np.isnan(values[i]) or not rest:
                assert np.isnan(low[i])
                assert np.isnan(high[i])
                assert others[i] == 0
                continue
            assert others[i] == len(rest)
            assert low[i] == sorted(rest)[(len(rest) - 1) // 2]
            assert (low[i] + high[i]) / 2 == np.median(rest)
