"""The runbooks have one shape, commands with their expected output, and alarms or links that lead to each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.infra.deployed import FUNCTIONS, of_type
from tests.runbook_pages import INDEX, PAGES, SHAPE, blocks, sections

OF_FUNCTIONS = {f"{name.removesuffix('Function')}{kind}" for name in FUNCTIONS for kind in ("Errors", "Throttles")}
pytestmark = pytest.mark.usefixtures("settings")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_has_the_shape_of_all_and_commands_that_say_something(page: Path) -> None:
    assert sections(page) == SHAPE
    found = list(blocks(page))
    assert any(not each.aws and each.says for each in found), "nothing can be looked at"
    for each in found:
        if each.aws:
            assert each.only_aws, f"why does it run in AWS alone? {each.text}"
        elif not each.is_setting:
            assert each.says, f"what does it say? {each.text}"
            assert re.compile(each.says)


def test_few_commands_run_in_aws_alone_and_the_rest_are_of_this_repository() -> None:
    found = [each for page in PAGES for each in blocks(page) if not each.is_setting]
    assert sum(each.aws for each in found) <= len(found) / 4
    for each in found:
        if not each.aws:
            assert re.match(r"python -m infra\.\w+", each.text), each.text


def test_the_runbooks_lead_to_pages_that_exist_and_each_stands_in_their_index() -> None:
    for page in [INDEX, *PAGES]:
        for link in re.findall(r"\]\(([\w./-]+\.md)", page.read_text()):
            assert (page.parent / link).resolve().is_file(), f"{page.name}: {link}"
    listed = set(re.findall(r"^\| \[[\w-]+\]\(([\w-]+\.md)\)", INDEX.read_text(), re.MULTILINE))
    assert listed == {page.name for page in PAGES}


def test_no_runbook_asks_for_more_than_its_alarms_or_a_link_lead_to() -> None:
    """Nobody would find a page without an alarm or a link to it."""
    named = {
        match
        for kind in ("Alarm", "CompositeAlarm")
        for alarm in of_type(f"AWS::CloudWatch::{kind}").values()
        for match in re.findall(r"runbooks/([\w-]+)\.md", alarm["Properties"]["AlarmDescription"])
    }
    linked = {link for page in PAGES for link in re.findall(r"\]\(([\w-]+)\.md", page.read_text())}
    assert {page.stem for page in PAGES} <= named | linked


def test_a_runbook_names_each_alarm_that_leads_to_it() -> None:
    """Whoever is woken searches for the alarm's name. Alarms of functions and burn rates are named as a group."""
    for kind in ("Alarm", "CompositeAlarm"):
        for name, alarm in of_type(f"AWS::CloudWatch::{kind}").items():
            (page,) = re.findall(r"runbooks/[\w-]+\.md", alarm["Properties"]["AlarmDescription"])
            named = r"Burns" if re.search(r"Burns\d", name) else rf"`{name}`"
            assert name in OF_FUNCTIONS or re.search(named, (INDEX.parents[1] / page).read_text()), (page, name)


def test_after_a_restore_both_apis_get_their_limits_back_and_tables_what_they_had() -> None:
    """CloudFormation would not: it compares with its last template, not with what was changed by hand."""
    page = (INDEX.parents[1] / "disaster-recovery.md").read_text()
    (rest,) = of_type("AWS::Serverless::Api").values()
    (limits,) = rest["Properties"]["MethodSettings"]
    (socket,) = of_type("AWS::Serverless::WebSocketApi").values()
    route = socket["Properties"]["DefaultRouteSettings"]
    assert f"/*/*/throttling/rateLimit,value={limits['ThrottlingRateLimit']}'" in page
    assert ",".join(f"{name}={value}" for name, value in route.items()) in page
    tables = [each["Properties"] for each in of_type("AWS::DynamoDB::Table").values()]
    ttl = {each["TimeToLiveSpecification"]["AttributeName"] for each in tables if "TimeToLiveSpecification" in each}
    assert ttl == {"expires_at", "expiration"}
    assert all(f"`{name}`" in page or f"AttributeName={name}" in page for name in ttl)
    (stream,) = (each["StreamSpecification"] for each in tables if "StreamSpecification" in each)
    assert f"StreamViewType={stream['StreamViewType']}" in page
