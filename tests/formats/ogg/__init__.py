"""Tests of C{mkvtwist.formats.ogg}."""
