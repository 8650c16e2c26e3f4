from pathlib import Path

import pytest

from recorder.delivery.places import EARLIER, NAME, Places, Tenant
from recorder.delivery.storage import Storage
from recorder.errors import NoSuchObject

ACME, RIVAL = Tenant("1", "acme"), Tenant("1", "rival")
BUCKET = Storage(bucket="acme-calls", prefix="a/")


async def test_what_was_said_last_is_kept(tmp_path: Path) -> None:
    places = Places.open(tmp_path)
    assert places.current(ACME).name == "directory"
    await places.configure(ACME, BUCKET)
    for known in (places, Places.open(tmp_path)):
        assert known.current(ACME).storage == BUCKET
        assert known.current(ACME).name == "s3/acme-calls/a/"
        assert known.current(RIVAL).name == "directory"
    assert not {path.name for path in tmp_path.iterdir()} - {NAME}


async def test_earlier_places_are_read_from_and_found_by_name(tmp_path: Path) -> None:
    places = Places.open(tmp_path)
    await places.configure(ACME, BUCKET)
    await places.configure(ACME, Storage(bucket="acme-new"))
    names = ["s3/acme-new/", "s3/acme-calls/a/", "directory"]
    assert [place.name for place in places.all_of(ACME)] == names
    assert [places.named(ACME, name).name for name in (*names, "unknown")] == [*names, names[0]]
    await places.configure(ACME, Storage(bucket="acme-new", lock="governance", retention_days=3))
    assert [place.name for place in places.all_of(ACME)] == names
    for number in range(2 * EARLIER):
        await places.configure(ACME, Storage(bucket=f"bucket-{number}"))
    assert len(places.all_of(ACME)) == EARLIER + 1


async def test_one_store_is_made_for_one_place(tmp_path: Path) -> None:
    places = Places.open(tmp_path)
    for tenant in (ACME, RIVAL):
        await places.configure(tenant, BUCKET)
    assert places.current(ACME).store is places.current(RIVAL).store
    await places.close()


async def test_what_is_nowhere_is_not_found(tmp_path: Path) -> None:
    places = Places.open(tmp_path)
    with pytest.raises(NoSuchObject):
        await places.reader(ACME, "a/b.wav")
    assert [key async for _, key in places.keys(ACME)] == []
