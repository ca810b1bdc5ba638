"""A session."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.flv import tags
from mkvtwist.inputs.rtmp import amf0, messages
from mkvtwist.inputs.rtmp.chunks import FIRST_SIZE, Message, chunks
from mkvtwist.inputs.rtmp.errors import ProtocolError
from mkvtwist.inputs.rtmp.handshake import SIZE
from mkvtwist.inputs.rtmp.messages import Type, UserControl
from mkvtwist.inputs.rtmp.session import (
    LONGEST_COMMAND,
    MOST_AT_ONCE,
    MOST_EARLY,
    MOST_MESSAGE_STREAMS,
    SMALLEST_WINDOW,
    Event,
    MediaReceived,
    PlayRequested,
    PublishRequested,
    Session,
    State,
    Unpublished,
)
from tests.support.rtmp import (
    HEARD,
    HELLO,
    SHOWN,
    answers,
    command,
    connect,
    media,
    publish,
    statuses,
)

BOTH = tags.header(5) + tags.tag(9, 0, SHOWN.body) + tags.tag(8, 20, HEARD.body)
"""The two messages of the tests as FLV."""


class SessionTests(SynchronousTestCase):
    """L{Session}."""

    def setUp(self) -> None:
        """Nothing has come."""
        self.session = Session()
        self.said = b""

    def send(self, data: bytes) -> list[Event]:
        """The sender sends this."""
        events = self.session.receive(data)
        self.said += self.session.take_output()
        return events

    def accept(self) -> list[Event]:
        """The sender may publish."""
        events = self.session.accept()
        self.said += self.session.take_output()
        return events

    def begin(self, sent: bytes = b"") -> list[Event]:
        """The sender publishes."""
        self.assertEqual(self.send(publish() + sent), [PublishRequested("live", "cam")])
        return self.accept()

    def results(self) -> dict[float, list[Any]]:
        """The answer to each command, by its number."""
        found = [amf0.decode(m.body) for m in answers(self.said) if m.type == Type.COMMAND]
        return {values[1]: values[2:] for values in found if values[0] == "_result"}

    def test_publish(self) -> None:
        """Commands are answered, and media come out as FLV."""
        self.assertEqual(self.begin(), [])
        self.assertEqual(sorted(self.results()), [1, 2, 3, 4])
        self.assertEqual(self.results()[4], [None, 1])
        self.assertEqual(statuses(self.said), [("NetStream.Publish.Start", "Publishing.")])
        self.assertEqual(self.send(media(SHOWN, HEARD)), [MediaReceived(BOTH)])

    @given(st.lists(st.integers(0, 5000), max_size=30))
    def test_any_split(self, cuts: list[int]) -> None:
        """However the bytes are split, the same comes out."""
        data = publish() + media(SHOWN, HEARD) + command("FCUnpublish", 6, None, "cam")
        self.setUp()
        found: list[Event] = []
        places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
        for start, end in itertools.pairwise(places):
            found += self.send(data[start:end])
            if self.session.state is State.ASKING:
                found += self.accept()
        flvs = b"".join(one.data for one in found if isinstance(one, MediaReceived))
        self.assertEqual(flvs, BOTH)
        self.assertEqual((found[0], found[-1]), (PublishRequested("live", "cam"), Unpublished()))

    def test_asking(self) -> None:
        """Media that come early are read when the sender may publish, and not before."""
        self.assertEqual(self.send(publish() + media(SHOWN)), [PublishRequested("live", "cam")])
        self.assertEqual(self.send(media(HEARD)), [])
        self.assertEqual(self.accept(), [MediaReceived(BOTH)])

    def test_refused(self) -> None:
        """A sender that may not publish is told why; nothing more is read."""
        self.send(publish())
        self.session.refuse("NetStream.Publish.BadName", "Not now.")
        self.said += self.session.take_output()
        self.assertEqual(statuses(self.said), [("NetStream.Publish.BadName", "Not now.")])
        self.assertEqual(self.send(media(SHOWN)), [])

    def test_unpublish(self) -> None:
        """A sender that has ended may publish again; its FLV begins anew."""
        for name in ("FCUnpublish", "deleteStream", "closeStream"):
            self.setUp()
            self.begin(media(SHOWN))
            self.assertEqual(self.send(command(name, 6, None, "cam")), [Unpublished()])
            self.assertEqual(self.send(command("deleteStream", 7, None, 1) + media(SHOWN)), [])
            again = command("publish", 8, None, "other", "live", stream=1)
            self.assertEqual(self.send(again), [PublishRequested("live", "other")])
            self.accept()
            self.assertEqual(self.send(media(SHOWN, HEARD)), [MediaReceived(BOTH)])

    def test_play(self) -> None:
        """A peer that wants to watch is refused, in words."""
        events = self.send(connect("live") + command("play", 2, None, "cam", stream=1))
        self.assertEqual(events, [PlayRequested("cam")])
        ((code, text),) = statuses(self.said)
        self.assertEqual(code, "NetStream.Play.Failed")
        self.assertIn("plays none", text)

    def test_enhanced(self) -> None:
        """A sender that speaks Enhanced RTMP is told which codecs are read; others are not."""
        self.send(connect("live", fourCcList=["hvc1"], capsEx=0))
        server = self.results()[1][0]
        self.assertIn("hvc1", server["fourCcList"])
        self.assertEqual(server["videoFourCcInfoMap"]["av01"], 4)
        self.setUp()
        self.send(connect("live", objectEncoding=3))
        server, result = self.results()[1]
        self.assertNotIn("fourCcList", server)
        self.assertEqual(result["objectEncoding"], 0)

    def test_metadata(self) -> None:
        """Metadata go into FLV without the order to keep them; they tell which tracks come."""
        for about, flags in (
            ({"videocodecid": 7, "audiocodecid": 10}, 5),
            ({"audiocodecid": 10}, 4),
            ({"videocodecid": 7}, 1),
            ({"title": "x"}, 5),
        ):
            self.setUp()
            body = amf0.encode("onMetaData", about)
            sent = Message(Type.DATA, 1, 0, amf0.encode("@setDataFrame") + body)
            wanted = MediaReceived(tags.header(flags) + tags.tag(18, 0, body))
            self.assertEqual(self.begin(media(sent)), [wanted])

    def test_amf3(self) -> None:
        """Commands and data in AMF3's messages, which a byte begins, are read."""
        self.send(HELLO + bytes(SIZE))
        body = b"\0" + amf0.encode("connect", 1, {"app": "live"})
        self.send(chunks(Message(Type.COMMAND_AMF3, 0, 0, body), 3, FIRST_SIZE))
        self.assertIn(1, self.results())
        self.setUp()
        self.begin()
        data = amf0.encode("onMetaData", {})
        (event,) = self.send(media(Message(Type.DATA_AMF3, 1, 0, b"\0" + data)))
        self.assertEqual(event, MediaReceived(tags.header(5) + tags.tag(18, 0, data)))

    def test_strange_metadata(self) -> None:
        """Metadata that cannot be read are passed on; empty ones are not."""
        self.begin()
        (event,) = self.send(media(Message(Type.DATA, 1, 0, b"\x11x")))
        self.assertEqual(event, MediaReceived(tags.header(5) + tags.tag(18, 0, b"\x11x")))
        self.assertEqual(self.send(media(Message(Type.DATA, 1, 0, b""))), [])

    def test_aggregate(self) -> None:
        """The messages in an aggregate are media like others; what else is in it is left out."""
        body = tags.tag(9, 0, SHOWN.body) + tags.tag(20, 0, b"x") + tags.tag(8, 20, HEARD.body)
        self.assertEqual(
            self.begin(media(Message(Type.AGGREGATE, 1, 0, body))), [MediaReceived(BOTH)]
        )

    def test_media_before(self) -> None:
        """Media of a sender that does not publish are ignored."""
        self.assertEqual(self.send(connect("live") + media(SHOWN)), [])

    def test_chunk_size(self) -> None:
        """The sender may change the size of its chunks, and abandon a message."""
        self.begin()
        size = chunks(messages.number(Type.SET_CHUNK_SIZE, 4096), 2, FIRST_SIZE)
        big = Message(Type.VIDEO, 1, 0, bytes(3000))
        begun = chunks(Message(Type.AUDIO, 1, 0, bytes(5000)), 6, 4096)[: 12 + 4096]
        abort = chunks(messages.number(Type.ABORT, 6), 2, FIRST_SIZE)
        (event,) = self.send(size + begun + abort + chunks(big, 4, 4096))
        self.assertEqual(event, MediaReceived(tags.header(5) + tags.tag(9, 0, big.body)))

    def test_ping(self) -> None:
        """A ping is answered; other user control is ignored."""
        self.send(connect("live"))
        before = len(self.said)
        ping = messages.user_control(UserControl.PING_REQUEST, b"time")
        other = messages.user_control(UserControl.STREAM_BEGIN, b"0000")
        self.send(chunks(ping, 2, FIRST_SIZE) + chunks(other, 2, FIRST_SIZE))
        (answer,) = answers(self.said[before:], whole=False)
        self.assertEqual(answer, messages.user_control(UserControl.PING_RESPONSE, b"time"))

    def test_acknowledgements(self) -> None:
        """Bytes are acknowledged as often as the sender wants, but not more often than is sane."""
        window = chunks(messages.number(Type.WINDOW_SIZE, 1), 2, FIRST_SIZE)
        self.begin(window)
        before = len(self.said)
        total = len(publish() + window)
        for _ in range(20):
            sent = media(Message(Type.VIDEO, 1, 0, bytes(2000)))
            total += len(sent)
            self.send(sent)
        got = [int.from_bytes(m.body, "big") for m in answers(self.said[before:], whole=False)]
        self.assertEqual(len(got), total // SMALLEST_WINDOW)
        self.assertLessEqual(got[-1], total)

    def test_refused_bytes(self) -> None:
        """Bytes that no sender sends are an error, whatever they are."""
        video = Message(Type.VIDEO, 1, 0, bytes(LONGEST_COMMAND + 1))
        for sent in (
            command("createStream", 1, None),
            command("connect", 2, {}),
            chunks(Message(Type.COMMAND, 0, 0, amf0.encode(1, 2)), 3, FIRST_SIZE),
            chunks(Message(Type.COMMAND, 0, 0, b""), 3, FIRST_SIZE),
            chunks(messages.number(Type.SET_CHUNK_SIZE, 0), 2, FIRST_SIZE),
            media(video),
            command("createStream", 1, None) * (MOST_MESSAGE_STREAMS + 1),
        ):
            self.setUp()
            begun = HELLO + bytes(SIZE) if sent == command("createStream", 1, None) else connect("")
            self.assertRaises(ProtocolError, self.send, begun + sent)
        self.setUp()
        self.begin()
        again = command("publish", 8, None, "other", "live", stream=1)
        self.assertRaises(ProtocolError, self.send, again)

    def test_early(self) -> None:
        """A stranger has few messages, a sender that has been accepted as many as it likes."""
        ping = chunks(messages.user_control(UserControl.PING_REQUEST, b"time"), 2, FIRST_SIZE)
        self.send(connect("live") + ping * (MOST_EARLY - 1))
        self.assertRaises(ProtocolError, self.send, ping)
        self.setUp()
        self.begin()
        end = command("FCUnpublish", 6, None, "cam")
        self.assertEqual(self.send(ping * MOST_EARLY + end + ping * MOST_EARLY), [Unpublished()])

    def test_at_once(self) -> None:
        """Very many messages in one read, which are no media, are refused."""
        empty = b"\xc2" * MOST_AT_ONCE  # each like the message before
        self.begin()
        self.send(chunks(Message(Type.ACKNOWLEDGEMENT, 0, 0, b""), 2, FIRST_SIZE))
        self.assertEqual(self.send(empty), [])
        self.assertRaises(ProtocolError, self.send, empty + b"\xc2")

    def test_first_media(self) -> None:
        """Messages with media are long once there have been some, so half ones cost little."""
        long = Message(Type.VIDEO, 1, 0, bytes(LONGEST_COMMAND + 1))
        self.begin()
        self.assertRaises(ProtocolError, self.send, media(long))
        self.setUp()
        (event,) = self.begin(media(SHOWN, long))
        flv = tags.header(5) + tags.tag(9, 0, SHOWN.body) + tags.tag(9, 0, long.body)
        self.assertEqual(event, MediaReceived(flv))

    def test_no_number(self) -> None:
        """A command without a number is answered without one, whatever it has in its place."""
        self.begin(media(SHOWN))
        before = len(self.said)
        long_text = b"\x0c" + (1 << 16).to_bytes(4, "big") + bytes(1 << 16)
        body = amf0.encode("createStream") + long_text
        self.send(chunks(Message(Type.COMMAND, 0, 0, body), 3, FIRST_SIZE))
        (answer,) = answers(self.said[before:], whole=False)
        self.assertEqual(amf0.decode(answer.body), ["_result", 0, None, 2])

    def test_odd_commands(self) -> None:
        """Commands that are not known, or lack arguments, do no harm."""
        self.send(HELLO + bytes(SIZE) + command("connect", 1))
        self.assertEqual(self.send(command("_checkbw", None)), [])
        self.assertEqual(self.send(command("publish", 2, stream=1)), [PublishRequested("", "")])

    @given(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255))))
    def test_mutated(self, accepted: int, changes: list[tuple[int, int]]) -> None:
        """Sessions with bytes that are wrong end in events, or in that error."""
        self.setUp()
        data = bytearray(publish() + media(SHOWN, HEARD) * 3)
        for place, value in changes:
            data[place % len(data)] = value
        try:
            self.send(bytes(data))
            if self.session.state is State.ASKING and accepted:
                self.accept()
                self.send(bytes(data[-500:]))
        except ProtocolError:
            pass
