"""
Output formats: packets to bytes (I{pure}).

    - L{base<mkvtwist.formats.base>} says what a format is, L{registry<mkvtwist.formats.registry>}
      lists all of them
    - L{matroska<mkvtwist.formats.matroska>}, L{webm<mkvtwist.formats.webm>},
      L{mp4<mkvtwist.formats.mp4>}, L{mpegts<mkvtwist.formats.mpegts>},
      L{flv<mkvtwist.formats.flv>}, L{mp3<mkvtwist.formats.mp3>},
      L{aac<mkvtwist.formats.aac>}, L{ogg<mkvtwist.formats.ogg>},
      L{flac<mkvtwist.formats.flac>} and L{webvtt<mkvtwist.formats.webvtt>} are the formats
    - L{choice<mkvtwist.formats.choice>} says which tracks are sent in one, and what would work
      instead
    - L{replay<mkvtwist.formats.replay>} writes finite files, of any format that has a layout for
      them
"""
