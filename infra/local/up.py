"""Brings an instance up: servers, build, deployment, endpoints, readiness. Safe to run again at any time."""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra import generate
from infra.local import antivirus, deployment, services, templates, web
from infra.local.artifacts import Artifacts
from infra.local.config import REGION, STACK, STATE, Instance
from infra.local.console import Problem, Step, say, step
from infra.local.locks import locked
from infra.local.process import Daemon
from infra.local.stack import Stack

DISK_NEEDED_MB = 2048
READY_WAIT_S = 30


def up(instance: Instance, *, force: bool = False) -> None:
    """Bring the instance up; returns when the stack is deployed and reports that it is ready."""
    with locked(instance.name):
        _up(instance, force=force)


def _up(instance: Instance, *, force: bool) -> None:
    started = time.monotonic()
    STATE.mkdir(exist_ok=True)
    check_disk(shutil.disk_usage(STATE).free // 2**20)
    check_kept_address(instance)
    # all instances share what is built; servers start, artifacts are made and npm runs side by side
    with (
        locked("build"),
        Artifacts(templates.layers(), instance.logs / "build.log") as artifacts,
        ThreadPoolExecutor(1) as aside,
    ):
        built = aside.submit(web.build, instance)
        start_servers(instance)
        with step("Antivirus") as current:
            scanner = antivirus.found()
            current.note = antivirus.told(scanner)
        with step("Build") as current:
            current.doing = lambda: ", ".join(artifacts.making)
            generate.main()
            made = artifacts.result()
            current.note = f"{artifacts.made} artifacts" if artifacts.made else "unchanged"
        stack = Stack(instance)
        _deploy(stack, made, deployment.parameters(instance, antivirus=scanner), force=force)
        with step("Web client") as current:
            web_url, current.note = web.publish(instance, stack, built)
    endpoints = write_endpoints(instance, stack, web_url)
    with step("Ready") as current:
        current.note = wait_until_ready(instance, str(endpoints["http_url"]))
    say(f"\nUp after {time.monotonic() - started:.1f} s. Addresses: {instance.endpoints_file}")
    for key, value in endpoints.items():
        say(f"  {key:<18} {value or '-'}")
    if endpoints["web_url"]:
        say(f"\nOpen {endpoints['web_url']}")


def check_disk(free_mb: int) -> None:
    if free_mb < DISK_NEEDED_MB:
        raise Problem(
            f"{free_mb} MB of disk are free under {STATE}; the local cloud needs {DISK_NEEDED_MB}",
            "free some space (make reset wipes the local cloud's data) and run make up again",
        )


def check_kept_address(instance: Instance) -> None:
    """MiniStack keeps queue URLs with the port they were made with, and no consumer reads them at another.

    Raises:
        Problem: the instance's data were made at another port.
    """
    if not instance.endpoints_file.exists():
        return
    kept = json.loads(instance.endpoints_file.read_text())["aws_endpoint_url"]
    if kept != instance.endpoint:
        raise Problem(
            f"the data of this local cloud belong to {kept}, and it is to start at {instance.endpoint}",
            f"unset {instance.port_variable} to start it there, or wipe its data with {instance.reset_command} first",
        )


def start_servers(instance: Instance) -> None:
    """Start the servers of an instance that do not run, or run with other settings."""
    with step("Valkey") as current:
        _start(instance, services.redis(instance), instance.redis_port_variable, current)
    with step("MiniStack") as current:
        _start(instance, services.cloud(instance), instance.port_variable, current)


def _start(instance: Instance, daemon: Daemon, port_variable: str, current: Step) -> None:
    if daemon.listening() and daemon.current():
        current.note = "already running"
        return
    daemon.stop(wait_s=services.STOP_WAIT_S)  # it hangs, or runs with old settings
    daemon.require_free_port(port_variable)
    services.prepare(instance)
    daemon.start(wait_s=services.START_WAIT_S)
    current.note = f"port {daemon.port}"


def _deploy(stack: Stack, artifacts: Mapping[str, Path], parameters: list[str], *, force: bool) -> None:
    with step("Deploy") as current:
        stack.make_ready_for_deployment()
        try:
            deployment.deploy(stack, artifacts, parameters, current, force=force)
        except deployment.Refused as error:
            raise deployment_problem(stack, str(error)) from error
        except deployment.Failed as error:
            raise deployment_problem(stack, *stack.failures()) from error


def deployment_problem(stack: Stack, *reasons: str) -> Problem:
    """The failed resources and reasons, in CloudFormation's words."""
    told = "\n".join(f"    {reason}" for reason in reasons)
    advice = f"put right what is named and run {stack.instance.up_command} again"
    if any("already exists" in reason for reason in reasons):
        reset = stack.instance.reset_command
        advice += f"; if a deployment that was cut short has left it, {reset} removes it with all local data"
    return Problem(f"the deployment failed (stack {stack.name} is {stack.status()}):\n{told}", advice)


def write_endpoints(instance: Instance, stack: Stack, web_url: str | None = None) -> dict[str, str | None]:
    """Write the addresses of everything; API ids may change with a deployment."""
    outputs = stack.outputs()
    if "RestApiId" not in outputs:
        raise Problem("the stack has no output RestApiId", "add it to template.yaml")
    socket_id = outputs.get("WebSocketApiId")
    endpoints: dict[str, str | None] = {
        "http_url": instance.execute_api(outputs["RestApiId"]),
        "ws_url": instance.execute_api(socket_id, scheme="ws") if socket_id else None,
        "web_url": web_url,
        "region": REGION,
        "stack": STACK,
        "aws_endpoint_url": instance.endpoint,
        "redis_url": instance.redis_url,
    }
    draft = instance.endpoints_file.with_suffix(".draft")
    draft.write_text(json.dumps(endpoints, indent=2) + "\n")
    draft.replace(instance.endpoints_file)
    return endpoints


def wait_until_ready(instance: Instance, http_url: str) -> str:
    """Poll /health/ready until it answers 200."""
    deadline = time.monotonic() + READY_WAIT_S
    url = f"{http_url}/health/ready"
    attempts = 0
    while (answer := _get(url))[0] != 200:
        status, body = answer
        attempts += 1
        hopeless = attempts >= 3 and "Worker init failed" in body  # the function's module cannot be imported
        if hopeless or time.monotonic() > deadline:
            raise Problem(
                f"{url} answers {status or 'nothing'}: {body[:400]}",
                f"look at the functions' logs with make logs, and at {instance.logs / 'cloud.log'}",
            )
        time.sleep(0.2)
    return "/health/ready answers 200"


def _get(url: str) -> tuple[int, str]:
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=15) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)
