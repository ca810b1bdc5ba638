"""Tests of C{mkvtwist.access}."""
