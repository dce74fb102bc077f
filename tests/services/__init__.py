"""Real servers for tests, crash runs and benchmarks, on free ports and thrown away after."""
