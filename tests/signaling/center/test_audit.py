import msgspec
import pytest

from signaling.center.audit import FIRST, AuditEvent, AuditRow, canonical, link, verify
from vault.pii import Pii

EVENT = AuditEvent(
    1.5, "user-1", "192.0.2.1", "ListenCallRecording", "recording/contact-1", "allowed", {"b": "2", "a": "1"}
)


def a_chain(length: int) -> list[AuditRow]:
    rows: list[AuditRow] = []
    for number in range(length):
        rows.append(link("1", "acme", rows[-1] if rows else None, msgspec.structs.replace(EVENT, at=float(number))))
    return rows


def test_a_chain_holds() -> None:
    rows = a_chain(5)
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5] and rows[0].previous == FIRST
    check = verify("1", "acme", rows)
    assert (check.rows, check.head, check.broken) == (5, rows[-1].hash, None)


def test_it_can_be_followed_piece_by_piece() -> None:
    rows = a_chain(5)
    assert verify("1", "acme", rows[2:], since=verify("1", "acme", rows[:2])) == verify("1", "acme", rows)


@pytest.mark.parametrize(
    "change",
    [
        {"at": 9.0}, {"actor": "user-2"}, {"source": "192.0.2.2"}, {"action": "SignIn"},
        {"resource": "recording/contact-2"}, {"outcome": "refused"},
        {"detail": {"a": "1"}}, {"detail": {"a": "1", "b": "3"}},
    ],
)  # fmt: skip
def test_a_changed_row_is_named(change: dict[str, object]) -> None:
    rows = a_chain(5)
    rows[2] = msgspec.structs.replace(rows[2], event=msgspec.structs.replace(rows[2].event, **change))
    check = verify("1", "acme", rows)
    assert (check.rows, check.broken) == (2, 3)


def test_missing_swapped_and_inserted_rows_are_named() -> None:
    rows = a_chain(5)
    assert verify("1", "acme", rows[:2] + rows[3:]).broken == 3
    assert verify("1", "acme", rows[1:]).broken == 1
    assert verify("1", "acme", [rows[0], rows[2], rows[1], *rows[3:]]).broken == 2
    assert verify("1", "acme", [*rows[:3], rows[2], *rows[3:]]).broken == 4


def test_a_rewritten_row_breaks_the_next() -> None:
    rows = a_chain(5)
    forged = link("1", "acme", rows[1], msgspec.structs.replace(EVENT, actor="nobody"))
    assert verify("1", "acme", [*rows[:2], forged, *rows[3:]]).broken == 4


def test_a_chain_is_one_tenants() -> None:
    assert verify("1", "rival", a_chain(1)).broken == 1


def test_personal_values_are_kept_as_dots() -> None:
    row = link("1", "acme", None, msgspec.structs.replace(EVENT, detail={"number": Pii("+49171")}))
    assert row.event.detail == {"number": "•••"}
    assert verify("1", "acme", [row]).broken is None


def test_no_two_rows_are_written_alike() -> None:
    one = msgspec.structs.replace(EVENT, actor='a","b', source="c")
    other = msgspec.structs.replace(EVENT, actor="a", source='b","c')
    assert canonical("1", "acme", 1, one) != canonical("1", "acme", 1, other)
    assert canonical("1", "acme", 1, EVENT) == canonical(
        "1", "acme", 1, msgspec.structs.replace(EVENT, detail={"a": "1", "b": "2"})
    )
