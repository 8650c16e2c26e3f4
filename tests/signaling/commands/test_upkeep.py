"""`telephonist apply` and `telephonist audit verify` on real data directories."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from signaling.commands.cli import main
from signaling.commands.instance_file import parse_instance
from signaling.commands.upkeep import change, opened
from signaling.node.places import Places
from tests.signaling.center.floor_plan import TENANT, directory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "d"


def apply(data: Path, **tenant: str) -> Result:
    content: dict[str, Any] = msgspec.to_builtins(directory())
    content["tenant"] |= tenant
    content["users"] = [{**content["users"][0], "password": "correct horse"}]
    path = data.parent / "instance.json"
    path.write_bytes(msgspec.json.encode(content))
    return CliRunner().invoke(main, ["apply", str(path), "--data", str(data)])


def verify(data: Path) -> Result:
    return CliRunner().invoke(main, ["audit", "verify", "--data", str(data)])


def test_an_applied_instance_leaves_a_row_and_the_trail_holds(data: Path) -> None:
    assert apply(data).exit_code == 0
    assert apply(data).exit_code == 0

    async def rows() -> list[Any]:
        async with opened(Places(data)) as store:
            return [row.event for row in await store.audit_events(TENANT)]

    events = asyncio.run(rows())
    assert [(event.action, event.resource, event.outcome) for event in events] == [
        ("ApplyInstance", "instance/instance-1", "allowed")
    ] * 2
    assert events[0].detail["users"] == "1" and "correct horse" not in repr(events)
    told = verify(data)
    assert told.exit_code == 0
    assert told.output.startswith("acme: 2 rows hold, head ")
    assert "(no instance): 0 rows hold" in told.output


def test_a_changed_row_is_found(data: Path) -> None:
    for _ in range(3):
        apply(data)
    connection = sqlite3.connect(Places(data).database)
    connection.execute("DROP TRIGGER audit_events_no_update")
    connection.execute("UPDATE audit_events SET actor = 'nobody' WHERE sequence = 2")
    connection.commit()
    connection.close()
    told = verify(data)
    assert told.exit_code == 1
    assert "acme: row 2 is changed, missing or out of place; 1 rows hold" in told.output


def test_what_cannot_be_done_is_one_line(data: Path) -> None:
    missing = verify(data)
    assert (missing.exit_code, missing.output.count("\n")) == (2, 1)
    assert not data.exists()
    apply(data)
    for changes, complaint in (({"instance": "other"}, "alias acme"), ({"account": "9"}, "belongs to another account")):
        refused = apply(data, **changes)
        assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
        assert complaint in refused.output
    Places(data).database.write_bytes(b"no database at all" * 100)
    broken = apply(data)
    assert (broken.exit_code, broken.output.count("\n")) == (2, 1)


def test_who_was_refused_a_change_is_in_the_trail() -> None:
    text = msgspec.json.encode(msgspec.to_builtins(directory()) | {"users": []}).decode()
    event = change(parse_instance(text, toml=False).directory, "refused")
    assert (event.outcome, event.actor.partition("/")[0], event.source) == ("refused", "uid", "command line")
