"""What a batch needs to have loaded and locked."""

from __future__ import annotations

from remit.domain.ids import ActionId, ApprovalId
from remit.execution.commands import Admit, Batch, Command, Prolong, Reply, Settle
from remit.storage.port import Wanted


def wanted_by(batch: Batch) -> Wanted:
    """Name the rows and records that the commands of a batch are carried out on."""
    commands = batch.commands
    admits = [command for command in commands if isinstance(command, Admit)]
    return Wanted(
        scopes=sorted(set().union(*[command.scopes for command in commands])),
        record_keys=[key for command in commands for key in _keys_of(command)],
        open_actions=[action for command in commands for action in _actions_of(command)],
        approvals=[(command.run.id, command.call.digest) for command in admits],
        approval_ids=sorted({id for command in commands if (id := _approval_of(command)) is not None}),
        releases={command.run.release for command in admits},
        workspace=batch.workspace,
    )


def _actions_of(command: Command) -> tuple[ActionId, ...]:
    match command:
        case Settle():
            return (command.outcome.action,)
        case Prolong():
            return command.actions
    return ()


def _approval_of(command: Command) -> ApprovalId | None:
    match command:
        case Admit():
            return command.under
        case Reply():
            return command.approval
        case _:
            return None


def _keys_of(command: Command) -> tuple[str, ...]:
    if isinstance(command, Settle) and not command.reconciles:
        return command.record_key, command.late_key
    return (command.record_key,)
