"""The demo: a simulated network becomes live features, in a folder of its own."""
