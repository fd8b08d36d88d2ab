"""Makes a page a program: its code runs, its outputs and figures are checked."""
