"""The one place where parts are joined."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from remit.control.policy_alarms import PolicyAlarms
from remit.domain.arguments import PayloadLimits
from remit.domain.clock import Clock, Instant, SystemClock
from remit.domain.ids import Ids, KeyId, OwnerId, RandomIds, ReleaseId, WorkspaceName
from remit.domain.release import Configuration
from remit.execution.admission import AdmissionQueue, Admissions
from remit.execution.door import InProcessDoor
from remit.execution.keys import Keys
from remit.execution.observing import Observer
from remit.execution.recovery import Leases, due
from remit.execution.rulesets import ReleaseUnusable, Rulesets
from remit.execution.second_opinion import SecondOpinion
from remit.execution.served import ServedDoor
from remit.execution.transaction import Writer
from remit.execution.watching import Watch
from remit.sdk.client import Client
from remit.sdk.embedded import EmbeddedDoor
from remit.sdk.environment import settings_from
from remit.sdk.errors import Refused, Unavailable
from remit.settings import Settings
from remit.storage.opening import NoDatabase, open_store
from remit.storage.port import Store, StoreError
from remit.storage.sealed import KeyFile, Keyring, WrongMasterKey
from remit.storage.subjects import Subjects
from remit.storage.vault import MachineVault

if TYPE_CHECKING:
    from fastapi import FastAPI

    from remit.api.app import Noun
    from remit.api.oidc import OidcRoutes
    from remit.api.route import Identifies
    from remit.api.server import ServerRoutes
    from remit.api.use_cases import Answering, UseCases
    from remit.asgi.outbound import Outbound
    from remit.control.approval_detail import Details
    from remit.control.evidence import LiveEvidence
    from remit.control.notices import Notifier
    from remit.control.proof import Proof
    from remit.control.releases import Releases
    from remit.execution.workflows.schedules import Schedules
    from remit.execution.workflows.starting import Starts
    from remit.execution.workflows.triggers import Triggers
    from remit.gateways.mcp.upstreams.servers import ToolServers


CHECK_KEY = KeyId("check")
"""The payload key of a new database that only tells whether the master key is the right one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything an open database comes with."""

    settings: Settings
    store: Store
    keys: Keys
    rulesets: Rulesets
    clock: Clock
    ids: Ids

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()


def open_parts(settings: Settings, clock: Clock | None = None, ids: Ids | None = None, *, create: bool = True) -> Parts:
    """Open the database and what goes with it.

    Raises StoreError, and NoDatabase for a file that is not there and may not be made (`create`).
    """
    path = settings.key_path
    if path is None:
        raise StoreError(
            "REMIT_KEY_FILE is not set: a PostgreSQL database has no folder to keep the master key in; name a file"
            " that every process of this database can read"
        )
    clock = clock or SystemClock()
    store = open_store(settings.database_url, create=create)
    try:
        keys = Keys(store, _keyring(store, path, clock.now()))
    except StoreError:
        store.close()
        raise
    return Parts(settings, store, keys, Rulesets(store), clock, ids or RandomIds())


def _keyring(store: Store, path: Path, now: Instant) -> Keyring:
    """Open the master key, and only the one that this database is used with: a second would make two halves of it.

    A database without any payload key gets one under which nothing is sealed, so that this can be asked ever after.
    """
    wrapped = store.key(CHECK_KEY) or store.some_key()
    if wrapped is not None and not path.exists():
        raise StoreError(
            f"{path}: the key file is not there, and the database holds what was sealed under it: copy it from where"
            " this database was used before. Nothing was changed"
        )
    keyring = Keyring(KeyFile(path))
    if wrapped is None:
        wrapped = Subjects(store, keyring).stored(CHECK_KEY, now)
    try:
        keyring.unwrap(wrapped)
    except WrongMasterKey:
        raise StoreError(
            f"{path}: this is not the key file that this database is used with: restore it from a copy"
        ) from None
    return keyring


def leases_of(settings: Settings) -> Leases:
    """Return how long is waited for agents far away."""
    return Leases(settings.action_lease_s, settings.run_lease_s)


def open_queue(parts: Parts) -> AdmissionQueue:
    """Start the writer thread of this process."""
    alarms = PolicyAlarms(parts.store, parts.clock)
    opinion = SecondOpinion(parts.settings.second_opinion_every, alarms.sound, parts.rulesets.alarm)
    writer = Writer(OwnerId(f"own_{secrets.token_hex(8)}"), parts.ids, opinion)
    queue = AdmissionQueue(
        parts.store.transactions,
        partial(due, parts.store, leases_of(parts.settings)),
        parts.clock,
        writer,
        parts.settings.max_batch,
        parts.settings.max_waiting,
    )
    observer = Observer(parts.store, writer.owner, parts.clock)
    queue.watch(Watch(observer.told, closed=observer.close))
    return queue


def open_releases(parts: Parts) -> Releases:
    """Join the use cases of releases. What is applied is compared on recorded actions before it decides any."""
    from remit.control.releases import Releases
    from remit.execution.recorded import Recorded

    recorded = Recorded(parts.store, parts.rulesets, parts.keys)
    return Releases(parts.store, parts.clock, parts.ids, recorded.actions)


def open_door(parts: Parts, queue: AdmissionQueue, workspace: WorkspaceName) -> InProcessDoor:
    """Join the in-process door of one workspace."""
    limits = _payload_limits(parts.settings)
    return InProcessDoor(workspace, parts.store, queue, parts.rulesets, parts.keys, parts.clock, parts.ids, limits)


def workflow_doors(parts: Parts, admissions: Admissions) -> Callable[[WorkspaceName], ServedDoor]:
    """Return what finds the door of a workspace: one each, for whoever carries workflows out or starts them."""
    lock, doors = threading.Lock(), dict[WorkspaceName, ServedDoor]()

    def of(workspace: WorkspaceName) -> ServedDoor:
        with lock:
            if workspace not in doors:
                doors[workspace] = ServedDoor(
                    workspace,
                    parts.store,
                    admissions,
                    parts.rulesets,
                    parts.keys,
                    parts.clock,
                    parts.ids,
                    _payload_limits(parts.settings),
                    parts.settings.action_lease_s,
                )
            return doors[workspace]

    return of


def at_once(parts: Parts) -> Admissions:
    """Return what carries commands out where this process has no writer."""
    from remit.execution.at_once import AtOnce

    writer = Writer(OwnerId(f"own_{secrets.token_hex(8)}"), parts.ids)
    return AtOnce(parts.store.transactions, parts.clock, writer)


def workflow_starts(parts: Parts, admissions: Admissions) -> Starts:
    """Join what starts runs of workflows."""
    from remit.execution.workflows.programs import Programs
    from remit.execution.workflows.starting import Starts
    from remit.storage.journal_rows import journal_of

    doors = workflow_doors(parts, admissions)
    return Starts(parts.store, journal_of(parts.store), Programs(parts.rulesets), doors, parts.clock)


def workflow_schedules(parts: Parts, admissions: Admissions) -> Schedules:
    """Join what starts workflows at their times."""
    from remit.execution.workflows.programs import Programs
    from remit.execution.workflows.schedules import Schedules
    from remit.storage.timetable import timetable_of

    programs, starts = Programs(parts.rulesets), workflow_starts(parts, admissions)
    return Schedules(parts.store, timetable_of(parts.store), parts.rulesets, programs, starts, parts.clock)


def workflow_triggers(parts: Parts, admissions: Admissions) -> Triggers:
    """Join what starts workflows from outside."""
    from remit.execution.workflows.programs import Programs
    from remit.execution.workflows.triggers import Triggers

    programs, starts = Programs(parts.rulesets), workflow_starts(parts, admissions)
    return Triggers(parts.store, parts.rulesets, programs, starts, vault_of(parts.settings), parts.clock)


def vault_of(settings: Settings) -> MachineVault:
    """Return where secrets of workspaces are found, within what whoever runs this process allows."""
    return MachineVault(os.environ, settings.secret_folders, settings.own_files)


def tool_servers(settings: Settings, outbound: Outbound) -> ToolServers:
    """Join the tool servers of workspaces, within what whoever runs this process allows."""
    from remit.gateways.mcp.upstreams.child import CommandRules
    from remit.gateways.mcp.upstreams.servers import ToolServers

    rules = CommandRules(settings.tool_commands, frozenset(settings.tool_variables))
    return ToolServers(vault_of(settings), outbound, os.environ, rules=rules)


def approval_details(parts: Parts) -> Details:
    """Join what shows an approval to a person."""
    from remit.control.approval_detail import Details
    from remit.control.payload_reads import PayloadReads
    from remit.storage.approval_history import approval_history_of

    reads = PayloadReads(parts.store, parts.keys, parts.clock, parts.ids)
    return Details(parts.store, approval_history_of(parts.store), reads, parts.rulesets.of, parts.clock)


def notifier(parts: Parts) -> Notifier:
    """Join what tells approvers that something waits for them."""
    from remit.control.delivery import AppriseDelivery
    from remit.control.notices import NoticeRules, Notifier
    from remit.control.payload_reads import PayloadReads
    from remit.storage.outbox import outbox_of

    settings = parts.settings
    rules = NoticeRules(settings.public_url.rstrip("/"), settings.notify_tries, settings.notify_before_expiry_s)
    reads = PayloadReads(parts.store, parts.keys, parts.clock, parts.ids)

    def configuration(workspace: WorkspaceName, release: ReleaseId) -> Configuration | None:
        try:
            return parts.rulesets.of(workspace, release).configuration
        except ReleaseUnusable:
            return None

    owner = OwnerId(f"own_{secrets.token_hex(8)}")
    outbox, delivery = outbox_of(parts.store), AppriseDelivery(vault_of(parts.settings))
    return Notifier(parts.store, outbox, reads, configuration, delivery, parts.clock, owner, rules)


def open_api(
    parts: Parts,
    queue: AdmissionQueue | None,
    *,
    secure: bool = False,
    proof: Proof | None = None,
    present: Identifies | None = None,
    poke: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Join the control plane's application. Imports the web framework, which an embedded agent never needs.

    Args:
        parts: an open database.
        queue: whose figures are shown, where there is one.
        secure: browsers come over TLS.
        proof: who calls, where other routes ask it too: what is revoked here is then forgotten there.
        present: knows who calls without a credential, for the command line on its own database.
        poke: has a worker of this process look at once for what is due.
    """
    from importlib.metadata import version

    from remit.api.access import Doorkeeper
    from remit.api.app import control_plane
    from remit.api.figures import Figures
    from remit.api.use_cases import Lifetimes, UseCases
    from remit.asgi.limits import limits_for
    from remit.control.approvals import Approvals
    from remit.control.attempts import Attempts
    from remit.control.credentials import Credentials
    from remit.control.passwords import Passwords
    from remit.control.people import People
    from remit.control.proof import Proof
    from remit.control.repeats import Repeats
    from remit.control.signing_in import SigningIn
    from remit.control.stops import Stops
    from remit.control.terminations import Terminations
    from remit.control.tokens import RunTokens

    store, clock, ids, settings = parts.store, parts.clock, parts.ids, parts.settings
    assert settings.key_path is not None, "parts do not open without a key"
    parts = replace(parts, rulesets=parts.rulesets.for_people())
    wrapper = KeyFile(settings.key_path)
    tokens, attempts, passwords = RunTokens(store, Keyring(wrapper), clock, ids), Attempts(store, clock), Passwords()
    payload = _payload_limits(settings)
    proof = proof or Proof(store, tokens, clock, settings.session_idle_s)
    use = UseCases(
        store=store,
        clock=clock,
        ids=ids,
        keys=parts.keys,
        rulesets=parts.rulesets,
        releases=open_releases(parts),
        approvals=Approvals(store, clock, ids),
        answering=_answering(parts),
        details=approval_details(parts),
        stops=Stops(store, clock, ids),
        terminations=Terminations(store, clock, ids),
        people=People(store, clock, ids, passwords),
        credentials=Credentials(store, clock, ids),
        signing_in=SigningIn(store, clock, ids, passwords, attempts, settings.session_max_s),
        tokens=tokens,
        repeats=Repeats(store, wrapper, clock),
        doorkeeper=Doorkeeper(proof, attempts, secure=secure),
        lifetimes=Lifetimes(settings.session_idle_s, settings.session_max_s, settings.run_token_s),
        evidence=_evidence(store),
        public_url=settings.public_url.rstrip("/"),
        home=None if settings.workspace is None else WorkspaceName(settings.workspace),
    )
    more = (*_more_nouns(use, settings, queue, wrapper), *_workflows(use, parts, queue, poke))
    return control_plane(use, Figures(queue, parts.rulesets), limits_for(payload), version("remit"), more, present)


