"""Tests of C{mkvtwist.outputs.segmented}."""
