"""The two errors that a command turns into an exit code."""


class HeadraceError(Exception):
    """The data or a service made it stop; the message is one sentence that says what to do (exit code 1)."""


class UsageError(HeadraceError):
    """Wrong usage or settings; the message is one sentence that says what to do (exit code 2)."""
