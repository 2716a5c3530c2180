"""What every test can rely on.

With REMIT_REQUIRE_ALL=1 (as in CI) a test that would be skipped or expected to fail fails instead, and so
does an attempt to run only a part of the suite. Without it, the end of the run says in plain words what was
left out.
"""

import os
from collections import Counter
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SLOW = (
    "api",
    "bench",
    "browser",
    "control/test_bucket.py",
    "control/test_approval_states.py",
    "control/test_sealing.py",
    "control/test_release_states.py",
    "examples",
    "execution/test_backtest.py",
    "execution/test_history.py",
    "cli/test_history.py",
    "faults",
    "ledger",
    "peers",
    "postgres",
    "sdk",
    "simulation",
    "workspace/test_reading.py",
)
"""Places whose tests start servers, processes or many examples: `make check` leaves them out, `make test` does not."""
TOGETHER = ("tests/peers/",)
"""Places each of whose files stays with one worker, because its tests share servers that are slow to start."""
NARROWING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf")

settings.register_profile(
    "default", max_examples=100, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=2_000)


def all_required() -> bool:
    """Whether this run must execute every test."""
    return os.environ.get("REMIT_REQUIRE_ALL", "") not in ("", "0")


# CI judges a change: it tries the same examples each time, so that no one else's chance decides. New ones are found by
# everybody's own runs and by `make nightly`.
settings.register_profile("required", settings.get_profile("default"), derandomize=True)
settings.load_profile("nightly" if os.environ.get("REMIT_NIGHTLY") else "required" if all_required() else "default")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of recorded data that lies beside the repository and is never part of it."""
    folder = Path(os.environ.get("REMIT_SHARED_DIR") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"the recorded data is not at {folder}; set REMIT_SHARED_DIR to where it is")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    narrowed = [option for option in NARROWING if config.getoption(option, None)]
    if all_required() and narrowed:
        raise pytest.UsageError(f"REMIT_REQUIRE_ALL is set, so no test may be left out by: {', '.join(narrowed)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(ROOT / "tests").as_posix() if item.path.is_relative_to(ROOT / "tests") else ""
        if place.startswith(SLOW) or "[postgres" in item.name:
            item.add_marker(pytest.mark.slow)


def scope_of(nodeid: str) -> str:
    """What of the suite goes to a worker as one: a test, or all tests of a file of TOGETHER."""
    file = nodeid.partition("::")[0]
    return file if file.startswith(TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread tests by scope. Groups made with xdist's own mark rename tests, which this pytest no longer heeds."""
    scheduler = import_module("xdist.scheduler").LoadScopeScheduling(config, log)
    scheduler._split_scope = scope_of
    return scheduler


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if all_required():
        refuse_to_leave_out(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if all_required():
        refuse_to_leave_out(report, collector.nodeid)
    return report


def refuse_to_leave_out(report: pytest.TestReport | pytest.CollectReport, nodeid: str) -> None:
    """Turn a skip, an expected failure or a surprising pass into a failure that says why."""
    expected_to_fail = hasattr(report, "wasxfail")
    if not (report.skipped or expected_to_fail):
        return
    reason = getattr(report, "wasxfail", None) or reason_of(report)
    verb = "was expected to fail" if expected_to_fail else "was skipped"
    report.outcome = "failed"
    report.longrepr = f"{nodeid} {verb} ({reason}), and REMIT_REQUIRE_ALL lets nothing be left out"
    if expected_to_fail:
        # Else the terminal would still count it as an expected failure.
        del report.wasxfail


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was skipped, in the words of whoever skipped it."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = Counter(reason_of(report) for report in terminalreporter.stats.get("skipped", []))
    lines = [f"{count} skipped: {reason}" for reason, count in left_out.most_common()]
    lines += [
        f"{len(terminalreporter.stats[kind])} {kind}: known not to hold yet"
        for kind in ("xfailed", "xpassed")
        if terminalreporter.stats.get(kind)
    ]
    lines += [
        f"tests not chosen by {option} = {config.getoption(option)!r}"
        for option in NARROWING
        if config.getoption(option, None)
    ]
    if lines:
        terminalreporter.section("left out of this run (CI leaves out nothing)")
        for line in lines:
            terminalreporter.write_line(f"- {line}")
