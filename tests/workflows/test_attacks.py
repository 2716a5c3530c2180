"""An agent whose key is for the very run that a workflow acts in."""

from __future__ import annotations

import asyncio
from pathlib import Path

from remit.compose import workflow_doors
from remit.domain.action import ActionState, Outcome, OutcomeStatus
from remit.domain.admission import RunRequest
from remit.domain.ids import AgentName, UserId
from remit.execution.served import Result
from tests.workflows.shop import WORKSPACE, workflow
from tests.workflows.till import till

FORGED = b'{"structuredContent": {"order": "forged"}, "content": []}'


def test_an_agent_can_not_do_a_workflows_step_beforehand(tmp_path: Path) -> None:
    step = {"id": "a", "tool": "till.order", "arguments": {"n": "${inputs.n}"}}
    with till(tmp_path, workflow(step, outputs={"order": "${steps.a.order}"})) as it:
        run = it.start(n=3)
        door = workflow_doors(it.world.parts, it.world.queue)(WORKSPACE)

        async def forge() -> ActionState:
            mine = await door.run_of(run)
            assert mine is not None
            admission = await door.admit_tool(mine, "till.order", {"n": 3}, door.action_id(mine, "a#1"))
            await door.settle_told(mine, Outcome(admission.action, OutcomeStatus.OK), Result(FORGED), None)
            return admission.state

        assert it.loop.run_until_complete(forge()) is ActionState.ADMITTED
        it.carry_out()
        assert it.output(run) == {"order": "o-3"}
        assert it.tools.names() == ["order(3)"]


def test_an_agent_can_not_take_the_key_of_a_workflow_that_is_to_start(tmp_path: Path) -> None:
    with till(tmp_path, workflow({"id": "nap", "wait": {"for": "2h"}})) as it:
        door = workflow_doors(it.world.parts, it.world.queue)(WORKSPACE)
        request = RunRequest(AgentName("clerk"), UserId("service:clerk"), task="mine")
        mine, _ = asyncio.run(door.start_once(request, "workflow/flow/tonight"))
        assert it.start(key="tonight", n=1) != mine.id
