"""Opening an input, and the tracks that turn up in it (I{thread})."""
