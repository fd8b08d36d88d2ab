"""The torch twin: the parts of a Transformer as modules that learn."""
