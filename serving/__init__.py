"""The read side: what a feed service reads, decoded."""
