"""Packets, tracks, time and codecs: all that moves through a stream (I{pure})."""
