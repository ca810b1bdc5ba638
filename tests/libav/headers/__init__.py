"""Tests of C{mkvtwist.libav.headers}."""
