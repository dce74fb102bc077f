"""Commands on a file log and on Kafka."""

from pathlib import Path

import pytest

from tests.flows.cli.logs import Commands
from tests.services.broker import Broker


@pytest.fixture
def headrace(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Commands on an empty file log."""
    return Commands(f"file:{tmp_path / 'log'}", "", capsys, monkeypatch)


@pytest.fixture
def on_kafka(
    kafka: Broker, topic_prefix: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    """Commands on Kafka, with a topic prefix of their own."""
    return Commands(kafka.url, topic_prefix, capsys, monkeypatch)
