"""A recorded run as a cluster that answers but does nothing: kubectl reads it long after the lab is down."""

from vlab.playback.recording import Recording, recording
from vlab.playback.server import serve

__all__ = ["Recording", "recording", "serve"]
