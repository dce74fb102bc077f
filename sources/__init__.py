"""How it comes in: Kafka and the file log behind one interface."""
