"""Settings: where a value comes from, what is refused and how it is said, and what is never printed."""

from pathlib import Path

import pytest

from schemas.errors import UsageError
from schemas.settings import Settings, load, load_with_origins
from schemas.settings_given import settings_file
from schemas.settings_table import settings_table


def written(folder: Path, text: str) -> Path:
    file = folder / "headrace.toml"
    file.write_text(text)
    return file


def refusal(file: Path | None = None, env: dict[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as error:
        load(file, env)
    return str(error.value)


def test_without_a_file_everything_runs_embedded() -> None:
    settings = load()
    assert settings == Settings()
    assert (settings.log, settings.redis, settings.state) == (
        "file:.headrace/log",
        "embedded:",
        ".headrace/state",
    )


def test_options_override_variables_override_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'log = "file:a"\nredis = "redis://a"\nstate = "a"\n[tiers]\nmid = 10\n')
    loaded = load_with_origins(file, {"HEADRACE_REDIS": "redis://b", "HEADRACE_STATE": "b"}, {"state": "c"})
    settings = loaded.settings
    assert (settings.log, settings.redis, settings.state) == ("file:a", "redis://b", "c")
    assert (settings.tiers.mid, settings.tiers.celebrity) == (10, 1_000_000)
    assert loaded.origins == {
        "log": str(file),
        "redis": "HEADRACE_REDIS",
        "state": "--state",
        "tiers.mid": str(file),
    }


def test_variables_are_read_by_the_type_of_their_setting() -> None:
    settings = load(
        env={
            "HEADRACE_PARTITIONS": "8",
            "HEADRACE_PRIORS__CTR": "0.1",
            "HEADRACE_TIME": "history",
            "HEADRACE_LABELS__HORIZONS_MS": "1000, 2000",
            "HEADRACE_POSITION_CURVE": "[1000, 500]",
            "PATH": "/bin",
        }
    )
    assert settings.partitions == 8
    assert settings.priors.ctr == 0.1
    assert settings.time == "history"
    assert settings.labels.horizons_ms == (1000, 2000)
    assert settings.position_curve == (1000, 500)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"HEADRACE_TIER__MID": "5"}, ["HEADRACE_TIER__MID", "did you mean HEADRACE_TIERS__MID?"]),
        (
            {"HEADRACE_TIERS__MID": "many"},
            ["tiers.mid = 'many'", "HEADRACE_TIERS__MID", "a whole number of at least 1"],
        ),
        ({"HEADRACE_TIME": "past"}, ["time = 'past'", "HEADRACE_TIME", "live or history"]),
        ({"HEADRACE_PARTITIONS": "0"}, ["partitions = '0'", "a whole number from 1 to 32767"]),
        ({"HEADRACE_SMOOTHING": "0"}, ["smoothing = '0'", "a number above 0"]),
        ({"HEADRACE_LOG": "rabbit://x"}, ["log = 'rabbit://x'", "kafka://host:port", "file:"]),
        ({"HEADRACE_POSITION_CURVE": "1," * 41}, ["position_curve", "1 to 40 whole numbers"]),
        ({"HEADRACE_TIERS__MID": "1000000"}, ["tiers.mid", "below tiers.celebrity, which is 1000000"]),
        ({"HEADRACE_LABELS__HORIZONS_MS": "2000,1000"}, ["labels.horizons_ms", "growing"]),
        ({"HEADRACE_DEAD_LETTERS__MINIMUM": "100001"}, ["dead_letters.minimum", "dead_letters.window"]),
    ],
)
def test_a_bad_variable_is_named_with_what_is_allowed(env: dict[str, str], words: list[str]) -> None:
    message = refusal(env=env)
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("partitons = 3", ["partitons", "did you mean partitions?"]),
        ("[tier]\nmid = 3", ["unknown setting tier", "did you mean tiers.mid?"]),
        ("[tiers]\nmidd = 3", ["tiers.midd", "did you mean tiers.mid?"]),
        ("tiers = 3", ["tiers = 3", "must be a table", "[tiers]"]),
        ('partitions = "64"', ["partitions = '64'", "a whole number"]),
        ("partitions = true", ["partitions = True", "a whole number"]),
        ("state = 3", ["state = 3", "a folder"]),
        ("partitions = ", ["not valid TOML"]),
        ("[kafka]\nretries = [1]", ["kafka.retries", "a text, a number or a boolean"]),
    ],
)
def test_a_bad_file_is_named_with_what_is_allowed(tmp_path: Path, text: str, words: list[str]) -> None:
    message = refusal(written(tmp_path, text))
    assert [word for word in [*words, "headrace.toml"] if word not in message] == []


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="headrace settings --write"):
        load(tmp_path / "none.toml")


