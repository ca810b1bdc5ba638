"""The description of tracks that a header is made of, and what goes with it (I{thread})."""
