"""The runbooks' commands that call a function, ask the API or look at the deployment, run on the deployed stack.

The others run on a local cloud without functions (tests/infra/test_operators_commands.py), those that restore data in
the drill (tests/e2e/operations/test_restore_drill.py).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.local import watch
from tests.e2e.people import Person
from tests.e2e.tools import eventually, instance_at
from tests.runbook_pages import PAGES, blocks, follow, operators_shell, run

WITH_FUNCTIONS = [page for page in PAGES if any(each.needs_functions and not each.aws for each in blocks(page))]

DONE = ("calls", "queries", "MessagesSent")


def test_the_terminal_shows_that_the_deployed_stack_is_well_and_what_it_does(
    endpoints: dict[str, str], ada: Person, bob: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    ada.send(ada.direct_with(bob), "seen by the operator as a figure")

    def said() -> str:
        watch.watch(instance_at(endpoints), every_s=0, times=1)
        return capsys.readouterr().out

    def tells() -> bool:
        shown = said()
        plots = [re.search(rf"^  {name} +[▁-█]*[▂-█]", shown, re.MULTILINE) for name in DONE]
        return all(plots) and re.search(r"^Health: (ok|degraded)", shown, re.MULTILINE) is not None

    eventually(tells, within_s=60)


@pytest.mark.parametrize("page", WITH_FUNCTIONS, ids=lambda page: page.stem)
def test_the_commands_of_a_runbook_work_on_the_deployed_stack(page: Path, endpoints_file: Path, ada: Person) -> None:
    named = {"PERSON": ada.username} if "$PERSON" in page.read_text() else {}
    shell = tuple((operators_shell(endpoints_file) | named).items())
    follow(page, lambda text: run(text, shell), with_functions=True)
    ada.ok("GET", "/users/me")  # no command may sign people out
