"""relay.passing.outbound's packets by relay/lines/_runs.c: made, protected and sent in one call."""

from typing import Any

import numpy as np

from relay.lines import Lines
from relay.lines._native import ffi, lib
from relay.lines.batch import Column
from relay.lines.native import NativeLines
from relay.passing.native_steps import failures
from relay.passing.outbound import Columns, Heard


class NativePackets:
    """Raises TypeError for lines that are not native."""

    def __init__(self, lines: Lines) -> None:
        if not isinstance(lines, NativeLines):
            raise TypeError("not native lines")
        self._lines = lines
        self._failed = np.zeros((0, 2), np.int64)

    def send(self, rows: Column, columns: Columns, heard: Heard) -> None:
        self._lines.flush()
        if len(rows) > len(self._failed):
            self._failed = np.zeros((2 * len(rows), 2), np.int64)
        failed = lib.lines_send_mixes(
            self._lines.table,
            len(rows),
            ffi.from_buffer("int64_t[]", rows),
            ffi.from_buffer("int64_t[][5]", columns.fixed),
            ffi.from_buffer("int64_t[][3]", columns.next),
            ffi.from_buffer("int64_t[][3]", columns.sent),
            [_heard(heard)],
            ffi.from_buffer("int64_t[][2]", self._failed),
        )
        if failed:
            self._lines.tell_failed(failures(self._failed[:failed]))


def _heard(heard: Heard) -> Any:
    """As the C code has it; to be used at once."""
    voices = heard.voices
    return (
        ffi.from_buffer("uint8_t[]", heard.octets),
        heard.octets.shape[1],
        ffi.from_buffer("int64_t[]", heard.mixes),
        ffi.from_buffer("uint8_t[]", voices.octets),
        voices.octets.shape[1],
        ffi.from_buffer("int64_t[]", voices.sizes),
        ffi.from_buffer("int64_t[]", voices.places),
    )
