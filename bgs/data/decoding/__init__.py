"""Decoding that can be trusted: the right frames, or an error that names the file; never a hang."""

from bgs.data.decoding.decode import DecodedClip, DecoderName, decode, decode_clip
from bgs.data.decoding.timeline import Timeline

__all__ = ["DecodedClip", "DecoderName", "Timeline", "decode", "decode_clip"]
