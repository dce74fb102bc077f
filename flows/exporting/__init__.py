"""Topics as tables: messages decoded, with where they came from."""
