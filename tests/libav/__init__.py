"""Tests of C{mkvtwist.libav}."""
