"""C{exec:} inputs: programs whose standard output is the media (I{reactor})."""
