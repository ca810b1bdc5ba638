"""The files and servers that an input may reach beside its own bytes (I{thread})."""
