"""A worker's first calls are with itself, before it says that it is ready: code and tables that are used for the first
time are there then, and no caller waits for them."""

import logging

import structlog

from ipc.messages import Event, Refusal
from recorder.wire import Record
from relay import api
from relay.switchboard import Switchboard
from relay.tapping.tap import TapBook
from relay.tick import TICK_NS, now_ns

TICKS = 30
"""Long enough for runs to begin, and for packets to wait in columns."""
ROOMS = {"mixed": ("PCMA", "opus"), "passed": ("PCMU", "PCMU"), "passed too": ("opus", "opus")}
"""Codecs of legs that hear each other; at the other end of each is a leg of the room "all"."""
log = structlog.get_logger()
_SILENT = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def warm_up(address: str, rtp_ports: tuple[int, int]) -> None:
    """Takes ports of the worker's for a moment; where they cannot be had, the first call is slower."""
    begun = now_ns()
    board = Switchboard(rtp_ports, TapBook(_forget), _forget, _SILENT)
    try:
        everybody = [name for room in ROOMS for name in await _connect(board, room, address)]
        await _hear(board, "all", everybody)
        await board.handle(api.PlayTone("tone", "all", "ringback"))
        for turn in range(TICKS):
            board.beat()
            board.tick(begun + turn * TICK_NS)
            board.look_after_legs(begun + turn * TICK_NS, turn, TICKS)
    except (Refusal, OSError) as error:
        log.warning("! no call with itself", error=str(error))
    finally:
        board.close()
    log.info("= warm", milliseconds=round((now_ns() - begun) / 1e6))


async def _connect(board: Switchboard, room: str, address: str) -> list[str]:
    """Legs in the room, each with one in the room "all", whose names are returned."""
    near, far = ([f"{side} {room} {number}" for number in range(len(ROOMS[room]))] for side in ("near", "far"))
    for name, other, codec in zip(near, far, ROOMS[room], strict=True):
        offer = await _sdp(board, api.AddRtpLeg(name, room, address, codecs=(codec,)))
        answer = await _sdp(board, api.AddRtpLeg(other, "all", address, offer, codecs=(codec,)))
        await board.handle(api.SetAnswer(name, answer))
    await _hear(board, room, near)
    return far


async def _sdp(board: Switchboard, command: api.AddRtpLeg) -> str:
    media = await board.handle(command)
    assert isinstance(media, api.Media)
    return media.sdp


async def _hear(board: Switchboard, room: str, legs: list[str]) -> None:
    names = tuple(legs)
    await board.handle(api.SetRoom(room, groups=(api.HearAll(names, (*names, "tone")),)))


def _forget(told: Event | Record) -> None:
    """There is nobody to be told."""
