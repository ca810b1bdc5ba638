"""Tests of C{mkvtwist.net}."""
