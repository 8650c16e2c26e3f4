from signaling.center.resources import RoutingRow
from signaling.center.routing import Offer, Ready, Waiting, assign, next_due

SALES, SUPPORT = RoutingRow("sales", 1), RoutingRow("support", 2)


def test_longest_available_agent_gets_the_oldest_contact() -> None:
    waiting = [Waiting("young", "sales", 20), Waiting("old", "sales", 10)]
    ready = [Ready("fresh", 9, (SALES,)), Ready("rested", 5, (SALES,))]
    assert assign(waiting, ready, 30) == [Offer("old", "rested"), Offer("young", "fresh")]


def test_priority_comes_before_age() -> None:
    waiting = [Waiting("older", "support", 1), Waiting("younger", "sales", 20)]
    assert assign(waiting, [Ready("a", 0, (SUPPORT, SALES))], 30) == [Offer("younger", "a")]


def test_an_agent_gets_only_what_his_profile_serves() -> None:
    assert assign([Waiting("c", "billing", 1)], [Ready("a", 0, (SALES, SUPPORT))], 30) == []


def test_delay_holds_a_queue_back_until_the_contact_has_aged() -> None:
    delayed = Ready("a", 0, (RoutingRow("sales", 1, 60),))
    waiting = [Waiting("c", "sales", 100)]
    assert assign(waiting, [delayed], 159.9) == []
    assert next_due(waiting, [delayed], 159.9) == 160
    assert assign(waiting, [delayed], 160) == [Offer("c", "a")]
    assert next_due(waiting, [delayed], 160) is None


def test_nobody_and_nothing() -> None:
    assert assign([], [Ready("a", 0, (SALES,))], 1) == []
    assert assign([Waiting("c", "sales", 0)], [], 1) == []
