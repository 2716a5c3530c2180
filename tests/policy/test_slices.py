"""Evaluating a slice gives what evaluating every policy gives: decision, determining policies and errors."""

from dataclasses import dataclass

import orjson
import pytest
from cedarpy import Entities, PolicySet, is_authorized
from hypothesis import given, note
from hypothesis import strategies as st

from remit.policy.scopes import Hierarchy, Uid, uid
from remit.policy.slices import PolicyIndex

USERS = [uid("User", f"u{number}") for number in range(3)]
GROUPS = [uid("Group", f"g{number}") for number in range(3)]
FILES = [uid("File", f"f{number}") for number in range(3)]
FOLDERS = [uid("Folder", f"d{number}") for number in range(3)]
ACTIONS = [uid("Action", f"a{number}") for number in range(5)]
UNKNOWN = uid("User", "nobody")
EVERYTHING = [*USERS, *GROUPS, *FILES, *FOLDERS, *ACTIONS]


def written(entity: Uid) -> str:
    return f'{entity.type}::"{entity.id}"'


def constraint(variable: str) -> st.SearchStrategy[str]:
    """Any constraint on principal or resource, sensible or not: users may be asked to be in files."""
    entities = st.sampled_from([*EVERYTHING, UNKNOWN]).map(written)
    kinds = st.sampled_from(["User", "Group", "File", "Folder"])
    return st.one_of(
        st.just(variable),
        entities.map(f"{variable} == {{}}".format),
        entities.map(f"{variable} in {{}}".format),
        kinds.map(f"{variable} is {{}}".format),
        st.builds(f"{variable} is {{}} in {{}}".format, kinds, entities),
    )


action_names = st.sampled_from(ACTIONS).map(written)
action_constraint = st.one_of(
    st.just("action"),
    action_names.map("action == {}".format),
    action_names.map("action in {}".format),
    st.lists(action_names, max_size=3).map(lambda names: f"action in [{', '.join(names)}]"),
)
policies = st.builds(
    "{}({}, {}, {}) {};".format,
    st.sampled_from(["permit", "permit", "forbid"]),
    constraint("principal"),
    action_constraint,
    constraint("resource"),
    st.sampled_from(["", "", "when { context.flag }", "unless { context.missing }"]),
)


@dataclass(frozen=True)
class Asked:
    principal: Uid
    action: Uid
    resource: Uid
    flag: bool

    def as_request(self) -> dict[str, object]:
        return {
            "principal": written(self.principal),
            "action": written(self.action),
            "resource": written(self.resource),
            "context": {"flag": self.flag},
        }


asked = st.builds(
    Asked,
    st.sampled_from([*USERS, *GROUPS, *FILES, UNKNOWN]),
    st.sampled_from(ACTIONS),
    st.sampled_from([*FILES, *FOLDERS, *USERS]),
    st.booleans(),
)


@st.composite
def parents(draw: st.DrawFn) -> dict[Uid, list[Uid]]:
    """A hierarchy without cycles: who comes later may be above who came before, whatever its type."""
    return {
        entity: draw(st.lists(st.sampled_from(EVERYTHING[place + 1 :]), max_size=2, unique=True))
        if place + 1 < len(EVERYTHING)
        else []
        for place, entity in enumerate(EVERYTHING)
        if entity.type.basename != "Action"
    } | {
        action: draw(st.lists(st.sampled_from(ACTIONS[place + 1 :]), max_size=2, unique=True))
        if place + 1 < len(ACTIONS)
        else []
        for place, action in enumerate(ACTIONS)
    }


def entities(above: dict[Uid, list[Uid]]) -> Entities:
    def reference(entity: Uid) -> dict[str, str]:
        return {"type": str(entity.type), "id": entity.id}

    listed = [
        {"uid": reference(child), "attrs": {}, "parents": [reference(parent) for parent in found]}
        for child, found in above.items()
    ]
    return Entities.from_json_str(orjson.dumps(listed).decode())


Said = tuple[bool, list[str], list[str]]


def said(request: Asked, texts: dict[str, str], known: Entities) -> Said:
    result = is_authorized(request.as_request(), PolicySet.from_str("\n".join(texts.values())), known)
    names = list(texts)
    errors = [error.split("`")[1] for error in result.diagnostics.errors]
    return (
        result.allowed,
        sorted(names[int(name.removeprefix("policy"))] for name in result.diagnostics.reasons),
        sorted(names[int(name.removeprefix("policy"))] for name in errors),
    )


def index_of(texts: dict[str, str], above: dict[Uid, list[Uid]]) -> PolicyIndex:
    trees = PolicySet.from_str("\n".join(texts.values())).to_pst().static_policies
    return PolicyIndex.of(((name, trees[f"policy{place}"]) for place, name in enumerate(texts)), Hierarchy.of(above))


@given(st.lists(policies, min_size=1, max_size=12), parents(), st.lists(asked, min_size=1, max_size=6))
def test_a_slice_says_what_the_whole_set_says(
    lines: list[str], above: dict[Uid, list[Uid]], requests: list[Asked]
) -> None:
    texts = {f"p{place}": line for place, line in enumerate(lines)}
    index, known = index_of(texts, above), entities(above)
    for request in requests:
        names = index.slice(request.principal, request.action, request.resource)
        note(f"{request} {names} of {texts}")
        assert said(request, {name: texts[name] for name in names}, known) == said(request, texts, known)
        assert list(names) == [name for name in texts if name in names]


GROUPED = {ACTIONS[0]: [ACTIONS[1]], ACTIONS[1]: [ACTIONS[2]]}


@pytest.mark.parametrize(
    ("action", "found"),
    [
        ('action == Action::"a0"', True),
        ('action == Action::"a1"', False),
        ('action == Action::"a2"', False),
        ('action in Action::"a0"', True),
        ('action in Action::"a2"', True),
        ('action in [Action::"a4", Action::"a1"]', True),
        ("action in []", False),
        ("action", True),
    ],
)
def test_a_group_is_met_by_in_and_never_by_equality(action: str, found: bool) -> None:
    index = index_of({"it": f"permit(principal, {action}, resource);"}, GROUPED)
    assert index.slice(USERS[0], ACTIONS[0], FILES[0]) == (("it",) if found else ())


def test_a_slice_holds_only_policies_whose_scope_fits() -> None:
    texts = {
        f"{user.id}-{file.id}": f"permit(principal == {written(user)}, action, resource == {written(file)});"
        for user in USERS
        for file in FILES
    }
    assert index_of(texts, {}).slice(USERS[1], ACTIONS[0], FILES[2]) == ("u1-f2",)


def test_a_template_can_not_be_sliced() -> None:
    (tree,) = PolicySet.from_str("permit(principal == ?principal, action, resource);").to_pst().templates.values()
    with pytest.raises(TypeError, match=r"\?principal is the slot of a template"):
        PolicyIndex.of([("it", tree)], Hierarchy.of({}))
