"""What a person is told when the node is ready. Pure."""

import msgspec


class Addresses(msgspec.Struct, frozen=True):
    """What is listened on."""

    host: str
    """What peers reach."""
    http: int
    softphone: int
    sip: int
    sip_tls: int
    listening: str = ""
    """The address that sockets are bound to."""
    number: str = ""
    """One that can be called."""


class SignIn(msgspec.Struct, frozen=True):
    """Of the demo instance only."""

    instance: str
    username: str
    password: str
    role: str


def banner(addresses: Addresses, sign_ins: tuple[SignIn, ...], log: str = "") -> str:
    """A few readable lines: console, sign-ins, SIP address and number, a test call, where the log is."""
    host = f"[{addresses.host}]" if ":" in addresses.host else addresses.host
    lines = ["", "Telephonist is ready.", "", f"  Console     https://{host}:{addresses.http}/"]
    lines += [
        f"  {sign_in.role:<10}  instance {sign_in.instance}, user {sign_in.username}, password {sign_in.password}"
        for sign_in in sign_ins
    ]
    lines += [f"  SIP         {host}:{addresses.sip} (UDP, TCP), {host}:{addresses.sip_tls} (TLS)"]
    if addresses.number:
        server = "" if addresses.sip == 5060 and host == "127.0.0.1" else f" --server {host}:{addresses.sip}"
        lines += [
            f"  Number      {addresses.number}",
            f"  Test call   .venv/bin/telephonist call {addresses.number}{server}",
        ]
    if log:
        lines += [f"  Log         {log}"]
    return "\n".join([*lines, "", "  The certificate is self-signed unless you configured one. Ctrl-C stops.", ""])
