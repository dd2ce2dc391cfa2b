"""Switches AI help of the deployed stack to servers of the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.e2e.tools import operators_client
from tests.support import deployed_functions, models, transcribing

MODEL = "loopback-small"


@contextmanager
def language_model(
    endpoints: Mapping[str, str], say: models.Say, *, provider: str = "openai"
) -> Iterator[models.LoopbackModel]:
    """A model on this machine, at a price, called as an OpenAI-compatible endpoint or as Bedrock."""
    names = [f"{endpoints['stack']}-Assistant", f"{endpoints['stack']}-AssistantStream"]
    with models.serving(say) as model:
        changes = {
            "AI_PROVIDER": provider,
            "AI_MODELS": f"default={MODEL}",
            "AI_BASE_URL": f"{model.url}/v1",
            "AI_ENDPOINT_URL": model.url,
            "AI_INPUT_USD": "3",
            "AI_OUTPUT_USD": "15",
        }
        with deployed_functions.changed(operators_client(endpoints, "lambda"), names, changes):
            yield model


def has_transcriptions(endpoints: Mapping[str, str]) -> bool:
    """Whether the stack was deployed with AiTranscriptions=transcribe, as `make test` deploys its own."""
    listed = operators_client(endpoints, "lambda").get_paginator("list_functions").paginate()
    return f"{endpoints['stack']}-Transcribe" in listed.search("Functions[].FunctionName")


@contextmanager
def transcribe(endpoints: Mapping[str, str]) -> Iterator[transcribing.LoopbackTranscribe]:
    """A server in place of Amazon Transcribe, which the local cloud lacks."""
    client, name = operators_client(endpoints, "lambda"), f"{endpoints['stack']}-Transcribe"
    with (
        transcribing.serving(operators_client(endpoints, "s3")) as service,
        deployed_functions.changed(client, [name], {"AI_TRANSCRIBE_URL": service.url}),
    ):
        yield service
