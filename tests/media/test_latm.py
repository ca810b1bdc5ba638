"""AAC out of LATM is what the encoder made, and nothing that is sent can do harm."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.latm import LatmStream
from tests.support import media
from tests.support.bitstreams import bits

fast = settings(max_examples=300)

LC_48000_STEREO = "00010 0011 0010 000"  # AAC LC, index 3, 2 channels, GASpecificConfig
CONFIG = bytes.fromhex("1190")


def field(value: int, width: int) -> str:
    """One field."""
    return f"{value:0{width}b}"


def raw(data: bytes) -> str:
    """Bytes in the middle of bits."""
    return "".join(field(byte, 8) for byte in data)


def sync(*fields: str) -> bytes:
    """An AudioSyncStream element."""
    element = bits(*fields)
    return (0x2B7 << 13 | len(element)).to_bytes(3, "big") + element


def config(
    specific: str = LC_48000_STEREO,
    *,
    version: str = "0",
    sub_frames: int = 1,
    programs: str = "0000 000",
    length: str = "000 11111111",
    rest: str = "0 0",
) -> str:
    """UseSameStreamMux and StreamMuxConfig."""
    return f"0 {version} 1 {field(sub_frames - 1, 6)} {programs} {specific} {length} {rest}"


def unit(data: bytes) -> str:
    """PayloadLengthInfo and PayloadMux."""
    count, rest = divmod(len(data), 255)
    return "1" * 8 * count + field(rest, 8) + raw(data)


def units(data: bytes, latm: LatmStream | None = None) -> list[tuple[bytes, bytes]]:
    """All access units, with their configurations."""
    return list((latm or LatmStream()).access_units(data))


class RefereeTests(SynchronousTestCase):
    """Against libavformat's muxer."""

    def test_libavformat(self) -> None:
        """Every raw packet of the encoder comes back, with the configuration it had."""
        for channels in (1, 2, 6):
            for rate in (48000, 44100, 22050):
                plain, wrapped = (
                    media.clip(
                        container=container,
                        video=None,
                        audio="aac",
                        channels=channels,
                        sample_rate=rate,
                        seconds=0.5,
                    )
                    for container in ("matroska", "latm")
                )
                with media.opened(plain) as container:
                    setup = container.streams[0].codec_context.extradata
                assert setup is not None
                expected = [(setup[:2], packet.data) for packet in media.packets(plain)]
                self.assertEqual(units(wrapped.read_bytes()), expected)

    def test_packets(self) -> None:
        """Raw packets come back packet by packet, too, as the demuxer gives them."""
        clip = media.clip(container="latm", seconds=0.5)
        latm = LatmStream()
        got = [found for packet in media.packets(clip) for found in units(packet.data, latm)]
        self.assertEqual(got, units(clip.read_bytes()))


