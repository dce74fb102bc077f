"""What crosses a border: records, topics, keys, features, settings, codec. Imports nothing of ours."""
