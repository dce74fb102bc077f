"""The client of a schema registry, against a stand-in: what it asks, remembers, waits for and refuses."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import HeadraceError, UsageError
from schemas.records import avro_schema, batch_schema, versions
from schemas.secret import Secret
from schemas.settings import load
from sources import registry_http, schema_registry
from sources.registry_http import RegistryHttp
from sources.schema_registry import Compatibility, Registered, SchemaRegistry
from tests.services import registry as stand_in
from tests.services.ports import free_port

CERTIFICATE = Path(__file__).parents[1] / "sinks" / "localhost.pem"
POST, OLD_POST = avro_schema("Post"), versions("Post")[0]


@pytest.fixture
def registry() -> Iterator[stand_in.SchemaRegistry]:
    with stand_in.SchemaRegistry() as own:
        yield own


def client_of(registry: stand_in.SchemaRegistry, patience_s: float = 5.0) -> SchemaRegistry:
    return SchemaRegistry(RegistryHttp(registry.url, patience_s=patience_s))


def test_a_schema_is_asked_for_once(registry: stand_in.SchemaRegistry) -> None:
    number, client = registry.add(POST), client_of(registry)
    assert [client.schema(number) for _ in range(3)] == [POST] * 3
    assert registry.asked == [f"GET /schemas/ids/{number}"]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_no_such_id_counts_for_a_while(
    registry: stand_in.SchemaRegistry, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(schema_registry, "UNKNOWN_S", seconds)
    client = client_of(registry)
    assert [client.schema(7) for _ in range(3)] == [None] * 3
    assert len(registry.asked) == (1 if seconds else 3)
    registry.by_id[7] = {"schema": json.dumps(POST)}
    assert client.schema(7) == (None if seconds else POST)


def test_what_is_remembered_of_unknown_ids_has_a_bound(
    registry: stand_in.SchemaRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_registry, "MOST_UNKNOWN", 3)
    client = client_of(registry)
    assert [client.schema(number) for number in range(1, 9)] == [None] * 8
    assert len(client._unknown) <= 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"schema": "syntax = 'proto3';", "schemaType": "PROTOBUF"}, "it is of the type PROTOBUF, not AVRO"),
        ({"schema": "{"}, "it is no JSON"),
        ({"schema": "[" * 100_000}, "it is no JSON"),
        ({"schema": 7}, "it is no JSON"),
        ({}, "it is no JSON"),
        ({"schema": "{}", "references": 7}, "its references are no list"),
        ({"schema": "{}", "references": [{}]}, "one of its references has no name, subject or version"),
        (
            {"schema": "{}", "references": [{"name": "A", "subject": "s", "version": 1}]},
            "the registry lacks version 1 of s, which it names",
        ),
    ],
)
def test_a_schema_that_is_none_of_avro_is_told_in_words(
    registry: stand_in.SchemaRegistry, content: Any, why: str
) -> None:
    registry.by_id[7] = content
    assert client_of(registry).schema(7) == why


def test_types_of_other_subjects_are_written_out(registry: stand_in.SchemaRegistry) -> None:
    registry.add(avro_schema("Interaction"), "interactions-value")
    number = registry.add(
        batch_schema("InteractionBatch", "headrace.Interaction"),  # type: ignore[arg-type]
        references=[{"name": "headrace.Interaction", "subject": "interactions-value", "version": 1}],
    )
    assert client_of(registry).schema(number) == avro_schema("InteractionBatch")


def test_references_in_a_ring_come_to_an_end(registry: stand_in.SchemaRegistry) -> None:
    ring = [{"name": "A", "subject": "a", "version": 1}]
    registry.add({"type": "array", "items": "A"}, "a", references=ring)
    number = registry.add({"type": "map", "values": "A"}, references=ring)
    assert client_of(registry).schema(number) == {"type": "map", "values": {"type": "array", "items": "A"}}


def test_very_many_references_are_refused(registry: stand_in.SchemaRegistry) -> None:
    many = [{"name": f"T{i}", "subject": f"s{i}", "version": 1} for i in range(40)]
    for reference in many:
        registry.add("null", str(reference["subject"]))
    assert "more than 32 other schemas" in str(
        client_of(registry).schema(registry.add(POST, references=many))
    )


def test_registering_is_idempotent_and_looked_up(registry: stand_in.SchemaRegistry) -> None:
    client = client_of(registry)
    assert client.lookup("eu/posts-value", POST) is None
    assert client.latest("eu/posts-value") is None
    number = client.register("eu/posts-value", OLD_POST)
    newer = client.register("eu/posts-value", POST)
    assert client.register("eu/posts-value", POST) == newer != number
    assert client.lookup("eu/posts-value", OLD_POST) == Registered(number, 1)
    assert client.latest("eu/posts-value") == Registered(newer, 2)
    assert registry.asked[0] == "POST /subjects/eu%2Fposts-value"


def test_compatibility_is_asked_of_the_registry(registry: stand_in.SchemaRegistry) -> None:
    client = client_of(registry)
    assert client.compatibility("posts-value", POST) is None
    registry.add(OLD_POST, "posts-value")
    assert client.compatibility("posts-value", POST) == Compatibility(True)
    registry.add({**POST, "fields": POST["fields"][1:]}, "posts-value")
    assert client.compatibility("posts-value", POST) == Compatibility(
        False, "READER_FIELD_MISSING_DEFAULT_VALUE"
    )
    with pytest.raises(HeadraceError, match="takes no new schema of 'posts-value', it is not compatible"):
        client.register("posts-value", POST)


def test_a_schema_that_is_not_taken_is_one_sentence(registry: stand_in.SchemaRegistry) -> None:
    with pytest.raises(HeadraceError, match=r"says: Invalid schema \(HTTP 422, 42201\)$"):
        client_of(registry).register("posts-value", {"type": "long"})


PASSING = [
    stand_in.BROKEN,
    (503, b"<html>starting</html>"),
    (429, {"error_code": 42901, "message": "Too many"}),
    (404, b"<html>no such service</html>"),
    (404, {"message": "no route"}),
    (200, b"<html>hello</html>"),
    (302, b""),
]


@pytest.mark.parametrize("answer", PASSING, ids=lambda answer: f"{answer[0]} {answer[1]!r}"[:30])
def test_trouble_of_the_registry_is_waited_for(
    registry: stand_in.SchemaRegistry, answer: stand_in.Answer
) -> None:
    number = registry.add(POST)
    registry.answers += [answer, answer]
    assert client_of(registry).schema(number) == POST
    assert len(registry.asked) == 3


@pytest.mark.parametrize("answer", PASSING, ids=lambda answer: f"{answer[0]} {answer[1]!r}"[:30])
def test_lasting_trouble_is_an_error_and_never_an_unknown_id(
    registry: stand_in.SchemaRegistry, answer: stand_in.Answer
) -> None:
    registry.answers += [answer] * 50
    with pytest.raises(HeadraceError, match=r"did not answer for .* s \(HTTP .*\); start it"):
        client_of(registry, patience_s=0.5).schema(7)
    assert 2 <= len(registry.asked) <= 5


def test_a_registry_that_comes_back_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    registry = stand_in.SchemaRegistry()
    number, client = registry.add(POST), client_of(registry)
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.append(client.schema(number)))
    asking.start()
    asking.join(0.3)
    assert asking.is_alive()
    waited = client.waits
    with registry:
        asking.join(5)
    assert found == [POST]
    assert (waited, client.waits) == (True, False)
    [warning] = caplog.messages
    assert warning.startswith(f"waiting for the schema registry at {registry.url}: ")


def test_a_registry_that_is_away_is_an_error_in_time() -> None:
    client = SchemaRegistry(RegistryHttp(f"http://127.0.0.1:{free_port()}", patience_s=0.4))
    began = time.monotonic()
    with pytest.raises(HeadraceError, match="Connection refused"):
        client.schema(7)
    assert time.monotonic() - began < 1


def test_whoever_is_told_to_hurry_waits_no_longer() -> None:
    client = SchemaRegistry(RegistryHttp(f"http://127.0.0.1:{free_port()}", patience_s=60.0))
    threading.Timer(0.2, client.hurry, [0.2]).start()
    began = time.monotonic()
    with pytest.raises(HeadraceError, match="did not answer"):
        client.schema(7)
    assert time.monotonic() - began < 3


def test_a_registry_that_accepts_and_says_nothing_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_http, "TURN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = SchemaRegistry(RegistryHttp(f"http://127.0.0.1:{silent.getsockname()[1]}", patience_s=0.1))
        with pytest.raises(HeadraceError, match="timed out"):
            client.schema(7)


def test_an_endless_answer_is_not_read(
    registry: stand_in.SchemaRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_http, "MOST_BYTES", 1000)
    registry.answers.append((200, {"schema": "x" * 2000}))
    with pytest.raises(HeadraceError, match="an answer of more than 1000 bytes"):
        client_of(registry).schema(7)


@pytest.mark.parametrize("content", [[], {"id": "seven", "version": 1}, {"version": 1}])
def test_an_odd_answer_is_an_error(registry: stand_in.SchemaRegistry, content: Any) -> None:
    registry.answers.append((200, content))
    with pytest.raises(HeadraceError, match="not a schema registry's"):
        client_of(registry).latest("posts-value")


def test_an_odd_answer_about_compatibility_is_an_error(registry: stand_in.SchemaRegistry) -> None:
    registry.answers.append((200, {"is_compatible": "yes"}))
    with pytest.raises(HeadraceError, match="not a schema registry's"):
        client_of(registry).compatibility("posts-value", POST)


def test_user_and_password_come_from_the_settings_and_are_never_shown() -> None:
    with stand_in.SchemaRegistry(user="me", password="s3cret") as registry:
        number = registry.add(POST)
        env = {
            "HEADRACE_SCHEMA_REGISTRY": registry.url + "/",
            "HEADRACE_SCHEMA_REGISTRY_USER": "me",
            "HEADRACE_SCHEMA_REGISTRY_PASSWORD": "s3cret",
        }
        client = SchemaRegistry.of(load(env=env))
        assert client is not None
        assert client.schema(number) == POST
        wrong = SchemaRegistry.of(load(env={**env, "HEADRACE_SCHEMA_REGISTRY_PASSWORD": "0ther"}))
        assert wrong is not None
        with pytest.raises(HeadraceError, match=r"refuses this user \(HTTP 401\)") as error:
            wrong.schema(number)
        assert "0ther" not in str(error.value)
        assert len(registry.asked) == 2


def test_without_the_setting_there_is_no_registry() -> None:
    assert SchemaRegistry.of(load()) is None


def test_an_https_registry_proves_who_it_is() -> None:
    with stand_in.SchemaRegistry() as registry:
        number = registry.add(POST)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        assert registry._server is not None
        registry._server.socket = context.wrap_socket(registry._server.socket, server_side=True)
        url = f"https://localhost:{registry.port}"
        trusted = RegistryHttp(url, "me", Secret("x"), str(CERTIFICATE), patience_s=5.0)
        assert SchemaRegistry(trusted).schema(number) == POST
        with pytest.raises(HeadraceError, match=r"can't prove who it is .* schema_registry_ca"):
            SchemaRegistry(RegistryHttp(url, patience_s=5.0)).schema(number)


def test_certificates_that_are_none_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(UsageError, match=r"schema_registry_ca = .* can't be used"):
            RegistryHttp("https://host", ca_file=str(tmp_path / name))
