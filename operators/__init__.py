"""What is computed: columns in, columns out. No I/O, no clock, no engine."""
