"""The reference corpus of the Cedar project, sliced: every request gets the answer that the whole set gives."""

import json
import os
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cedarpy import Entities, PolicySet, Schema, is_authorized, pst

from remit.policy.scopes import Hierarchy, Uid
from remit.policy.slices import PolicyIndex

pytestmark = pytest.mark.slow

SAMPLE = 2_000
SEED = 20_260_105


@pytest.fixture
def corpus(shared_dir: Path, tmp_path: Path) -> Path:
    archives = sorted((shared_dir / "data" / "cedar-corpus").glob("*.tar.gz"))
    assert archives, "the corpus is two archives in data/cedar-corpus"
    for archive in archives:
        with tarfile.open(archive) as packed:
            packed.extractall(tmp_path, filter="data")
    return tmp_path


def cases(corpus: Path) -> list[Path]:
    """The handwritten cases and, unless all are asked for, a seeded sample of the generated ones."""
    found = [path for path in sorted(corpus.rglob("*.json")) if not path.name.endswith("entities.json")]
    handwritten = [path for path in found if "corpus-tests" not in path.parts and "requests" in path.read_text()]
    generated = [path for path in found if "corpus-tests" in path.parts]
    if not os.environ.get("REMIT_NIGHTLY"):
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
    files = requests = 0
    for path in cases(corpus):
        case = json.loads(path.read_text())
        found = loaded(corpus, case)
        if found is None:
            continue
        assert list(differences(*found, case["requests"])) == [], path.name
        files += 1
        requests += len(case["requests"])
    everything = os.environ.get("REMIT_NIGHTLY")
    assert files >= (7_700 if everything else 1_900)
    assert requests >= (62_000 if everything else 15_000)
