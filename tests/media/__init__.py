"""Tests of C{mkvtwist.media}."""
