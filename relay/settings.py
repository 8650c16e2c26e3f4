"""What a worker is told at its start. Pure."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    worker: str
    control: Path
    """Socket on which commands are awaited."""
    tap: Path
    """The recorder's socket."""
    address: str
    """Where browsers' media is awaited."""
    ice_port: int
    """0: any."""
    rtp_ports: tuple[int, int]
    orphan_seconds: float
    """How long calls outlive the control plane."""
