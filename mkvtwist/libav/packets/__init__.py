"""Packets on their way from the demuxer to the reactor (I{thread})."""
