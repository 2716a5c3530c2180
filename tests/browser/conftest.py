"""A real browser, Debian's Chromium, on a real server with the example company's agents working against it."""

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from remit.api.console import FOLDER, PAGE
from remit.compose import open_parts
from remit.connecting import connect
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.domain.identity import Role
from remit.domain.ids import WorkspaceName
from remit.sdk.client import Client
from remit.settings import Settings

PATIENCE_MS = 30_000
"""How long a page may take to do as it should: a machine may be busy with other things."""
expect.set_options(timeout=PATIENCE_MS)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/gulf-trading"
CHROMIUM = os.environ.get("REMIT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

WORKSPACE = WorkspaceName("gulf-trading")
ADMIN, PRIYA, YOUSEF, OMAR, VIEWER = (
    f"user:{name}" for name in ("noor.saleh", "priya.nair", "yousef.karim", "omar.rashid", "hind.faris")
)
ROLES = {
    ADMIN: ("admin", "operator", "author", "auditor", "approver"),
    PRIYA: ("approver",),
    YOUSEF: ("approver", "operator"),
    OMAR: ("author",),
    VIEWER: ("viewer",),
}


ONE_WORKER = pytest.mark.xdist_group("browser")
"""Of every file here: the company has to work but once. In each file, since a hook here would come too late."""


def part(name: str) -> Any:
    """A module of the example, whose folder has no name that Python could import."""
    if str(EXAMPLE) not in sys.path:
        sys.path.append(str(EXAMPLE))
    return importlib.import_module(f"gulf_trading.{name}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after each file: while it is open an event loop runs here, and no other test could begin one."""
    if not CHROMIUM:
        pytest.skip("no Chromium is installed: `apt-get install chromium`, or set REMIT_CHROMIUM to its path")
    if not (FOLDER / PAGE).is_file():
        pytest.skip("the console is not built: run `make console`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class House:
    """A company with its server, and people who look at it; most often the example one."""

    office: Any
    played: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.office.url)

    def link(self, person: str) -> str:
        """An address that signs a person in once."""
        return str(self.office.remit("people", "link", person, "--url", self.url)).split()[-1]

    def agent(self, name: str) -> Client:
        """An agent of this process, which reaches the server by its address and a key as others do."""
        key = str(self.office.remit("keys", "make", name, "--label", "test")).strip()
        return connect(self.url, api_key=key)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Its two agents have worked: a loop that was stopped, and a complaint whose refund waits for nobody any more."""
    folder = tmp_path_factory.mktemp("house")
    with part("office").opened(folder, part("office").free(0)) as office:
        made = House(office)
        add_people(part("ledger").url_of(folder))
        made.played["renewal"] = office.work("renewal", unheard)
        made.played["discount"] = office.work("discount", unheard)
        yield made


def unheard(_: object) -> None:
    """Nobody listens to what the agent does."""


def add_people(
    url: str, workspace: WorkspaceName = WORKSPACE, everybody: Mapping[str, tuple[str, ...]] = ROLES
) -> None:
    parts = open_parts(Settings(database_url=url))
    people = People(parts.store, parts.clock, parts.ids, Passwords())
    for person, roles in everybody.items():
        name = person.removeprefix("user:").replace(".", " ").title()
        people.add(workspace, person, map(Role, roles), "user:admin", name=name)
    parts.close()


@dataclass
class Visit:
    """One person's browser, and what went wrong in it."""

    context: BrowserContext
    page: Page
    errors: list[str]
    elsewhere: list[str]


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a browser for a person, signed in. No page may write an error to its console, and
    none may ask anything of another origin."""
    visits: list[Visit] = []

    def open_for(
        person: str = ADMIN,
        *,
        language: str = "en",
        theme: str = "light",
        width: int = 1440,
        at: House | None = None,
        link: str = "",
    ) -> Page:
        where = at or request.getfixturevalue("house")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale="en-GB", timezone_id="Asia/Dubai"
        )
        context.add_init_script(
            f"localStorage.setItem('remit-language', '{language}');"
            f"localStorage.setItem('mantine-color-scheme-value', '{theme}')"
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        made = Visit(context, page, [], [])
        page.on("console", lambda message: _note(made, message))
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        page.on("request", lambda asked: made.elsewhere.append(asked.url) if _is_elsewhere(asked.url, where) else None)
        visits.append(made)
        page.goto(link or where.link(person))
        page.locator("button[type=button], button").first.click()
        page.wait_for_selector(".frame")
        return page

    yield open_for
    for made in visits:
        made.context.close()
        assert made.errors == []
        assert made.elsewhere == []


def _note(visit: Visit, message: ConsoleMessage) -> None:
    # The browser itself reports each refused request; whether it should be refused is for the test to say.
    if message.type == "error" and "Failed to load resource" not in message.text:
        visit.errors.append(message.text)


def _is_elsewhere(url: str, house: House) -> bool:
    return not url.startswith((house.url, "data:", "blob:"))
