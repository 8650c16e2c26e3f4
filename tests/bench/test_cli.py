"""`telephonist call` as a process, against a callee in this one."""

import asyncio
import json
import signal
import socket
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.call.cli import call
from bench.call.codecs import Samples
from bench.call.negotiation import Terms
from tests.bench.callee import Callee, Script, callee
from tests.bench.spectrum import tones
from tests.support.tls import make_certificate


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.call.cli", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def run(*arguments: str) -> tuple[int, str, str]:
    process = await start(*arguments)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def server(phone: Callee) -> str:
    return f"127.0.0.1:{phone.bound.udp}"


def read_wav(path: Path) -> tuple[Samples, int]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


async def test_a_good_call_over_tls_is_reported_as_json_and_recorded(tmp_path: Path) -> None:
    context, _ = make_certificate(tmp_path)
    out_file = tmp_path / "heard.wav"
    async with callee(Script(terms=Terms(("PCMU", "PCMA", "opus"), "sdes")), tls=context) as phone:
        status, out, err = await run(
            "+4930123", "--server", f"127.0.0.1:{phone.bound.tls}", "--transport", "tls",
            "--ca", str(tmp_path / "localhost.pem"), "--tone", "440", "--seconds", "1.8", "--dtmf", "7",
            "--record", str(out_file), "--json",
        )  # fmt: skip
        assert (status, err) == (0, "")
        assert tones(*phone.heard) == {440}
        assert phone.digits == "7"
    report = json.loads(out)
    assert (report["outcome"], report["encrypted"], report["status"]) == ("answered", True, 200)
    assert report["packets_received"] > 60 and report["packets_lost"] == 0
    samples, rate = read_wav(out_file)
    assert tones(samples, rate) == {700}
    assert len(samples) / rate == pytest.approx(report["seconds"], abs=0.15)


async def test_the_report_for_people() -> None:
    async with callee() as phone:
        status, out, _ = await run("1", "--server", server(phone), "--seconds", "0.3")
    assert status == 0
    assert "we hung up" in out and "200 after" in out and "jitter" in out


async def test_rejected() -> None:
    async with callee(Script(status=403, reason="Go Away")) as phone:
        status, out, err = await run("1", "--server", server(phone), "--json")
    assert status == 3
    assert json.loads(out)["reason"] == "Go Away"
    assert err.count("\n") == 1 and "403 Go Away" in err and "trunk" in err


async def test_nobody_answers() -> None:
    async with callee(Script(answers="never")) as phone:
        status, _, err = await run("1", "--server", server(phone), "--ring", "1")
    assert status == 4 and "--ring" in err


async def test_not_reachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        status, _, err = await run("1", "--server", f"127.0.0.1:{port}", "--transport", "tcp")
    assert status == 5 and "running" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dtmf", "12x"),
        ("--server", "127.0.0.1:none"),
        ("--play", "no-such-file.wav"),
        ("--tone", "440", "--voice"),
        ("--insecure",),
        ("--record", "/nowhere/heard.wav"),
    ],
)
def test_bad_arguments(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(call, ["1", *arguments])
    assert result.exit_code == 2 and result.stdout == "" and result.stderr.count("\n") == 1


async def test_ctrl_c_hangs_up_and_reports() -> None:
    async with callee() as phone:
        process = await start("1", "--server", server(phone), "--json")
        await phone.up.wait()
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        await phone.over.wait()
    assert process.returncode == 0
    assert json.loads(out)["ended_by"] == "us"


async def test_ctrl_c_while_it_rings_cancels() -> None:
    async with callee(Script(answers="never")) as phone:
        process = await start("1", "--server", server(phone))
        await phone.ringing.wait()
        process.send_signal(signal.SIGINT)
        await process.communicate()
        await phone.over.wait()
    assert process.returncode == 130
