"""Tests of C{mkvtwist.libav.opening}."""
