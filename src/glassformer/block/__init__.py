"""The block: its parts besides attention, and what holds a deep stack of them together."""
