"""Real recorders and workers are killed in recorded calls; the long run is `python -m tests.recorder.kills`."""

from pathlib import Path

from tests.recorder.kills import Shift, kill_recorder, kill_workers


async def test_a_recorder_is_killed_and_the_power_goes(tmp_path: Path) -> None:
    """Ten calls, ten kills, half of them with all that was not synced: at most half a second a party and kill, and each
    hole stands in the manifest where it is."""
    verdict = await kill_recorder(tmp_path, Shift(10, seed=7, power=True))
    assert (verdict.kills, verdict.recordings) == (10, 10)


async def test_a_killed_worker_takes_no_more_than_its_last_tenth_of_a_second_along(tmp_path: Path) -> None:
    assert (await kill_workers(tmp_path, Shift(1, seed=7))).recordings == 5