def _workflows(use: UseCases, parts: Parts, queue: AdmissionQueue | None, poke: Callable[[], None]) -> tuple[Noun, ...]:
    from remit.api.workflow_runs import WorkflowRunRoutes
    from remit.api.workflow_starts import WorkflowStartRoutes
    from remit.api.workflows import WorkflowRoutes, WorkflowUse
    from remit.execution.workflows.again import Repeats
    from remit.execution.workflows.programs import Programs
    from remit.storage.journal_rows import journal_of
    from remit.storage.timetable import timetable_of

    admissions = queue or at_once(parts)
    starts, journal, programs = workflow_starts(parts, admissions), journal_of(parts.store), Programs(parts.rulesets)
    workflows = WorkflowUse(
        starts=starts,
        repeats=Repeats(journal, programs, starts, parts.keys, parts.store),
        journal=journal,
        timetable=timetable_of(parts.store),
        schedules=workflow_schedules(parts, admissions),
        triggers=workflow_triggers(parts, admissions),
        poke=poke,
    )
    return (WorkflowRoutes(use, workflows), WorkflowRunRoutes(use, workflows), WorkflowStartRoutes(use, workflows))


def _more_nouns(use: UseCases, settings: Settings, queue: AdmissionQueue | None, wrapper: KeyFile) -> tuple[Noun, ...]:
    """Make what needs more than the use cases: the server itself, an identity provider where there is one."""
    from importlib.metadata import version

    return (_server(use, settings, queue, version("remit")), *_identity_provider(use, settings, wrapper))


