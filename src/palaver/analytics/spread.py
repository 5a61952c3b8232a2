"""How times and ratings are summed up."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import fmean, median

from palaver.figures import Ratings, Spread
from palaver.stores.figures import Counts, middle_of_class

_STARS = range(1, 6)


def ratings_of(counts: Counts) -> Ratings:
    """Return ratings of which there are so many of each, by ``"1"`` to ``"5"``."""
    count = sum(counts.values())
    if not count:
        return Ratings()
    average = sum(int(stars) * each for stars, each in counts.items()) / count
    return Ratings(count=count, average=average, counts={str(stars): counts.get(str(stars), 0) for stars in _STARS})


def spread_of_times(times: Sequence[float]) -> Spread:
    """Return what times in seconds come to, exactly."""
    if not times:
        return Spread()
    ranked = sorted(times)
    return Spread(count=len(ranked), mean=fmean(ranked), median=median(ranked), p95=ranked[_p95(len(ranked)) - 1])


def spread_of_classes(counts: Counts, total_micros: int) -> Spread:
    """Return what times come to that are told by their classes (``stores.figures``), and by their sum in microseconds."""
    classes = sorted((int(name), each) for name, each in counts.items())
    count = sum(each for _, each in classes)
    if not count:
        return Spread()
    mean = total_micros / count / 1_000_000
    return Spread(
        count=count, mean=mean, median=_quantile(classes, ceil(count / 2)), p95=_quantile(classes, _p95(count))
    )


def _p95(count: int) -> int:
    """Return which of so many, by size and from 1, is the first that 95 % of them do not exceed."""
    return ceil(count * 95 / 100)


def _quantile(classes: Sequence[tuple[int, int]], rank: int) -> float:
    seen = 0
    for number, each in classes:
        seen += each
        if seen >= rank:
            return middle_of_class(number)
    raise AssertionError("there are fewer than that")
