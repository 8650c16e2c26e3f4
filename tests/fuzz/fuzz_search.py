"""The body of a search is read to a query that keeps to its bounds, or is refused; so is the page token in it."""

import msgspec

from signaling.api.contacts import Search, query_of
from signaling.store import InvalidQuery
from signaling.store.search import PAGE, RESULTS, WINDOW, Position, check, read_token, write_token

SEEDS: list[bytes] = [
    b'{"InstanceId":"i","TimeRange":{"Type":"INITIATION_TIMESTAMP","StartTime":1,"EndTime":2.5},"MaxResults":10}',
    b'{"InstanceId":"i","TimeRange":{"Type":"INITIATION_TIMESTAMP","StartTime":-1e9,"EndTime":1e9},"SearchCriteria":'
    b'{"AgentIds":["a"],"QueueIds":[],"InitiationMethods":["INBOUND"],"CustomerEndpoint":"+1"},"NextToken":"'
    + write_token(Position(1.5, "contact-1", 100)).encode()
    + b'"}',
]


def one_input(data: bytes) -> None:
    try:
        query = query_of(msgspec.json.decode(data, type=Search))
        check(query)
        position = read_token(query.token)
    except (msgspec.MsgspecError, InvalidQuery, RecursionError, UnicodeDecodeError):
        return
    assert 0 <= query.end - query.start <= WINDOW and 1 <= query.limit <= PAGE and position.seen <= RESULTS


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