class SyntaxTests(SynchronousTestCase):
    """ISO/IEC 14496-3, 1.7.3."""

    def test_simple(self) -> None:
        """One frame, its length in the payload."""
        for size in (1, 254, 255, 256, 510, 700):
            data = bytes(range(1, 200)) * 4
            element = sync(config(), unit(data[:size]))
            self.assertEqual(units(element), [(CONFIG, data[:size])])

    def test_same_config(self) -> None:
        """An element without a configuration has that of the one before."""
        latm = LatmStream()
        self.assertEqual(units(sync("1", unit(b"lost")), latm), [])
        both = sync(config(), unit(b"one")) + sync("1", unit(b"two"))
        self.assertEqual(units(both, latm), [(CONFIG, b"one"), (CONFIG, b"two")])
        self.assertEqual(units(sync("1", unit(b"three")), latm), [(CONFIG, b"three")])

    def test_new_config(self) -> None:
        """A configuration replaces the one before."""
        mono = "00010 0100 0001 000"
        both = sync(config(), unit(b"one")) + sync(config(mono), unit(b"two"))
        self.assertEqual(units(both), [(CONFIG, b"one"), (bytes.fromhex("1208"), b"two")])

    def test_sub_frames(self) -> None:
        """Several frames in one element come out one by one, empty ones not at all."""
        element = sync(config(sub_frames=3), unit(b"one"), unit(b""), unit(b"three"))
        self.assertEqual(units(element), [(CONFIG, b"one"), (CONFIG, b"three")])

    def test_fixed_length(self) -> None:
        """Frames of a fixed length have none in the payload."""
        element = sync(config(length="001 000000001", sub_frames=2), raw(bytes(range(42))))
        self.assertEqual(
            [data for _, data in units(element)], [bytes(range(21)), bytes(range(21, 42))]
        )

    def test_other_data(self) -> None:
        """Other data behind the payload, and a check sum, change nothing."""
        for rest in ("1 0 11111111 0", "1 1 00000001 0 11111111 0", "0 1 10101010"):
            self.assertEqual(units(sync(config(rest=rest), unit(b"x"))), [(CONFIG, b"x")])

    def test_version_1(self) -> None:
        """Where the length of the configuration is stated, all of it is given on."""
        stated = "00 " + field(16, 8) + LC_48000_STEREO
        versions = "1 0 00 11111111"
        element = sync(config(stated, version=versions), unit(b"x"))
        self.assertEqual(units(element), [(CONFIG, b"x")])
        # The decoder is told of SBR behind the configuration that old decoders read.
        longer = "01 " + field(40, 16) + LC_48000_STEREO + raw(bytes.fromhex("56e500"))
        element = sync(config(longer, version=versions, rest="1 00 00001000 0"), unit(b"x"))
        self.assertEqual(units(element), [(bytes.fromhex("119056e500"), b"x")])

    def test_version_1_wrong(self) -> None:
        """A configuration that is longer than stated is refused, as is a version without one."""
        stated = "00 " + field(15, 8) + LC_48000_STEREO
        for wrong in (config(stated, version="1 0 00 11111111"), config(version="1 1 00 11111111")):
            self.assertEqual(units(sync(wrong, unit(b"x"))), [])

    def test_specific_configs(self) -> None:
        """Configurations are walked over to their exact end, whatever is in them."""
        program = (
            # tag, profile, frequency; front, side, back, LFE, associated, coupling
            "0000 01 0011 0001 0001 0000 01 001 0001"
            # mono, stereo and matrix mixdown; the elements
            " 1 0000 0 1 000 00000 00000 0000 0000 00000"
        )
        # Byte alignment counts from the beginning of the configuration.
        used = len(f"00010 0011 0000 000 {program}".replace(" ", ""))
        padding = "0" * (-used % 8)
        for text in (
            LC_48000_STEREO,
            "00010 1111 000000001011101110000000 0010 000",  # a frequency of its own
            "00101 0110 0010 0011 00010 000",  # SBR
            "11101 0110 0001 0011 00010 000",  # PS
            "00101 0110 0010 1111 000000001011101110000000 00010 000",  # SBR, of its own
            "00010 0011 0010 1 1 00000000000001 0",  # 960 samples, coreCoderDelay
            "00010 0011 0010 0 0 1 0",  # an extension
            f"00010 0011 0000 000 {program} {padding} 00000010 {raw(b'hi')}",
        ):
            expected = bits(text)
            self.assertEqual(units(sync(config(text), unit(b"x"))), [(expected, b"x")], text)

    def test_refused(self) -> None:
        """What DVB does not allow is passed over, and does not harm what follows."""
        good = sync(config(), unit(b"good"))
        for wrong in (
            config("11111 000111 0011 0010 000"),  # USAC
            config("10001 0011 0010 000"),  # error resilient
            config(programs="0001 000"),
            config(programs="0000 001"),
            config(length="011 000000"),
        ):
            self.assertEqual(units(sync(wrong, unit(b"x")) + good), [(CONFIG, b"good")], wrong)

    def test_between_elements(self) -> None:
        """Garbage between elements is passed over."""
        good = sync(config(), unit(b"good"))
        for junk in (b"", b"\x56", b"\x56\xe0", b"\x56\xff\xff", b"\x00\xff" * 9):
            self.assertIn((CONFIG, b"good"), units(junk + good + junk))

    def test_cut_short(self) -> None:
        """An element that is cut short gives nothing."""
        good = sync(config(), unit(b"good"))
        for size in range(len(good)):
            self.assertEqual(units(good[:size]), [])


class FuzzTests(SynchronousTestCase):
    """Anything may come in."""

    @given(st.binary(max_size=300))
    @fast
    def test_garbage(self, data: bytes) -> None:
        """Garbage gives no error, and no more bytes than it has."""
        self.assertLessEqual(sum(len(found) for _, found in units(data)), len(data))

    @given(st.binary(max_size=60))
    @fast
    def test_element(self, body: bytes) -> None:
        """Garbage in an element gives no error, and no more bytes than it has."""
        data = (0x2B7 << 13 | len(body)).to_bytes(3, "big") + body
        self.assertLessEqual(sum(len(found) for _, found in units(data)), len(data))

    @given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5))
    @fast
    def test_damaged(self, damage: list[tuple[int, int]]) -> None:
        """Real elements with some bytes changed give no error, and no more bytes than they have."""
        clip = media.clip(container="latm", seconds=0.1, channels=6).read_bytes()
        data = bytearray(clip[: len(clip) // 2])
        for at, value in damage:
            data[at % len(data)] = value
        self.assertLessEqual(sum(len(found) for _, found in units(bytes(data))), len(data))
