"""Tests of C{mkvtwist.live}."""
