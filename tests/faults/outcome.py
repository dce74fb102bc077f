"""How a run of `headrace run windows` ended: its exit code and its words, one sentence if it failed."""

import re
import subprocess
from dataclasses import dataclass

from tests.flows.harness import Place

SENTENCE = "headrace: "
LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING) |windows: [\d,]+( of [\d,]+)? records"
)
"""What may stand on stderr besides: log lines of ours, and how far it is."""


@dataclass(frozen=True)
class Outcome:
    """Exit code, stdout, stderr."""

    code: int
    summary: str
    said: str

    @property
    def other_lines(self) -> list[str]:
        """Lines on stderr that are neither the sentence nor log lines: traces, panics, words of libraries."""
        return [
            line
            for line in self.said.splitlines()
            if not line.startswith(SENTENCE) and not LOG_LINE.match(line)
        ]

    def went_well(self) -> None:
        """Assert that it ended with 0, and without a sentence."""
        assert self.code == 0, self.said
        assert SENTENCE not in self.said
        assert not self.other_lines, self.said

    def sentence(self, code: int = 1) -> str:
        """The one sentence that it said when it ended with `code`; asserts that it is the only one."""
        assert self.code == code, self.said
        sentences = [line for line in self.said.splitlines() if line.startswith(SENTENCE)]
        assert len(sentences) == 1, self.said
        assert not self.other_lines, self.said
        return sentences[0].removeprefix(SENTENCE)


def finished(process: subprocess.Popen[str], seconds: float = 60.0) -> Outcome:
    """Wait for the end of a run; one that takes longer than `seconds` is killed, and the test fails."""
    try:
        summary, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        _, said = process.communicate()
        raise AssertionError(f"it was still running after {seconds:.0f} s: {said}") from None
    return Outcome(process.returncode, summary, said)


def ran(place: Place, *options: str, seconds: float = 60.0) -> Outcome:
    """Run it to the present end of its inputs."""
    return finished(place.start("--until-end", *options), seconds)
