"""A text that is never printed: passwords and keys."""


class Secret:
    """Holds a secret text; `str` and `repr` say only that it is set.

    >>> password = Secret("hunter2")
    >>> password
    (set)
    >>> password.reveal()
    'hunter2'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that hands it to a client library."""
        return self._text

    def __repr__(self) -> str:
        return "(set)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is never pickled")
