import asyncio
import socket
import stat
from pathlib import Path

from ipc.listening import listen


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a_socket_takes_the_place_of_an_older_one_and_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left_behind:  # as by a process that was killed
        left_behind.bind(str(path))
    server = await listen(path, hang_up)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader, writer = await asyncio.open_unix_connection(path)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    server.close()
