"""
HTTP Live Streaming: the ring's fragments as parts, segments and playlists (I{pure}).

Sources: RFC 8216, and the draft of its second edition, draft-pantos-hls-rfc8216bis-16 (called "the
draft" below).

The rules:

 1. A segment is a GOP, or as many as it takes to be
    L{SHORTEST<mkvtwist.outputs.segmented.cutter.SHORTEST>} long; while no pictures come it is cut
    by time, as L{mkvtwist.live.segmenter} says. It is cut when its first packet comes, with or
    without viewers, so its number, its parts and its bytes are the same for all clients, for ever.
 2. Segments are numbered on and on, over all periods. The first number is the second in which
    the stream was started: a segment is hardly shorter than a second, so after a restart of the
    server the numbers go on behind the old ones. The URLs also name the start to the millisecond:
    none is ever used for other bytes.
 3. A part is a run of packets of about L{PART<mkvtwist.outputs.segmented.targets.PART>}, whatever
    arrived together. It ends when the packet comes that does not fit: then its duration is known,
    and the next part, which the playlist announces, is sure to come. The part target is chosen with
    the first part of a period, so that whole pictures fill it, and stays while the tracks stay.
 4. Times are the decoding times of the video (without one: of all sounds), and where one segment or
    part ends the next one begins: durations sum up. If no picture has come for
    L{STILL<mkvtwist.outputs.segmented.media_clock.STILL>}, the time goes on with the other tracks,
    from the last picture on; a part or segment that begins with one of these is not independent.
 5. Half of what the ring keeps is listed, the other half is for clients that have an older
    playlist. The first segment that is listed never goes back. There are no holes: with a segment
    whose beginning the ring has lost all before it are gone. One that still grows then is given up,
    and the next keyframe begins another.
 6. The main playlist has the picture and the sound that plays unasked. If there are several sounds,
    each has a playlist of its own, and so have the picture and each track of text. All are cut in
    the same places, with the same numbers: what differs is which packets are taken from the same
    fragments. So there is one for any choice of tracks. If the tracks have changed, and a choice
    has nothing, or something of another kind, there is a gap.
 7. The target duration never shrinks. It rises when a GOP becomes longer than all before: once by
    half again while it still grows, since a playlist may not have what is longer than it says.
 8. While a GOP grows beyond all that is kept, the last segment before it is listed as a gap, since
    parts alone are no playlist, and players of the parts would lose the stream.

::

    period:   |              A                    |             B
    segments:    | n       | n+1         | n+2       | n+3      | n+4 ...
    parts:                               | 0 | 1 | 2 | 0 | 1 | 2| 0 | 1 |
                 listed from here on ->                DISCONTINUITY    ^ announced: PRELOAD-HINT

    - L{choices<mkvtwist.outputs.segmented.choices>} says which tracks are in which playlist
    - L{segments<mkvtwist.outputs.segmented.segments>} has segments, parts, and their bytes
    - L{cutter<mkvtwist.outputs.segmented.cutter>} cuts them, by the time of
      L{media_clock<mkvtwist.outputs.segmented.media_clock>} and the durations of
      L{targets<mkvtwist.outputs.segmented.targets>}
    - L{snapshot<mkvtwist.outputs.segmented.snapshot>} is what can be listed at one moment;
      L{hls<mkvtwist.outputs.segmented.hls>} writes playlists of it
    - L{addresses<mkvtwist.outputs.segmented.addresses>} names pieces, and
      L{pieces<mkvtwist.outputs.segmented.pieces>} finds their bytes
    - L{registry<mkvtwist.outputs.segmented.registry>} lists what a player can load first
    - L{viewers<mkvtwist.outputs.segmented.viewers>} counts the addresses that watch
"""
