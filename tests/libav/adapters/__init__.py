"""Tests of C{mkvtwist.libav.adapters}."""
