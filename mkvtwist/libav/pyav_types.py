"""
The types of PyAV's objects that are passed around (I{pure}).

PyAV's stubs know a class of streams, packets and contexts for each type of track; what these have
in common is too little to work with.
"""

from typing import Any

AVStream = Any
AVPacket = Any
AVContext = Any