def _server(use: UseCases, settings: Settings, queue: AdmissionQueue | None, version: str) -> ServerRoutes:
    from remit.api.server import Process, ServerRoutes, Setting

    shown = tuple(
        Setting(
            f"REMIT_{name.upper()}",
            _told(settings, name),
            name not in settings.model_fields_set,
            field.description or "",
        )
        for name, field in type(settings).model_fields.items()
    )
    database = settings.database_url.partition(":")[0]
    process = Process(version, database, use.clock.now(), shown)
    return ServerRoutes(use, process, lambda: None if queue is None else queue.waiting)


def _told(settings: Settings, name: str) -> str:
    """Return a setting's value as it may be shown: no secret, and no user and password of an address."""
    if name == "database_url":
        return settings.database
    value = getattr(settings, name)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {' '.join(roles)}" for key, roles in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    text = "" if value is None else str(value)  # a SecretStr's is stars, or nothing where it is empty
    scheme, has_scheme, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if has_scheme else text


def _evidence(store: Store) -> Callable[[WorkspaceName], LiveEvidence]:
    from remit.control.evidence import LiveEvidence
    from remit.storage.seals import seals_of

    return partial(LiveEvidence, store, seals_of(store))


def _payload_limits(settings: Settings) -> PayloadLimits:
    return PayloadLimits(bytes=settings.max_payload_bytes, depth=settings.max_payload_depth)


