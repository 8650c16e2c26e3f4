"""POST /search-contacts and GET /contacts/{InstanceId}/{ContactId}: Connect's SearchContacts and DescribeContact."""

from typing import Annotated, Literal

import msgspec
from aiohttp import web

from signaling.api.bodies import body_of
from signaling.api.doors import NOTHING, Act, enter, note, of_instance, signed_in
from signaling.api.errors import InvalidParameter, NotFound
from signaling.api.parts import PARTS
from signaling.api.shapes import description, summary
from signaling.center.record import InitiationMethod
from signaling.store import ContactQuery, InvalidQuery
from signaling.store.search import PAGE
from vault.pii import Pii

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Ids = Annotated[tuple[Id, ...], msgspec.Meta(max_length=100)]


class TimeRange(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    type: Literal["INITIATION_TIMESTAMP"]
    start_time: float
    end_time: float


class Criteria(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """Criteria that we have not are refused: an answer that ignores one would be wrong."""

    agent_ids: Ids = ()
    queue_ids: Ids = ()
    initiation_methods: Annotated[tuple[InitiationMethod, ...], msgspec.Meta(max_length=100)] = ()
    customer_endpoint: Id | None = None
    """The customer's number, whole. Ours."""


class Search(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    instance_id: Id
    time_range: TimeRange
    search_criteria: Criteria = Criteria()
    max_results: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = PAGE
    next_token: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


def routes() -> list[web.RouteDef]:
    return [web.post("/search-contacts", search), web.get("/contacts/{instance}/{contact}", describe)]


async def search(request: web.Request) -> web.Response:
    signed_in(request)
    wanted = await body_of(request, Search)
    resource = of_instance(request, "contact", wanted.instance_id)
    session = await enter(request, "ContactSearch.View", "SearchContacts", resource)
    query = query_of(wanted)
    await note(request, session.principal, Act("SearchContacts", resource, detail=_detail(query)))
    try:
        page = await request.app[PARTS].store.search(session.principal.tenant, query)
    except InvalidQuery as error:
        raise InvalidParameter(str(error)) from None
    shape = {"Contacts": [summary(record) for record in page.contacts], "TotalCount": page.total}
    return web.json_response(shape | ({"NextToken": page.token} if page.token else {}))


async def describe(request: web.Request) -> web.Response:
    resource = of_instance(request, "contact", request.match_info["instance"], request.match_info["contact"])
    session = await enter(request, "ContactSearch.View", "DescribeContact", resource)
    record = await request.app[PARTS].store.contact(session.principal.tenant, resource.id)
    if record is None:
        raise NotFound(NOTHING)
    attributes = "ContactAttributes.View" in session.principal.permissions
    states = request.app[PARTS].control.states(session.principal.tenant.instance, record.contact)
    return web.json_response({"Contact": description(record, attributes, states)})


def query_of(wanted: Search) -> ContactQuery:
    """What the store is asked for."""
    criteria = wanted.search_criteria
    return ContactQuery(
        start=wanted.time_range.start_time,
        end=wanted.time_range.end_time,
        queues=criteria.queue_ids,
        agents=criteria.agent_ids,
        methods=criteria.initiation_methods,
        number=Pii(criteria.customer_endpoint) if criteria.customer_endpoint else None,
        limit=wanted.max_results,
        token=wanted.next_token,
    )


def _detail(query: ContactQuery) -> dict[str, str | Pii[str]]:
    """What was searched for, for the audit trail."""
    detail: dict[str, str | Pii[str]] = {"start": str(query.start), "end": str(query.end)}
    for name, values in (("queues", query.queues), ("agents", query.agents), ("methods", query.methods)):
        if values:
            detail[name] = " ".join(values)
    if query.number is not None:
        detail["number"] = query.number
    return detail
