"""Tests of C{mkvtwist.server}."""
