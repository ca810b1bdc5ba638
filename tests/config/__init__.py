"""Tests of C{mkvtwist.config}."""
