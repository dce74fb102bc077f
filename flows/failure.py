"""The first error of any step, kept out of the engine's hands."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Failure:
    """The first error of any step. From then on inputs end and nothing is computed; what lies between steps is written.

    So a dead letter that was read reaches its topic also when there were too many of them. `tell` hears of every error.
    """

    tell: Callable[[BaseException], None]
    error: BaseException | None = None
    _stderr: int | None = field(default=None, repr=False)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Remember an error instead of raising it into the engine, which would print its own trace."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - raised again when the engine has stopped
            self.error = self.error or error
            self.tell(error)

    def refuse(self) -> None:
        """Raise if there was an error: a snapshot must not count then. The engine's own words are kept quiet."""
        if self.error is not None:
            if self._stderr is None:
                self._stderr = os.dup(2)
                with Path(os.devnull).open("w") as nowhere:
                    os.dup2(nowhere.fileno(), 2)
            raise self.error

    def speak_again(self) -> None:
        """Give stderr back."""
        if self._stderr is not None:
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            self._stderr = None