def test_any_librdkafka_setting_passes_through(tmp_path: Path) -> None:
    file = written(tmp_path, '[kafka]\n"security.protocol" = "SASL_SSL"\nfetch.min.bytes = 1\n')
    settings = load(file, {"HEADRACE_KAFKA__SOCKET_TIMEOUT_MS": "5", "HEADRACE_KAFKA__SSL_CA": "x"})
    assert settings.kafka_config() == {
        "security.protocol": "SASL_SSL",
        "fetch.min.bytes": 1,
        "socket.timeout.ms": "5",
        "ssl_ca": "x",
    }


def test_secrets_come_from_variables_or_files_and_are_never_printed(tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("r3dis\n")
    (tmp_path / "kafka").write_text("kafk4\n")
    file = written(
        tmp_path,
        f'redis = "redis://me@host:1"\nredis_password_file = "{tmp_path}/redis"\n'
        f'[kafka]\n"sasl.password_file" = "{tmp_path}/kafka"\n',
    )
    settings = load(file, {"HEADRACE_KAFKA__SSL_KEY_PASSWORD": "k3y"})
    assert settings.redis_url() == "redis://me:r3dis@host:1"
    assert settings.kafka_config() == {"sasl.password": "kafk4", "ssl.key.password": "k3y"}
    assert [secret for secret in ("r3dis", "kafk4", "k3y") if secret in repr(settings) + str(settings)] == []
    assert load(file, {"HEADRACE_REDIS_PASSWORD": "b/"}).redis_url() == "redis://me:b%2F@host:1"


@pytest.mark.parametrize("url", ["redis://:pw%2F@h:1/0", "rediss://u:pw%2F@h", "unix://:pw%2F@/run/r.sock"])
def test_a_password_in_the_url_of_redis_is_set_apart(url: str) -> None:
    settings = load(overrides={"redis": url})
    assert "pw" not in repr(settings)
    assert settings.redis_url() == url


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('redis_password = "x"', "HEADRACE_REDIS_PASSWORD"),
        ('redis = "redis://:x@host"', "redis_password_file"),
        ('[kafka]\nsasl.password = "x"', "HEADRACE_KAFKA__SASL_PASSWORD"),
    ],
)
def test_a_secret_in_a_settings_file_is_refused(tmp_path: Path, text: str, word: str) -> None:
    message = refusal(written(tmp_path, text))
    assert word in message
    assert "'x'" not in message


def test_a_password_in_the_query_of_a_url_is_refused_without_showing_it() -> None:
    message = refusal(env={"HEADRACE_REDIS": "redis://host?password=s3cret"})
    assert "HEADRACE_REDIS_PASSWORD" in message
    assert "s3cret" not in message


def test_the_password_of_the_schema_registry_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("s3cret\n")
    file = written(
        tmp_path,
        'wire_format = "confluent"\nschema_registry = "https://registry:8081/path"\n'
        f'schema_registry_user = "me"\nschema_registry_password_file = "{tmp_path}/word"\n',
    )
    settings = load(file)
    assert settings.schema_registry_password is not None
    assert settings.schema_registry_password.reveal() == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "HEADRACE_SCHEMA_REGISTRY_PASSWORD" in refusal(written(tmp_path, 'schema_registry_password = "x"'))


@pytest.mark.parametrize(
    "url", ["http://me:s3cret@host:1", "https://s3cret@host", "ftp://s3cret", "http://h/?s3cret", "s3cret"]
)
def test_a_password_in_the_url_of_the_schema_registry_is_refused_without_showing_it(url: str) -> None:
    message = refusal(env={"HEADRACE_SCHEMA_REGISTRY": url})
    assert "schema_registry = ..." in message
    assert "s3cret" not in message


def test_schema_ids_need_a_schema_registry() -> None:
    assert "schema_registry" in refusal(env={"HEADRACE_WIRE_FORMAT": "confluent"})


def test_a_secret_file_that_is_missing_is_named() -> None:
    assert "redis_password_file" in refusal(env={"HEADRACE_REDIS_PASSWORD_FILE": "/nowhere/at/all"})


def test_the_file_is_the_option_else_the_variable_else_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_file(None, {}) is None
    here = written(tmp_path, "")
    assert settings_file(None, {}) == Path(here.name)
    assert settings_file(None, {"HEADRACE_SETTINGS": "x.toml"}) == Path("x.toml")
    assert settings_file(Path("y.toml"), {"HEADRACE_SETTINGS": "x.toml"}) == Path("y.toml")


def test_every_setting_is_documented() -> None:
    for setting in settings_table().values():
        assert setting.doc, setting.name
        assert setting.allowed, setting.name


def test_what_kept_state_depends_on_is_marked() -> None:
    fixed = {name for name, setting in settings_table().items() if setting.fixed}
    assert {"partitions", "time", "allowed_lateness_ms", "position_curve"} <= fixed
    assert not {"log", "redis", "state", "flush_ms", "priors.ctr"} & fixed
