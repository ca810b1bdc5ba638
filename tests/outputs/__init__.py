"""Tests of C{mkvtwist.outputs}."""
