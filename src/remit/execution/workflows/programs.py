"""Workflows with their expressions compiled, kept while their releases are in use."""

from __future__ import annotations

import threading
from collections import OrderedDict

from remit.domain.ids import ReleaseId, WorkflowName, WorkspaceName
from remit.execution.rulesets import Rulesets
from remit.workspace.program import Known, Program

MAX_KEPT = 256
"""How many programs are kept; others are compiled again."""


class WorkflowUnknown(LookupError):
    """The release has no such workflow."""


class Programs:
    """Compiles a workflow once and shares it between threads."""

    def __init__(self, rulesets: Rulesets) -> None:
        self._rulesets = rulesets
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[WorkspaceName, ReleaseId, WorkflowName], Program] = OrderedDict()  # by _lock

    def of(self, workspace: WorkspaceName, release: ReleaseId, name: WorkflowName) -> Program:
        """Return a workflow of a release. Raises WorkflowUnknown and ReleaseUnusable."""
        key = (workspace, release, name)
        configuration = self._rulesets.of(workspace, release).configuration
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                workflow = configuration.workflows.get(name)
                if workflow is None:
                    known = ", ".join(sorted(configuration.workflows)) or "none"
                    raise WorkflowUnknown(f"release {release} has no workflow {name}; it has {known}")
                found = self._kept[key] = Program(workflow, Known.of(configuration))
                if len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return found
