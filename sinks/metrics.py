"""Metrics of a running flow, as Prometheus reads them."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from schemas.metrics import METRICS, Counter, Gauge, Histogram, Metric

Labels = tuple[str, ...]


@dataclass(slots=True)
class _Buckets:
    """What a histogram has seen: counts by bucket, the last without bound, and the sum of the values."""

    counts: npt.NDArray[np.int64]
    total: float = 0.0


@dataclass(slots=True, eq=False)
class Metrics(Collector):
    """The present values; safe to use from several threads.

    Label values are given in the order of the metric's labels. A histogram takes a column of values at once.
    """

    _numbers: dict[tuple[Metric, Labels], float] = field(default_factory=dict)
    _buckets: dict[tuple[Histogram, Labels], _Buckets] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _refreshers: list[Callable[[], None]] = field(default_factory=list)

    def add(self, metric: Counter, amount: float, *labels: str) -> None:
        """Count `amount` more."""
        key = (metric, _checked(metric, labels))
        with self._lock:
            self._numbers[key] = self._numbers.get(key, 0.0) + amount

    def set(self, metric: Gauge, value: float, *labels: str) -> None:
        """Replace the value."""
        with self._lock:
            self._numbers[metric, _checked(metric, labels)] = value

    def observe(self, metric: Histogram, values: npt.ArrayLike, *labels: str) -> None:
        """Count each of `values`, an array or one number, in the unit of the metric."""
        column = np.atleast_1d(np.asarray(values, dtype=np.float64))
        found = np.bincount(np.searchsorted(metric.bounds, column), minlength=len(metric.bounds) + 1)
        key = (metric, _checked(metric, labels))
        with self._lock:
            buckets = self._buckets.setdefault(key, _Buckets(np.zeros(len(found), np.int64)))
            buckets.counts += found
            buckets.total += float(column.sum())

    def total(self, metric: Counter, value: float, *labels: str) -> None:
        """Set a counter to what has been counted elsewhere."""
        with self._lock:
            self._numbers[metric, _checked(metric, labels)] = value

    def before_reading(self, refresh: Callable[[], None]) -> None:
        """Call `refresh` each time before the page is read: for values that change by themselves."""
        self._refreshers.append(refresh)

    def value(self, metric: Counter | Gauge, *labels: str) -> float:
        """The present value; 0 before the first one."""
        with self._lock:
            return self._numbers.get((metric, _checked(metric, labels)), 0.0)

    def collect(self) -> Iterable[Family]:
        """Every metric with its meaning, for the HTTP page."""
        for refresh in self._refreshers:
            refresh()
        with self._lock:
            return [self._family(metric) for metric in METRICS]

    def _family(self, metric: Metric) -> Family:
        if isinstance(metric, Histogram):
            histogram = HistogramMetricFamily(metric.name, metric.doc, labels=metric.labels)
            for (other, labels), buckets in self._buckets.items():
                if other is metric:
                    upper = [*map(str, metric.bounds), "+Inf"]
                    counts = zip(upper, np.cumsum(buckets.counts).tolist(), strict=True)
                    histogram.add_metric(labels, list(counts), buckets.total)
            return histogram
        kind = CounterMetricFamily if isinstance(metric, Counter) else GaugeMetricFamily
        family = kind(metric.name, metric.doc, labels=metric.labels)
        for (known, labels), value in self._numbers.items():
            if known is metric:
                family.add_metric(labels, value)
        return family


def _checked(metric: Metric, labels: Labels) -> Labels:
    if len(labels) != len(metric.labels):
        raise TypeError(f"{metric.name} has the labels {metric.labels}, not {labels}")
    return labels
