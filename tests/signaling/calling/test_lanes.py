import asyncio

from signaling.calling.lanes import Lanes


async def test_work_of_a_lane_keeps_its_order_and_lanes_do_not_wait() -> None:
    lanes, done, gate = Lanes(), list[str](), asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        done.append("a1")

    async def note(name: str) -> None:
        done.append(name)
        if name == "b1":
            gate.set()

    lanes.add("a", slow)
    lanes.add("a", lambda: note("a2"))
    lanes.add("b", lambda: note("b1"))
    await lanes.empty()
    assert done == ["b1", "a1", "a2"]


async def test_a_fault_does_not_stop_the_lane() -> None:
    lanes, done = Lanes(), list[str]()

    async def fail() -> None:
        raise RuntimeError("broken")

    async def note() -> None:
        done.append("after")

    lanes.add("a", fail)
    lanes.add("a", note)
    await lanes.empty()
    assert done == ["after"]
