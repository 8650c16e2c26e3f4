import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.api.errors import RangeNotSatisfiable
from signaling.api.ranges import Span, span_of


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-499", Span(0, 500)),
        ("bytes=500-999", Span(500, 1000)),
        ("bytes=-500", Span(500, 1000)),
        ("bytes=-5000", Span(0, 1000)),
        ("bytes=999-", Span(999, 1000)),
        ("bytes=0-", Span(0, 1000)),
        ("Bytes=3-3", Span(3, 4)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("", None),
    ],
)
def test_ranges_as_rfc_9110_has_them(header: str | None, span: Span | None) -> None:
    assert span_of(header, 1000) == span


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-2000", "bytes=-0"])
def test_what_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        span_of(header, 1000)
    assert refused.value.total == 1000


@given(st.text(st.sampled_from("bytes=-0123456789, ")), st.integers(1, 10**6))
def test_a_span_lies_within_the_whole(header: str, total: int) -> None:
    try:
        span = span_of(header, total)
    except RangeNotSatisfiable:
        return
    assert span is None or 0 <= span.start < span.end <= total
