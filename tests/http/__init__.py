"""Tests of C{mkvtwist.http}."""
