"""Tests of C{mkvtwist.streams}."""
