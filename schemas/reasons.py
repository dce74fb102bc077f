"""Why a record is set aside: the fixed words of a dead letter, in the order in which a record is judged."""

from typing import Final

UNDECODABLE: Final = "undecodable"
TOO_LARGE: Final = "too_large"
PARTITION: Final = "partition"
FUTURE: Final = "future"
LATE: Final = "late"
REPEAT: Final = "repeat"
NOT_OWNER: Final = "not_owner"

REASONS: Final = (TOO_LARGE, UNDECODABLE, PARTITION, FUTURE, LATE, REPEAT, NOT_OWNER)
"""Every reason; a repeat is counted only, the others also go to `dead_letters`."""
