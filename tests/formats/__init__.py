"""Tests of C{mkvtwist.formats}."""
