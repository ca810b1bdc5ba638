"""Tests of C{mkvtwist.inputs}."""
