"""What survives a restart: chunks, manifest, merge."""
