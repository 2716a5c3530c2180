"""The reference corpus of the Cedar project.

Sliced, every request gets the answer that the whole set gives; compiled, the answer that the corpus gives: decision,
determining and erroring policies, for every request there is.
"""

import json
import os
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cedarpy import Entities, PolicySet, Schema, is_authorized, pst

from remit.policy.compiled.expressions import condition, ref
from remit.policy.compiled.reading import entities_of, reference, value_of
from remit.policy.compiled.rules import Rule, matched
from remit.policy.scopes import Hierarchy, Uid
from remit.policy.slices import PolicyIndex

pytestmark = pytest.mark.slow

SAMPLE = 2_000
SEED = 20_260_105


@pytest.fixture(scope="module")
def corpus(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    archives = sorted((shared_dir / "data" / "cedar-corpus").glob("*.tar.gz"))
    assert archives, "the corpus is two archives in data/cedar-corpus"
    folder = tmp_path_factory.mktemp("corpus")
    for archive in archives:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    return folder


def cases(corpus: Path, *, everything: bool) -> list[Path]:
    """The handwritten cases and the generated ones, or a seeded sample of those."""
    found = [path for path in sorted(corpus.rglob("*.json")) if not path.name.endswith("entities.json")]
    handwritten = [path for path in found if "corpus-tests" not in path.parts and "requests" in path.read_text()]
    generated = [path for path in found if "corpus-tests" in path.parts]
    if not everything:
        generated = random.Random(SEED).sample(generated, SAMPLE)
    return handwritten + generated


def loaded(corpus: Path, case: dict[str, str]) -> tuple[PolicySet, Entities] | None:
    """The policies and entities of a case, or None where the official implementation does not take them."""
    try:
        policies = PolicySet.from_str((corpus / case["policies"]).read_text())
        text = (corpus / case["entities"]).read_text()
        schema = Schema.from_str((corpus / case["schema"]).read_text())
        policies.to_pst()
    except ValueError:
        return None
    try:
        # The schema adds the actions and their groups.
        return policies, Entities.from_json_str(text, schema)
    except ValueError:
        return None


def typed(reference: dict[str, str]) -> Uid:
    *namespace, basename = reference["type"].split("::")
    return Uid(pst.EntityType(basename, tuple(namespace)), reference["id"])


def hierarchy(entities: Entities) -> Hierarchy:
    listed = json.loads(str(entities))
    return Hierarchy.of({typed(each["uid"]): [typed(parent) for parent in each["parents"]] for each in listed})


def differences(policies: PolicySet, entities: Entities, requests: list[dict[str, object]]) -> Iterator[str]:
    trees = policies.to_pst().static_policies
    index = PolicyIndex.of(trees.items(), hierarchy(entities))
    for request in requests:
        asked = {name: request[name] for name in ("principal", "action", "resource", "context")}
        names = index.slice(*(typed(asked[name]) for name in ("principal", "action", "resource")))  # type: ignore[arg-type]
        sliced = PolicySet.from_pst(pst.PolicySet({}, {name: trees[name] for name in names}, ()))
        whole_answer, slice_answer = said(asked, policies, entities), said(asked, sliced, entities)
        if whole_answer != slice_answer:
            yield f"{request['description']}: {whole_answer} but the slice {names} says {slice_answer}"


def said(asked: dict[str, object], policies: PolicySet, entities: Entities) -> tuple[str, list[str], list[str]]:
    result = is_authorized(asked, policies, entities)
    return result.decision.value, sorted(result.diagnostics.reasons), sorted(result.diagnostics.errors)


def test_every_request_of_the_corpus_gets_the_answer_of_the_whole_set(corpus: Path) -> None:
    everything = bool(os.environ.get("REMIT_NIGHTLY"))
    files = requests = 0
    for path in cases(corpus, everything=everything):
        case = json.loads(path.read_text())
        found = loaded(corpus, case)
        if found is None:
            continue
        assert list(differences(*found, case["requests"])) == [], path.name
        files += 1
        requests += len(case["requests"])
    assert files >= (7_700 if everything else 1_900)
    assert requests >= (62_000 if everything else 15_000)


class Compiled:
    """The policies of a case as Python functions, on slices."""

    def __init__(self, policies: PolicySet, entities: Entities) -> None:
        trees = policies.to_pst().static_policies
        above = hierarchy(entities)
        ancestors = {ref(one): frozenset(map(ref, found)) for one, found in above.ancestors.items()}
        self._known = entities_of(json.loads(str(entities)), ancestors.__getitem__)
        self._index = PolicyIndex.of(trees.items(), above)
        self._forbids = {name for name, tree in trees.items() if tree.effect == "forbid"}
        self._rules = {name: Rule(name, condition(tree.clauses)) for name, tree in trees.items()}

    def answer(self, request: dict[str, Any]) -> tuple[str, list[str], list[str]]:
        """The decision, the determining policies and those that have no value, as the corpus writes them."""
        parties = [request[name] for name in ("principal", "action", "resource")]
        names = self._index.slice(*map(typed, parties))
        principal, action, resource = map(reference, parties)
        context = value_of(request["context"])
        assert isinstance(context, dict)
        errors: list[str] = []
        rules = [self._rules[name] for name in names]
        found = matched(rules, principal, action, resource, context, self._known, errors)
        forbids = [name for name in found if name in self._forbids]
        failed = sorted(error.rpartition(":")[0] for error in errors)
        return "allow" if found and not forbids else "deny", sorted(forbids or found), failed


def test_every_request_of_the_corpus_gets_its_answer_from_compiled_policies(corpus: Path) -> None:
    files = requests = 0
    for path in cases(corpus, everything=True):
        case = json.loads(path.read_text())
        found = loaded(corpus, case)
        if found is None:
            continue
        policies = Compiled(*found)
        for request in case["requests"]:
            expected = request["decision"], sorted(request["reason"]), sorted(request["errors"])
            assert policies.answer(request) == expected, (path.name, request["description"])
        files += 1
        requests += len(case["requests"])
    assert files >= 7_700
    assert requests >= 62_000
