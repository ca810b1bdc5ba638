"""Tests of C{mkvtwist.formats.mpegts}."""
