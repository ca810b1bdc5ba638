"""Tests of C{mkvtwist.formats.flv}."""
