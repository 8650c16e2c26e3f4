from signaling.sip.strangers import Buckets, source_of


def test_one_a_second_per_source() -> None:
    buckets = Buckets(1.0, 1.0, 10)
    assert [buckets.take("a", at) for at in (1.0, 1.5, 1.999, 2.0, 2.5)] == [True, False, False, True, False]
    assert buckets.take("b", 1.5)


def test_burst_and_rate() -> None:
    buckets = Buckets(10.0, 5.0, 10)
    assert sum(buckets.take("a", 1.0) for _ in range(20)) == 5
    assert sum(buckets.take("a", 1.0 + at / 100) for at in range(100)) == 9
    assert sum(buckets.take("a", 1000.0) for _ in range(20)) == 5


def test_what_is_given_back_was_not_taken() -> None:
    buckets = Buckets(0.0, 2.0, 10)
    for _ in range(10):
        assert buckets.take("a", 1.0)
        buckets.give_back("a")
    buckets.give_back("a")
    buckets.give_back("unknown")
    assert [buckets.take("a", 1.0) for _ in range(3)] == [True, True, False]


def test_table_does_not_grow_and_does_not_forget_the_fresh() -> None:
    buckets = Buckets(1.0, 1.0, 3)
    assert [buckets.take(host, 1.0) for host in "abcdef"] == [True, True, True, True, False, False]
    assert not buckets.take("a", 1.5)
    assert [buckets.take(host, 3.0) for host in "defg"] == [True, True, True, True]
    assert len(buckets) == 3


def test_whom_an_address_counts_for() -> None:
    assert source_of("192.0.2.1") == "192.0.2.1"
    assert source_of("2001:db8:1:2:3::4") == source_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert source_of("no:address") == "no:address"
