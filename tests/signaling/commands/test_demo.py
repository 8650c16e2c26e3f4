import stat
from pathlib import Path

import msgspec

from signaling.commands.demo import ensure_demo
from signaling.commands.upkeep import opened
from signaling.node.places import Places
from signaling.node.ready import SignIn
from signaling.store.demo import demo_directory
from vault.pii import Pii


async def test_the_first_start_makes_it_and_no_other_does(tmp_path: Path) -> None:
    places = Places(tmp_path)
    async with opened(places) as store:
        await ensure_demo(store, places.demo)
        sign_ins = msgspec.json.decode(places.demo.read_bytes(), type=list[SignIn])
        assert stat.S_IMODE(places.demo.stat().st_mode) == 0o600
        assert len({sign_in.password for sign_in in sign_ins}) == len(sign_ins) == 2
        for sign_in in sign_ins:
            assert await store.verify_password(sign_in.instance, sign_in.username, Pii(sign_in.password))
        [row] = await store.audit_events(demo_directory().tenant)
        assert (row.event.action, row.event.outcome) == ("ApplyInstance", "allowed")
        places.demo.unlink()
        await ensure_demo(store, places.demo)
        assert not places.demo.exists()
