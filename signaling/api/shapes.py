"""Contact records in Amazon Connect's shapes: a contact of SearchContacts, and the Contact of DescribeContact. Pure.

`CustomerEndpoint` and `DisconnectReason` in a search, and everything under `Telephonist`, are ours.
"""

from collections.abc import Mapping
from typing import Any

from relay.api import Flow
from signaling.center.record import AgentInfo, ContactRecord, LegalHold, QualityInfo, RecordingInfo, Tombstone
from signaling.center.resources import Tenant
from signaling.center.segments import RecordingType

TYPES: tuple[RecordingType, ...] = ("AGENT", "IVR")
DELIVERED = ("verified", "released")
HIGH_LOSS, HIGH_ROUND_TRIP_MS, HIGH_JITTER_MS = 0.05, 300.0, 30.0
"""Beyond these a call is named as troubled."""
Shape = dict[str, Any]


def contact_arn(record: ContactRecord) -> str:
    return arn_of(record, record.contact)


def arn_of(owner: ContactRecord | Tenant, contact: str) -> str:
    """Of a contact of this owner's instance."""
    return f"arn:telephonist:connect::{owner.account}:instance/{owner.instance}/contact/{contact}"


def recording_of(record: ContactRecord, type: RecordingType) -> RecordingInfo | None:
    return record.recording if type == "AGENT" else record.ivr_recording


def has_recording(record: ContactRecord, type: RecordingType = "AGENT") -> bool:
    """A recording is in the record when its delivery was verified and after-contact work has ended, until it is
    deleted."""
    recording = recording_of(record, type)
    if recording is None or recording.deleted is not None:
        return False
    return record.completed is not None and recording.state in DELIVERED


def tombstone_shape(stone: Tombstone) -> Shape:
    return {"At": stone.at, "By": stone.by, "Reason": stone.reason, "Cause": stone.cause, "ErasedAt": stone.erased}


def hold_shape(hold: LegalHold) -> Shape:
    return {"At": hold.at, "By": hold.by, "Reason": hold.reason}


def summary(record: ContactRecord) -> Shape:
    """One of `Contacts` of SearchContacts."""
    agent = record.agent
    return _known(
        Id=record.contact,
        Arn=contact_arn(record),
        InitialContactId=record.initial_contact,
        PreviousContactId=record.previous_contact,
        InitiationMethod=record.initiation_method,
        Channel="VOICE",
        QueueInfo=_queue(record),
        AgentInfo={"Id": agent.id, "ConnectedToAgentTimestamp": agent.connected} if agent else None,
        InitiationTimestamp=record.initiated,
        DisconnectTimestamp=record.disconnected,
        CustomerEndpoint=_endpoint(record.customer.reveal()),
        DisconnectReason=record.disconnect_reason,
        Telephonist=_ours(record),
    )


def description(record: ContactRecord, attributes: bool, states: Mapping[RecordingType, str]) -> Shape:
    """The `Contact` of DescribeContact; `attributes`: whether the contact's attributes may be seen; `states`: of the
    recordings, while the contact goes on."""
    shown = {name: value.reveal() for name, value in record.attributes.items()}
    ours = _ours(record) | _known(
        RecordingStates=dict(states) or None,
        RecordingActs=_acts(record) or None,
        DivertedFrom=record.diverted_from.reveal() or None,
    )
    return summary(record) | _known(
        LastUpdateTimestamp=record.updated,
        ConnectedToSystemTimestamp=record.connected_to_system,
        SystemEndpoint=_endpoint(record.system),
        AgentInfo=_agent(record.agent) if record.agent else None,
        Attributes=shown if attributes else None,
        QualityMetrics=_quality(record.quality) or None,
        Recordings=_recordings(record) or None,
        Telephonist=ours,
    )


def _queue(record: ContactRecord) -> Shape | None:
    return {"Id": record.queue.id, "EnqueueTimestamp": record.queue.enqueued} if record.queue else None


def _agent(agent: AgentInfo) -> Shape:
    begun, ended = agent.after_contact_work_start, agent.after_contact_work_end
    return _known(
        Id=agent.id,
        ConnectedToAgentTimestamp=agent.connected,
        AfterContactWorkStartTimestamp=begun,
        AfterContactWorkEndTimestamp=ended,
        AfterContactWorkDuration=int(ended - begun) if begun is not None and ended is not None else None,
    )


