import asyncio
import os
import sys

import numpy as np

from bench.call.sounds import Tone
from bench.instance import NUMBER, make_instance
from bench.processes import cpu_seconds, machine, versions
from bench.recorded_calls import agent_tone, caller_tone, loudest


def test_every_call_has_tones_of_its_own_that_are_told_apart() -> None:
    frequencies = [caller_tone(n) for n in range(50)] + [agent_tone(n) for n in range(50)]
    assert len(set(frequencies)) == 100
    assert max(frequencies) < 3400
    for frequency in (caller_tone(0), agent_tone(49)):
        assert loudest(Tone(frequency, 8000).take(32000), 8000) == frequency
    assert loudest(np.zeros(32000, np.int16), 8000) == 0
    assert loudest(np.zeros(10, np.int16), 8000) == 0


def test_an_instance_has_its_agents() -> None:
    instance = make_instance(3)
    assert [one["username"] for one in instance.sign_ins] == ["agent0", "agent1", "agent2"]
    assert instance.document["numbers"] == [{"number": NUMBER, "flow": instance.document["flows"][0]["id"]}]


async def test_time_of_descendants_is_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True); input()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", burn, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    assert cpu_seconds(os.getpid())["other"] >= 0.15
    assert cpu_seconds(process.pid).keys() == {"supervisor"}
    await process.communicate(b"\n")


def test_the_machine_is_named() -> None:
    assert machine()["cores"] and machine()["python"]
    assert versions()["numpy"][0].isdigit()
