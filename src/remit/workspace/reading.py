"""From the bytes of a folder to its configuration, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from remit.domain.ids import AgentName, GroupName, ServerName, UserId, WorkspaceName
from remit.domain.problem import Problem, Severity
from remit.domain.prompt_template import Prompt
from remit.domain.release import Agent, Budget, Configuration, Group, Settings, Tool
from remit.domain.scenario import Scenario
from remit.domain.text import is_name
from remit.domain.upstream import Model, ToolServer
from remit.domain.workflow import Workflow
from remit.policy import validate
from remit.policy.subjects import subjects
from remit.policy.tool_checks import tool_problems
from remit.workspace.asking import asking_tools, with_asking
from remit.workspace.delegating import delegating_tools
from remit.workspace.derived_checks import check_derived_fields
from remit.workspace.documents import Documents
from remit.workspace.draft import Draft, Written
from remit.workspace.group_checks import check_groups
from remit.workspace.input_schema import check_input_schemas
from remit.workspace.locator import Locator
from remit.workspace.placement import is_configuration, places
from remit.workspace.reference_checks import check_references
from remit.workspace.report import Report, listed
from remit.workspace.role_checks import check_roles
from remit.workspace.scenario_checks import check_scenarios
from remit.workspace.title_checks import check_titles
from remit.workspace.workflow_checks import check_workflows


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder says.

    Attributes:
        configuration: None where there is any error; warnings do not matter.
        problems: sorted by file, line and column.
        scenarios: the workspace's own tests, in the order they are written; those that could be read.
    """

    configuration: Configuration | None
    problems: tuple[Problem, ...]
    scenarios: tuple[Scenario, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep a release from being made."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


def read(files: Mapping[str, bytes], name: str, found: Iterable[Problem] = ()) -> Reading:
    """Read a folder's files, given by their POSIX paths relative to it.

    Touches no disk, and never raises for what the files hold.

    Args:
        files: the configuration; others, such as README.md, are ignored.
        name: the workspace's name where workspace.yaml gives none: the folder's, or the release's workspace.
        found: problems met when the files were collected.
    """
    report = Report(list(found))
    documents = Documents(report)
    for path in sorted(files):
        if is_configuration(path):
            documents.take(path, files[path])
    if not documents.documents and not documents.policies and not report.problems:
        remedy = f"Name the right folder; files stand in {listed(places())}"
        report.problems.append(Problem("workspace.yaml", 0, 0, "", "the folder holds no configuration", remedy))
    draft = Draft.of(documents)
    broken_tools = check_input_schemas(draft)
    check_roles(draft)
    check_derived_fields(draft)
    check_titles(draft)
    check_references(draft)
    check_groups(draft)
    check_scenarios(draft)
    check_workflows(draft)
    configuration = _configuration(draft, _settings(draft, name))
    report.problems.extend(_policy_problems(draft, configuration, broken_tools))
    problems = tuple(sorted(set(report.problems)))
    scenarios = tuple(test.scenario for test, _, _ in draft.each_test())
    is_clean = not any(problem.severity is Severity.ERROR for problem in problems)
    return Reading(configuration if is_clean else None, problems, scenarios)


def settings_of(files: Mapping[str, bytes], name: str) -> Settings | None:
    """Return what `workspace.yaml` says, whatever is wrong with the rest; None where it can not be read itself."""
    documents = Documents(Report([]))
    for path in sorted(files):
        if is_configuration(path):
            documents.take(path, files[path])
    draft = Draft.of(documents)
    return _settings(draft, name) if draft.read_whole("Workspace") else None


def groups_of(files: Mapping[str, bytes]) -> Mapping[GroupName, Group]:
    """Return the groups, whatever is wrong with the rest; those that could be read."""
    return {written.value.name: written.value for written in _drafted(files).groups}


def agents_of(files: Mapping[str, bytes]) -> Mapping[AgentName, Agent]:
    """Return the agents, whatever is wrong with the rest; those that could be read."""
    return {written.value.name: written.value for written in _drafted(files).agents}


def servers_of(files: Mapping[str, bytes]) -> Mapping[ServerName, ToolServer]:
    """Return the tool servers, whatever is wrong with the rest; those that could be read."""
    return {written.value.name: written.value for written in _drafted(files).servers}


def tools_of(files: Mapping[str, bytes]) -> tuple[Written[Tool], ...]:
    """Return the tools and where they stand, whatever is wrong with the rest; those that could be read."""
    return _drafted(files).tools


def _drafted(files: Mapping[str, bytes]) -> Draft:
    documents = Documents(Report([]))
    for path in sorted(files):
        if is_configuration(path):
            documents.take(path, files[path])
    return Draft.of(documents)


def _settings(draft: Draft, name: str) -> Settings:
    written = draft.settings[0].value if draft.settings else Settings(WorkspaceName(""))
    if written.name:
        return written
    if not is_name(name) and draft.read_whole("Workspace"):
        message = f"the workspace has no name, and `{name[:80]}` can not be one"
        remedy = "Write `kind: Workspace` and `name:` with letters, digits, `.`, `_` and `-`"
        draft.report.problems.append(Problem("workspace.yaml", 0, 0, "name", message, remedy))
    return replace(written, name=WorkspaceName(name))


def _configuration(draft: Draft, settings: Settings) -> Configuration:
    """Put together what could be read; an agent that could not is there by name, so that policies find it."""

    def in_zone(budget: Budget) -> Budget:
        return budget if budget.timezone else replace(budget, timezone=settings.timezone)

    def with_zones(agent: Agent) -> Agent:
        budgets = tuple(in_zone(budget) for budget in agent.remit.budgets)
        return replace(agent, remit=replace(agent.remit, budgets=budgets))

    unread = {document.name for document in draft.documents.of("Agent") if document.value is None}
    agents = [Agent(AgentName(name), UserId(""), "") for name in sorted(unread)]
    agents += [with_zones(written.value) for written in draft.agents]
    asking = list(asking_tools(written.value for written in draft.workflows))
    asking += delegating_tools(agents)
    tools = [*(written.value for written in draft.tools), *(tool for _, tool in asking)]
    return Configuration(
        settings=settings,
        agents=with_asking({each.name: each for each in sorted(agents, key=lambda agent: agent.name)}, asking),
        tools={tool.name: tool for tool in sorted(tools, key=lambda tool: tool.name)},
        policies=tuple(draft.documents.policies),
        budgets=tuple(in_zone(written.value) for written in draft.budgets),
        people={written.value.id: written.value for written in draft.people},
        groups={written.value.name: written.value for written in draft.groups},
        servers={written.value.name: written.value for written in sorted(draft.servers, key=_name)},
        models={written.value.name: written.value for written in sorted(draft.models, key=_name)},
        workflows={written.value.name: written.value for written in sorted(draft.workflows, key=_name)},
        prompts={written.value.name: written.value for written in sorted(draft.prompts, key=_name)},
    )


def _name(written: Written[ToolServer] | Written[Model] | Written[Workflow] | Written[Prompt]) -> str:
    return written.value.name


def _policy_problems(draft: Draft, configuration: Configuration, broken_tools: frozenset[str]) -> Iterator[Problem]:
    """Yield the mistakes in policies that are their own, and no consequence of a mistake elsewhere."""
    locator = Locator(draft.names("Agent"), draft.names("Tool"))
    unread = draft.documents.unread & {"Agent", "Tool", "Person", "Group", "Policy"}
    if draft.read_whole("Tool", "Person", "Group") and not unread and not broken_tools:
        yield from validate.problems(configuration, locator)
        return
    # What a policy refers to may be in what could not be read: judge only what stands for itself.
    tools = {name: tool for name, tool in configuration.tools.items() if name not in broken_tools}
    sound = replace(configuration, tools=tools)
    yield from tool_problems(sound, locator)
    yield from (each for each in subjects(sound, locator) if isinstance(each, Problem))
