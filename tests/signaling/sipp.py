"""sipp scenarios written as steps: what sipp sends and what it must get, in order, or the call counts as failed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

SDP = (
    "v=0\n"
    "o=sipp 1 [call_number] IN IP4 [local_ip]\n"
    "s=-\n"
    "c=IN IP4 [local_ip]\n"
    "t=0 0\n"
    "m=audio 6000 RTP/AVP 0\n"
    "a={direction}\n"
)
_OURS = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}"
_CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"


def offer(direction: str = "sendrecv") -> str:
    return SDP.format(direction=direction)


def send(method: str, number: int, *more: str, body: str = "", branch: str = "[branch]") -> str:
    """A request of the calling sipp; `branch="[branch-N]"`: that of its message N steps before."""
    return _send(
        f"{method} sip:493012345@[remote_ip]:[remote_port] SIP/2.0",
        _OURS.format(branch=branch),
        "From: <sip:+4917@sipp.test>;tag=s[call_number]",
        "To: <sip:493012345@pbx.test>[peer_tag_param]",
        "Call-ID: [call_id]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        _CONTACT,
        *more,
        body=body,
    )


def ask(method: str, number: int, *more: str, body: str = "") -> str:
    """A request of the called sipp, in the call."""
    return _send(
        f"{method} sip:us@pbx.test SIP/2.0",
        _OURS.format(branch="[branch]"),
        "From:[$to];tag=s[call_number]",
        "To:[$from]",
        "Call-ID: [call_id]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        _CONTACT,
        *more,
        body=body,
    )


def answer(
    status: int, *more: str, body: str = "", invite: bool = False, in_call: bool = False, branch: str = "s"
) -> str:
    """To the request that came last; `invite`: to the INVITE, whatever came since; `branch`: of a call that forks."""
    tag = "" if in_call else f";tag={branch}[call_number]"
    last = ["Via", "From", "To", "CSeq"]
    if invite:
        fields = ["Via:[$via]", "From:[$from]", f"To:[$to]{tag}", "CSeq:[$cseq]"]
    else:
        fields = [f"[last_{name}:]" + (tag if name == "To" else "") for name in last]
    return _send(f"SIP/2.0 {status} x", *fields, "Call-ID: [call_id]", _CONTACT, *more, body=body)


def get(what: str | int, *, optional: bool = False, keep: dict[str, str] | None = None, check: str = "") -> str:
    """A request or a response must come. `keep`: variables for header values; `check`: what must stand in it."""
    kind = f'response="{what}"' if isinstance(what, int) else f'request="{what}"'
    actions = "".join(
        f'<ereg regexp=".*" search_in="hdr" header={quoteattr(header + ":")} assign_to="{name}"/>'
        for name, header in (keep or {}).items()
    )
    if check:
        actions += f'<ereg regexp={quoteattr(check)} search_in="msg" check_it="true" assign_to="checked"/>'
    wanted = ' optional="true"' if optional else ""
    return f"<recv {kind}{wanted}><action>{actions}</action></recv>" if actions else f"<recv {kind}{wanted}/>"


def invited(*, check: str = "") -> str:
    """The INVITE comes to the called sipp, which can answer it later."""
    return get("INVITE", keep={"via": "Via", "from": "From", "to": "To", "cseq": "CSeq"}, check=check)


def pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>'


def _send(start: str, *fields: str, body: str = "") -> str:
    kind = ["Content-Type: application/sdp"] if body and not any("Content-Type" in field for field in fields) else []
    lines = [start, *fields, *kind, "Content-Length: [len]", "", body]
    return f"<send><![CDATA[\n{chr(10).join(lines)}\n]]></send>"


async def run(steps: Sequence[str], folder: Path, *arguments: str) -> int:
    """sipp's exit status: 0 if every call went by the steps."""
    names = sorted(
        {
            name
            for name in ("via", "from", "to", "cseq", "rseq", "checked")
            if any(f'assign_to="{name}"' in step for step in steps)
        }
    )
    unused = f'<Reference variables="{",".join(names)}"/>' if names else ""
    file = folder / "scenario.xml"
    file.write_text(f'<?xml version="1.0"?><scenario name="{escape(folder.name)}">{"".join(steps)}{unused}</scenario>')
    process = await asyncio.create_subprocess_exec(
        "sipp", "-sf", str(file), "-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "15", "-recv_timeout", "12000",
        "-trace_err", *arguments,
        cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()
