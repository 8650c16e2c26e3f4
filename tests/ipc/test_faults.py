from ipc.faults import PLACES, told


def fall(depth: int) -> None:
    if depth == 0:
        raise KeyError("+15550199")
    fall(depth - 1)


def test_kind_and_places_are_told_and_no_text() -> None:
    try:
        fall(20)
    except KeyError as error:
        line = told(error)
    assert line["error"] == "KeyError"
    places = line["at"]
    assert isinstance(places, list)
    assert len(places) == PLACES
    assert all(__file__ in place for place in places)
    assert "15550199" not in repr(line)
