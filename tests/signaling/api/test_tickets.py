import pytest

from signaling.api.tickets import FRESH, IDLE, LONGEST, PER_USER, BadTicket, Grant, Purpose, Tickets

SAM = "i/sam"


def a_grant(purpose: Purpose = "LISTEN", owner: str = SAM) -> Grant:
    return Grant(owner, purpose, ("c-1",))


def why(tickets: Tickets, token: str, owner: str, now: float) -> str:
    with pytest.raises(BadTicket) as refused:
        tickets.use(token, owner, now)
    return refused.value.why


def test_a_player_goes_on_for_as_long_as_it_asks() -> None:
    tickets = Tickets()
    token, now = tickets.issue(a_grant(), 0.0).reveal(), FRESH
    assert tickets.use(token, SAM, now)
    while now < LONGEST - IDLE:
        now += IDLE
        assert not tickets.use(token, SAM, now)
    assert why(tickets, token, SAM, LONGEST + 1) == "expired"


@pytest.mark.parametrize("purpose", ["DOWNLOAD", "EXPORT"])
def test_others_are_good_for_once_unless_it_came_to_nothing(purpose: Purpose) -> None:
    tickets = Tickets()
    token = tickets.issue(a_grant(purpose), 0.0).reveal()
    assert tickets.use(token, SAM, 1.0)
    tickets.give_back(token)
    assert tickets.use(token, SAM, 2.0)
    tickets.goes_on(token, 3.0)
    assert why(tickets, token, SAM, 4.0) == "used"


def test_what_is_wrong_with_a_ticket_is_known() -> None:
    tickets = Tickets()
    token = tickets.issue(a_grant(), 0.0).reveal()
    assert why(tickets, token, "i/eve", 1.0) == "foreign"
    assert why(tickets, token, SAM, FRESH + 0.1) == "expired"
    assert why(tickets, "\ud800", SAM, 1.0) == "unknown"
    assert tickets.look(token, SAM, 1.0) == a_grant()


def test_who_asks_for_many_loses_his_oldest_and_nobody_elses() -> None:
    tickets = Tickets()
    theirs = tickets.issue(a_grant(owner="i/eve"), 0.0).reveal()
    mine = [tickets.issue(a_grant(), 0.0).reveal() for _ in range(PER_USER + 1)]
    assert len(set(mine)) == PER_USER + 1
    assert why(tickets, mine[0], SAM, 1.0) == "unknown"
    assert tickets.use(mine[1], SAM, 1.0) and tickets.use(theirs, "i/eve", 1.0)


def test_what_is_given_back_late_does_no_harm() -> None:
    tickets = Tickets()
    issued = tickets.issue(a_grant(), 0.0).reveal()
    tickets.give_back("never issued")
    tickets.goes_on("never issued", 1.0)
    assert why(tickets, "never issued", SAM, 1.0) == "unknown"
    assert tickets.use(issued, SAM, 1.0)
