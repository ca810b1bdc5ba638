"""Replays as files: written once, kept for a while, downloaded (I{reactor})."""
