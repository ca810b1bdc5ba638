"""A live media server for Twisted: whatever libavformat reads, as live Matroska over HTTP."""

__version__ = "0.1.0"
