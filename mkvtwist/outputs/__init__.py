"""Outputs beside the clients of a stream: recordings, HLS (I{reactor})."""
