"""
RTMP: senders connect and publish, in the protocol of OBS, phones and hardware encoders.

The core needs no network: bytes go in, typed events and bytes to send come out::

    bytes ---> Handshake ---> ChunkReader ---> Session ---> events
                                                  '-------> bytes to send

L{mkvtwist.inputs.rtmp.connection} puts it on a transport. The media go on as FLV, so that
libavformat reads them as it reads any other sender's.
"""
