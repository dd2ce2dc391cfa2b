"""Reads a deployed stack and its nested stacks through CloudFormation, as in AWS."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.config import REGION, STACK, Instance
from infra.local.console import Problem

# The profile and the files of a session: their names in files, variables, and values.
NO_SETTINGS = {name: (None, None, value, None) for name, value in (("profile", None), ("config_file", os.devnull))}
NESTED = "AWS::CloudFormation::Stack"
FUNCTION = "AWS::Lambda::Function"
DEPLOYED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
NEVER_WORKED = {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
SETTLE_S = 120


class Stack:
    """The stack of one instance."""

    def __init__(self, instance: Instance, name: str = STACK) -> None:
        self.instance = instance
        self.name = name
        self._cloudformation = self.client("cloudformation")

    def client(self, service: str) -> Any:
        """A client that uses none of the caller's settings for AWS, and no proxy."""
        session = boto3.session.Session("test", "test", None, REGION, botocore.session.Session(NO_SETTINGS))
        own = Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 2}, proxies={})
        return session.client(service, endpoint_url=self.instance.endpoint, config=own)  # type: ignore[call-overload]

    def describe(self, name: str | None = None) -> dict[str, Any] | None:
        try:
            stacks = self._cloudformation.describe_stacks(StackName=name or self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return dict(stacks[0]) if stacks else None

    def status(self) -> str:
        description = self.describe()
        return str(description["StackStatus"]) if description else "absent"

    def outputs(self) -> dict[str, str]:
        description = self.describe() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", ())}

    def resources(self, name: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every resource with its stack's name, nested stacks included."""
        name = name or self.name
        for page in self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
            for resource in page["StackResourceSummaries"]:
                yield name, resource
                if resource["ResourceType"] == NESTED and resource.get("PhysicalResourceId"):
                    yield from self.resources(resource["PhysicalResourceId"])

    def functions(self) -> dict[str, str]:
        """Physical names of the functions by logical name."""
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for _, resource in self.resources()
            if resource["ResourceType"] == FUNCTION
        }

    def make_ready_for_deployment(self) -> None:
        """Wait for a running deployment; delete a stack that was never created completely (it has no data)."""
        deadline = time.monotonic() + SETTLE_S
        while (status := self.status()).endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            if time.monotonic() > deadline:
                raise Problem(f"the stack has been {status} for {SETTLE_S} s", "run make reset and make up")
            time.sleep(0.5)
        if status == "UPDATE_ROLLBACK_FAILED":
            raise Problem(
                "the stack is UPDATE_ROLLBACK_FAILED: neither the new nor the old version is in place",
                "run make reset and make up; the local data is lost",
            )
        if status in NEVER_WORKED:
            self._cloudformation.delete_stack(StackName=self.name)
            self._cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": SETTLE_S}
            )

    def latest(self) -> str:
        """The resource to which the deployment has come; nested stacks count as one."""
        events = self._events(self.name)
        return str(events[0]["LogicalResourceId"]) if events else ""

    def failures(self) -> list[str]:
        """Why the last deployment failed: each resource with an error of its own, those of nested stacks included."""
        began = datetime.min.replace(tzinfo=UTC)
        for event in self._events(self.name):  # newest first
            own = event["LogicalResourceId"] == event["StackName"]
            if own and event["ResourceStatus"] in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
                began = event["Timestamp"]
                break
        return self._failures_since(self.name, began)

    def _failures_since(self, name: str, began: datetime) -> list[str]:
        found: list[str] = []
        for event in self._events(name):
            logical_id, kind = event["LogicalResourceId"], event["ResourceType"]
            reason = event.get("ResourceStatusReason") or "no reason given"
            if event["Timestamp"] < began or logical_id == event["StackName"]:
                continue
            if not event["ResourceStatus"].endswith("_FAILED") or "cancelled" in reason.lower():
                continue
            inside = self._nested_failures(f"{event['StackName']}-{logical_id}-", began) if kind == NESTED else []
            found += [f"{logical_id} / {failure}" for failure in inside] or [f"{logical_id} ({kind}): {reason}"]
        return found or self._refused_since(name, began)

    def _refused_since(self, name: str, began: datetime) -> list[str]:
        """The errors that CloudFormation found before it changed any resource."""
        try:
            answer = self._cloudformation.describe_events(StackName=name, Filters={"FailedEvents": True})
        except ClientError:
            return []
        return [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ValidationStatusReason']}"
            for event in answer["OperationEvents"]
            if event["EventType"] == "VALIDATION_ERROR" and event["Timestamp"] >= began
        ]

    def _nested_failures(self, prefix: str, began: datetime) -> list[str]:
        """Failures in nested stacks, found by the names that CloudFormation gives them: events do not identify them."""
        pages = self._cloudformation.get_paginator("list_stacks").paginate()
        stacks = [stack for page in pages for stack in page["StackSummaries"]]
        named = [stack for stack in stacks if stack["StackName"].startswith(prefix)]
        if not named:
            return []
        last = max(named, key=lambda stack: stack.get("LastUpdatedTime") or stack["CreationTime"])
        return self._failures_since(last["StackId"], began)

    def _events(self, name: str) -> list[dict[str, Any]]:
        try:
            return list(self._cloudformation.describe_stack_events(StackName=name)["StackEvents"])
        except ClientError:
            return []
