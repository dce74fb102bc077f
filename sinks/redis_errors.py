"""What an error reply of Redis means for us."""

from schemas.errors import HeadraceError


class TryAgainError(Exception):
    """Redis can't do it now but soon may: it is loading, failing over, or has too many clients."""


PASSING = (
    "LOADING",
    "READONLY",
    "TRYAGAIN",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY",
    "ERR max number of clients",
)
"""How replies begin that go away by themselves."""

SENTENCES = {
    "OOM": "Redis is full (it has reached maxmemory): raise maxmemory or give it its own server, then start again",
    "NOAUTH": "Redis wants a password: set HEADRACE_REDIS_PASSWORD, or redis_password_file",
    "WRONGPASS": "Redis refuses the password: check HEADRACE_REDIS_PASSWORD, or redis_password_file",
    "ERR invalid password": "Redis refuses the password: check HEADRACE_REDIS_PASSWORD, or redis_password_file",
    "ERR AUTH": "Redis has no password but one is set: take it out of the settings, or set it in Redis",
    "ERR Client sent AUTH": "Redis has no password but one is set: take it out of the settings, or set it in Redis",
    "NOPERM": "Redis does not let this user write: give it the commands and keys of `headrace keys`",
    "MISCONF": "Redis can't save to its disk and therefore takes no writes: see to its disk, then start again",
    "WRONGTYPE": "Redis holds something else under one of our keys: set another redis_prefix, or remove the key",
    "ERR DB index": "Redis has no database of that number: change the end of the URL of Redis",
}
"""How replies begin that stay, and what to do."""


def meaning(text: str) -> Exception:
    """The exception for an error reply: `TryAgainError` if it may pass, else a `HeadraceError`.

    >>> meaning("NOAUTH Authentication required.")
    HeadraceError('Redis wants a password: set HEADRACE_REDIS_PASSWORD, or redis_password_file')
    """
    if text.startswith(PASSING):
        return TryAgainError(text)
    for beginning, sentence in SENTENCES.items():
        if text.startswith(beginning):
            return HeadraceError(sentence)
    return HeadraceError(f"Redis refused a command ({text}): run headrace doctor")
