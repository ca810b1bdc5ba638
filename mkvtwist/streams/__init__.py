"""Named streams and their statistics (I{reactor})."""
