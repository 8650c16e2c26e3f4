from signaling.center.flow import parse_flow
from signaling.center.security import granted
from signaling.store import Store
from signaling.store.demo import demo_directory


def test_its_flow_runs_here_and_leads_to_its_end() -> None:
    directory = demo_directory()
    parse_flow(directory.flows[0].content)
    actions = {action["Identifier"]: action for action in directory.flows[0].content["Actions"]}
    assert directory.flows[0].content["StartAction"] in actions
    for action in actions.values():
        transitions = action["Transitions"]
        targets = [error["NextAction"] for error in transitions.get("Errors", ())]
        assert set(targets) <= actions.keys() and transitions.get("NextAction", "end") in actions
    queue = next(action for action in actions.values() if action["Type"] == "UpdateContactTargetQueue")
    assert queue["Parameters"]["QueueId"] == directory.queues[0].id


def test_its_people_may_do_what_they_are_for() -> None:
    directory = demo_directory()
    profiles = {profile.id: profile for profile in directory.security_profiles}
    may = {user.username: granted(profiles[id] for id in user.security_profiles) for user in directory.users}
    assert "BasicAgentAccess" in may["agent"] and "ListenCallRecordings" in may["supervisor"]
    assert directory.users[0].routing_profile == directory.routing_profiles[0].id


async def test_it_is_the_same_each_time(store: Store) -> None:
    await store.save_directory(demo_directory())
    once = await store.directory(demo_directory().tenant)
    await store.save_directory(demo_directory())
    assert await store.directory(demo_directory().tenant) == once and len(once.users) == 2