def _answering(parts: Parts) -> Answering:
    from remit.api.use_cases import Answering
    from remit.control.delegations import Delegations
    from remit.control.edits import Edits
    from remit.control.questions import Questions

    store, clock, ids = parts.store, parts.clock, parts.ids
    return Answering(
        Edits(store, clock, ids, parts.keys, parts.rulesets, _payload_limits(parts.settings)),
        Questions(store, clock, ids, parts.keys),
        Delegations(store, clock, ids),
    )


def _identity_provider(use: UseCases, settings: Settings, wrapper: KeyFile) -> tuple[OidcRoutes, ...]:
    from remit.api.app import PREFIX
    from remit.api.oidc import PATH, ClaimRules, OidcRoutes
    from remit.api.provider import Client, Provider

    if not settings.oidc_issuer:
        return ()
    redirect = f"{settings.public_url.rstrip('/')}{PREFIX}{PATH}/callback"
    secret = settings.oidc_client_secret.get_secret_value()
    provider = Provider(Client(settings.oidc_issuer, settings.oidc_client_id, redirect, secret), use.clock)
    roles = {group: frozenset(mapped) for group, mapped in settings.oidc_roles.items()}
    rules = ClaimRules(settings.oidc_person_claim, settings.oidc_groups_claim, roles)
    return (OidcRoutes(use, provider, rules, wrapper, PREFIX),)


def the_workspace(parts: Parts, name: str | None = None) -> WorkspaceName:
    """Return the workspace meant: the one named, the one of the settings, or the only one there is. Raises Refused."""
    wanted = name or parts.settings.workspace
    known = parts.store.workspaces()
    if wanted:
        if wanted not in known:
            raise Refused(
                f"there is no workspace {wanted} in {parts.settings.database}; known:"
                f" {', '.join(known) or 'none'}. Run `remit apply DIR` first"
            )
        return WorkspaceName(wanted)
    if len(known) != 1:
        what = (
            "no workspace yet: run `remit apply DIR` first" if not known else f"several: {', '.join(known)}; name one"
        )
        raise Refused(f"the database {parts.settings.database} holds {what}")
    return known[0]


def connect(url: str | None = None, workspace: str | None = None, *, clock: Clock | None = None) -> Client:
    """Open Remit in this process.

    Args:
        url: `sqlite:///` and a path, or `postgresql://user@host/database`; by default REMIT_DATABASE_URL.
        workspace: needed only where the database holds more than one.
        clock: where time comes from, for tests.

    Raises:
        Unavailable: the database can not be opened.
        Refused: there is no such database or workspace, or none yet. None is made: only `remit apply` does that.
    """
    settings = settings_from(url)
    try:
        parts = open_parts(settings, clock, create=False)
    except NoDatabase as error:
        raise Refused(str(error)) from error
    except StoreError as error:
        raise Unavailable(str(error)) from error
    try:
        name = the_workspace(parts, workspace)
    except BaseException as error:
        parts.close()
        if isinstance(error, StoreError):
            raise Unavailable(str(error)) from error
        raise
    queue = open_queue(parts)

    def close() -> None:
        queue.close()
        parts.close()

    return Client(EmbeddedDoor(open_door(parts, queue, name), close))
