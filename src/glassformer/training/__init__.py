"""How a Transformer learns."""
