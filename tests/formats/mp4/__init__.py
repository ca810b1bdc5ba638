"""Tests of C{mkvtwist.formats.mp4}."""
