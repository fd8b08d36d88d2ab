"""Position: how a Transformer knows which word stands where."""
