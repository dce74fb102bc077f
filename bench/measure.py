"""CPU time and memory of processes, read from the kernel."""

import os
import resource
from pathlib import Path


def cpu_seconds(pid: int | None = None) -> float:
    """User and system time of a process (None: this one), all its threads."""
    if pid is None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_mb() -> float:
    """The most memory that this process ever held, in MB; what its parent held before it does not count."""
    return status_mb("VmHWM")


def rss_mb(pid: int | None = None) -> float:
    """The memory that a process (None: this one) holds now, in MB."""
    return status_mb("VmRSS", pid)


def status_mb(name: str, pid: int | None = None) -> float:
    """A size in the kernel's description of a process, in MB."""
    lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(f"{name}:"))
    return int(found.split()[1]) * 1024 / 1e6
