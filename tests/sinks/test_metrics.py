"""Metrics as Prometheus reads them: from the HTTP page, checked against their definitions."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas import metrics as defined
from schemas.errors import HeadraceError
from sinks.metrics import Metrics
from sinks.page import Page


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def page(metrics: Metrics) -> Iterator[Page]:
    page = Page(metrics, "127.0.0.1", 0)
    yield page
    page.close()


def samples(page: Page) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with urlopen(f"http://127.0.0.1:{page.port}/metrics") as response:
        text = response.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def sample(page: Page, name: str, **labels: str) -> float:
    return samples(page)[name, frozenset(labels.items())]


def test_a_counter_adds_up_by_label(metrics: Metrics, page: Page) -> None:
    for reason, count in (("late", 2), ("future", 1), ("late", 3)):
        metrics.add(defined.DEAD_LETTERS, count, "windows", "interactions", reason)
    at = {"flow": "windows", "topic": "interactions"}
    assert sample(page, "headrace_dead_letters_total", **at, reason="late") == 5
    assert sample(page, "headrace_dead_letters_total", **at, reason="future") == 1
    assert metrics.value(defined.DEAD_LETTERS, "windows", "interactions", "late") == 5


def test_a_gauge_has_its_last_value(metrics: Metrics, page: Page) -> None:
    metrics.set(defined.STATE_BYTES, 10, "windows", "events")
    metrics.set(defined.STATE_BYTES, 7, "windows", "events")
    assert sample(page, "headrace_state_bytes", flow="windows", step="events") == 7


def test_a_histogram_counts_a_column_by_upper_bound(metrics: Metrics, page: Page) -> None:
    at = {"flow": "windows", "entity": "post"}
    metrics.observe(defined.FRESHNESS, np.array([0.005, 0.006, 1000.0]), *at.values())
    metrics.observe(defined.FRESHNESS, 0.5, *at.values())
    found = samples(page)
    buckets = {
        dict(labels)["le"]: count
        for (name, labels), count in found.items()
        if name.endswith("seconds_bucket")
    }
    assert buckets["0.005"] == 1
    assert buckets["0.01"] == 2
    assert buckets["0.5"] == 3
    assert buckets["300.0"] == 3
    assert buckets["+Inf"] == 4
    assert sample(page, "headrace_freshness_seconds_sum", **at) == pytest.approx(1000.511)
    assert sample(page, "headrace_freshness_seconds_count", **at) == 4


def test_values_that_change_by_themselves_are_taken_when_the_page_is_read(
    metrics: Metrics, page: Page
) -> None:
    commands = iter((10, 25))
    metrics.before_reading(lambda: metrics.total(defined.REDIS_COMMANDS, next(commands), "windows"))
    assert sample(page, "headrace_redis_commands_total", flow="windows") == 10
    assert sample(page, "headrace_redis_commands_total", flow="windows") == 25


def test_the_process_itself_is_measured(page: Page) -> None:
    assert sample(page, "process_resident_memory_bytes") > 0


def test_labels_that_are_missing_are_a_mistake(metrics: Metrics) -> None:
    with pytest.raises(TypeError, match="headrace_state_bytes"):
        metrics.set(defined.STATE_BYTES, 1)


def test_a_port_in_use_is_one_sentence(metrics: Metrics) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HeadraceError, match=r"set metrics\.port"):
            Page(metrics, "127.0.0.1", taken.getsockname()[1])


def test_answers_stand_beside_the_metrics_and_other_paths_name_them(metrics: Metrics) -> None:
    page = Page(metrics, "localhost", 0, {"/readyz": lambda: (503, b'{"ok": false}')})
    for path, method, code, body in (
        ("/readyz", "GET", 503, b'{"ok": false}'),
        ("/readyz", "HEAD", 503, b""),
        ("/x", "GET", 404, b'{"error": "try /metrics, /readyz"}'),
    ):
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(f"http://localhost:{page.port}{path}", method=method))
        with refused.value as answer:
            assert (answer.code, answer.read()) == (code, body)
    page.close()


def test_every_definition_is_listed_once_with_its_unit() -> None:
    constants = [value for value in vars(defined).values() if isinstance(value, defined.Metric)]
    assert list(defined.METRICS) == constants
    assert len({metric.name for metric in constants}) == len(constants)
    for metric in constants:
        assert metric.name.startswith("headrace_")
        assert metric.name.endswith("_total") == isinstance(metric, defined.Counter)
        assert metric.doc


def test_the_page_of_metrics_in_the_documentation_has_them_all() -> None:
    text = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
    rows = [
        f"| `{metric.name}` | {type(metric).__name__.lower()} | {', '.join(metric.labels)} | {metric.doc} |"
        for metric in defined.METRICS
    ]
    assert [line for line in text.splitlines() if line.startswith("| `headrace_")] == rows
