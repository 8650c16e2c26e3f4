"""The transaction table against the figures of RFC 3261 §17 and RFC 6026."""

import pytest

from signaling.sip.exchanges.table import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Action,
    Event,
    State,
    Table,
    Timer,
    response_event,
)

TABLES = [INVITE_CLIENT, CLIENT, INVITE_SERVER, SERVER]


@pytest.mark.parametrize("table", TABLES)
def test_every_state_is_reached_and_can_end(table: Table) -> None:
    reached, ends = {State.NEW}, {State.TERMINATED}
    for _ in State:
        reached |= {row[0] for (state, _), row in table.items() if state in reached}
        ends |= {state for (state, _), row in table.items() if row[0] in ends}
    assert reached == {state for state, _ in table} | {State.TERMINATED}
    assert reached <= ends


@pytest.mark.parametrize("table", TABLES)
def test_every_timer_that_is_started_has_a_row(table: Table) -> None:
    for next_state, moves in table.values():
        for timer in (move for move in moves if isinstance(move, Timer)):
            assert (next_state, timer) in table


@pytest.mark.parametrize("table", TABLES)
def test_no_state_waits_without_a_timer_but_for_the_user_or_the_ringing(table: Table) -> None:
    waiting = {state for state, _ in table} - {state for state, event in table if isinstance(event, Timer)}
    assert waiting <= {State.NEW, State.TRYING, State.PROCEEDING}


@pytest.mark.parametrize(
    ("table", "state", "event", "next_state", "actions"),
    [
        (INVITE_CLIENT, State.CALLING, Event.FAILURE, State.COMPLETED, {Action.ACK, Action.PASS}),
        (INVITE_CLIENT, State.PROCEEDING, Event.SUCCESS, State.ACCEPTED, {Action.PASS}),
        (INVITE_CLIENT, State.ACCEPTED, Event.SUCCESS, State.ACCEPTED, {Action.PASS}),
        (INVITE_CLIENT, State.COMPLETED, Event.FAILURE, State.COMPLETED, {Action.ACK}),
        (INVITE_SERVER, State.COMPLETED, Event.ACK, State.CONFIRMED, set()),
        (INVITE_SERVER, State.ACCEPTED, Event.ACK, State.ACCEPTED, {Action.PASS}),
        (CLIENT, State.TRYING, Timer.F, State.TERMINATED, {Action.TIMEOUT}),
        (SERVER, State.COMPLETED, Event.REQUEST, State.COMPLETED, {Action.SEND}),
    ],
)
def test_rows_of_the_figures(
    table: Table, state: State, event: Event | Timer, next_state: State, actions: set[Action]
) -> None:
    row = table[state, event]
    assert row[0] is next_state
    assert {move for move in row[1] if isinstance(move, Action)} == actions


def test_rows_that_must_not_be() -> None:
    assert (State.ACCEPTED, Event.FAILURE) not in INVITE_CLIENT
    assert (State.ACCEPTED, Event.REQUEST) not in INVITE_SERVER
    assert (State.TRYING, Event.REQUEST) not in SERVER


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (100, Event.PROVISIONAL),
        (199, Event.PROVISIONAL),
        (200, Event.SUCCESS),
        (300, Event.FAILURE),
        (603, Event.FAILURE),
    ],
)
def test_response_event(status: int, event: Event) -> None:
    assert response_event(status) is event
