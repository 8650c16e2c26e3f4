from signaling.sip.guard import Strangers


def test_one_answer_a_second_per_source() -> None:
    strangers = Strangers(10)
    assert [strangers.may_answer("a", at) for at in (1.0, 1.5, 1.999, 2.0, 2.5)] == [True, False, False, True, False]
    assert strangers.may_answer("b", 1.5)


def test_table_does_not_grow_and_does_not_forget_the_fresh() -> None:
    strangers = Strangers(3)
    assert [strangers.may_answer(host, 1.0) for host in "abcde"] == [True, True, True, False, False]
    assert not strangers.may_answer("a", 1.5)
    assert [strangers.may_answer(host, 2.0) for host in "defg"] == [True, True, True, False]