def _recordings(record: ContactRecord) -> list[Shape]:
    """Those that can be played, and those that were deleted."""
    known = [(type, recording_of(record, type)) for type in TYPES]
    return [
        _recording(recording)
        for type, recording in known
        if recording is not None and (recording.deleted is not None or has_recording(record, type))
    ]


def _recording(recording: RecordingInfo) -> Shape:
    shape = {
        "StorageType": "S3",
        "Location": recording.key,
        "MediaStreamType": "AUDIO",
        "ParticipantType": "ALL" if recording.type == "AGENT" else "CUSTOMER",
    }
    if recording.deleted is None:
        return shape | {"Status": "AVAILABLE"}
    return shape | {"Status": "DELETED", "DeletionReason": recording.deleted.reason}


def _quality(quality: tuple[QualityInfo, ...]) -> Shape:
    """Connect's QualityMetrics; `Telephonist` holds what the score was made of."""
    return {
        info.side.title(): {
            "Audio": {
                "QualityScore": info.score,
                "PotentialQualityIssues": _issues(info),
                "Telephonist": _known(
                    Codec=info.codec, Received=_flow(info.received), Sent=_flow(info.sent), Alarms=list(info.alarms)
                ),
            }
        }
        for info in quality
    }


def _issues(info: QualityInfo) -> list[str]:
    flows = [flow for flow in (info.received, info.sent) if flow is not None]
    found = {
        "HighPacketLoss": any(flow.lost > HIGH_LOSS * flow.packets for flow in flows),
        "HighRoundTripTime": any((flow.round_trip_ms or 0) > HIGH_ROUND_TRIP_MS for flow in flows),
        "HighJitterBuffer": any(flow.jitter_ms > HIGH_JITTER_MS for flow in flows),
    }
    return [name for name, is_so in found.items() if is_so]


def _flow(flow: Flow | None) -> Shape | None:
    if flow is None:
        return None
    return _known(
        Packets=flow.packets,
        Lost=flow.lost,
        JitterMs=flow.jitter_ms,
        RoundTripMs=flow.round_trip_ms,
        MeanOpinionScore=flow.mos,
        LowestMeanOpinionScore=flow.mos_least,
    )


def _ours(record: ContactRecord) -> Shape:
    agent, queue, recording = record.agent, record.queue, record.recording
    return _known(
        Queue=queue.name if queue else None,
        QueueDuration=queue.duration if queue else None,
        Agent=agent.username if agent else None,
        AgentInteractionDuration=agent.interaction_duration if agent else None,
        CustomerHoldDuration=agent.hold_duration if agent else None,
        LongestHoldDuration=agent.longest_hold if agent else None,
        NumberOfHolds=agent.holds if agent else None,
        AgentConnectionAttempts=record.agent_connection_attempts,
        NextContactId=record.next_contact,
        CompletedTimestamp=record.completed,
        Outcome=record.outcome,
        SipStatus=record.sip_status,
        SipReason=record.sip_reason,
        Recording=_progress(recording) if recording else None,
        IvrRecording=_progress(record.ivr_recording) if record.ivr_recording else None,
        LegalHold=hold_shape(record.legal_hold) if record.legal_hold else None,
    )


def _acts(record: ContactRecord) -> list[Shape]:
    return [{"At": act.at, "Act": act.act, "Type": act.type, "By": act.by} for act in record.recording_acts]


def _progress(recording: RecordingInfo) -> Shape:
    return {
        "State": recording.state,
        "Times": recording.times,
        "DurationMs": recording.duration_ms,
        "Size": recording.size,
        "Gaps": recording.gaps,
        "Reason": recording.reason,
    } | ({"Deleted": tombstone_shape(recording.deleted)} if recording.deleted else {})


def _endpoint(address: str) -> Shape | None:
    return {"Type": "TELEPHONE_NUMBER", "Address": address} if address else None


def _known(**members: Any) -> Shape:
    """Connect leaves out what there is not."""
    return {name: value for name, value in members.items() if value is not None}
