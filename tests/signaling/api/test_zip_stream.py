import io
import zipfile
from collections.abc import AsyncIterator

from signaling.api.zip_stream import ZipStream

AT = (2026, 11, 24, 12, 0, 0)


async def given(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_pieces_come_as_they_are_made_and_make_an_archive() -> None:
    archive, sent = ZipStream(AT), []
    async for data in archive.add("a/one.wav", given(b"1" * 5000, b"", b"2" * 3000)):
        sent.append(data)
    assert len(sent[0]) >= 5000
    sent += [data async for data in archive.add("empty", given())]
    sent.append(archive.finish())
    with zipfile.ZipFile(io.BytesIO(b"".join(sent))) as read:
        assert read.testzip() is None
        assert read.read("a/one.wav") == b"1" * 5000 + b"2" * 3000
        assert read.read("empty") == b""
        assert read.getinfo("a/one.wav").date_time == AT
