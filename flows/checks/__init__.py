"""What `headrace doctor` looks at, one file a subject."""
