"""Reading the input itself."""

from __future__ import annotations

import os
from typing import Any

from mkvtwist.config.input import parse_input
from mkvtwist.config.input_options import NO_OPTIONS, parse_options
from mkvtwist.libav import Ended, Noticed
from mkvtwist.testing import END, footage, header
from tests.support.fakes import sent
from tests.support.inputs import InputTestCase


class PrimaryTests(InputTestCase):
    """What is read, how, and what becomes of it."""

    def test_manner(self) -> None:
        """The frame rate and the programme that are set are the input's, not the fallback's."""
        self.start(frame_rate=12.5, program=3)
        self.assertEqual(self.reader.manner, (12.5, 3))
        pause = parse_input("fallback", "pause.mkv")
        self.start("tcp:12345", fallback=pause, frame_rate=12.5, program=3)
        self.assertEqual(self.reader.manner, (0.0, 0))

    def test_options(self) -> None:
        """Options of libavformat are the input's, not the fallback's."""
        options = parse_options("opt", {"rtsp_transport": "tcp"})
        pause = parse_input("fallback", "rtsp://other/")
        self.start("rtsp://camera/", fallback=pause, input_options=options)
        self.assertEqual(self.reader.task.options, options)
        self.emit(Ended("no route", fault=True))
        self.assertEqual(str(self.reader.source), "rtsp://other/")
        self.assertEqual(self.reader.task.options, NO_OPTIONS)

    def test_standard_input(self) -> None:
        """Standard input is read unbuffered, as it comes, and is not closed."""
        self.start("-")
        media: Any = self.reader.media
        self.assertEqual(media.fileno(), 0)
        media.close()
        os.fstat(0)

    def test_at_once(self) -> None:
        """Everything from the header to the end may come in one turn."""
        self.start()
        response = self.watch()
        self.emit(header(), *footage(0, 1), Noticed("!"), *footage(1, 2), END)
        self.reactor.turn()
        self.assertEqual(response.blocks, sent(footage(0, 2)))
        self.assertTrue(response.finished)

    def test_restarts(self) -> None:
        """Another try counts as a restart; another round of a loop does not."""
        service = self.start(at_end="loop")
        for round_ in range(3):
            self.emit(header(), *footage(round_, round_ + 1), END)
        self.assertEqual((len(self.readers), service.primary.restarts), (4, 0))
        self.emit(Ended("no media", fault=True))
        self.reactor.advance(self.pending()[0])
        self.assertEqual((len(self.readers), service.primary.restarts), (5, 1))
