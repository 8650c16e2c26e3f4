import asyncio
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from signaling.errors import ConfigError
from signaling.node.tls import Renewal, client_context, self_signed, server_context
from tests.support.authority import make_authority


def test_a_certificate_is_made_once_and_can_be_used(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path / "tls", "192.0.2.7")
    first = certificate.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert self_signed(tmp_path / "tls", "192.0.2.7")[0].read_bytes() == first
    context = server_context(certificate, key)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert all("ECDHE" in cipher["name"] or cipher["protocol"] == "TLSv1.3" for cipher in context.get_ciphers())


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.pem"):
        server_context(tmp_path / "nothing.pem", tmp_path / "nothing.key")


async def shown_by(context: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    """The certificate that a server with this context shows, in DER."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2], ssl=client)
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    server.close()
    await server.wait_closed()
    return shown


async def test_new_files_are_used_for_new_connections_and_bad_ones_never(tmp_path: Path) -> None:
    authority, name = make_authority("a"), x509.DNSName("localhost")
    first, second = authority.issue(name), authority.issue(name)
    files = first.write(tmp_path, "server")
    context, client = server_context(*files), client_context(*files)
    renewal = Renewal(lambda: files, (context, client))
    await renewal.check()
    assert await shown_by(context, client) == first.der

    files[1].write_bytes(second.key_pem)  # its certificate is still to come
    with pytest.raises(ConfigError, match=r"server\.pem"):
        await renewal.check()
    await renewal.check()  # told once
    assert await shown_by(context, client) == first.der
    second.write(tmp_path, "server")
    await renewal.check()
    assert await shown_by(context, client) == second.der
