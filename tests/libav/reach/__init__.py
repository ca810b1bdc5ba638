"""Tests of C{mkvtwist.libav.reach}."""
