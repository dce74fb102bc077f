"""How it leaves: Redis, logs, dead letters, metrics. No decisions."""
