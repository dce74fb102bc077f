"""Who is connected to whom: one file a flow, and the commands that run them."""
