"""Tests of C{mkvtwist.formats.matroska}."""
