"""The Transformer with glass walls: every part of it as code that fits on a page."""
