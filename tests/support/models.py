"""Language models on the loopback: servers with the protocols of OpenAI-compatible endpoints and of Bedrock.

Their answers are a function of the prompt. They can be set to be slow, to fail, or to break off in a stream.
"""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support import loopback
from tests.support.loopback import QuietHandler

Say = Callable[[str, str], str]  # instructions and data → the answer


def data_in(user: str) -> dict[str, Any]:
    """The data that a prompt has between its marks."""
    data: dict[str, Any] = json.loads(user.split("\n", 1)[1].rsplit("\n", 1)[0])
    return data


class LoopbackModel:
    """A server of both protocols. `asked` has the bodies of all calls, `left` counts streams whose reader left before
    the end, `before_part` is called before each part of a stream and may delay it."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.mode = "well"  # or slow, failing, throttling, broken, throttled midway (Bedrock alone)
        self.tells_usage = True
        self.left = 0
        self.before_part: Callable[[int], object] = lambda n: None
        self.url = ""  # set when it runs

    def handler(self) -> type[QuietHandler]:
        model = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.body())
                model.asked.append(body)
                model.headers.append({name.lower(): value for name, value in self.headers.items()})
                if model.mode == "slow":
                    time.sleep(3)
                if model.mode in ("failing", "throttling"):
                    self.send(500 if model.mode == "failing" else 429, b'{"message":"no"}')
                elif self.path.endswith("/chat/completions"):
                    self._openai(body)
                elif self.path.endswith("/converse"):
                    self._converse(body)
                elif self.path.endswith("/converse-stream"):
                    self._converse_stream(body)
                else:
                    self.send(404, b"{}")

            def _stream(self, kind: str, parts: Iterator[bytes]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for n, part in enumerate(parts):
                    if model.mode == "broken" and n == 2:
                        self.close_connection = True
                        self.wfile.flush()
                        self.connection.close()
                        return
                    model.before_part(n)
                    try:
                        self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                    except ConnectionError:
                        self.close_connection = True
                        model.left += 1
                        return
                self.wfile.write(b"0\r\n\r\n")

            def _openai(self, body: dict[str, Any]) -> None:
                system, user = (each["content"] for each in body["messages"])
                text = model.say(system, user)
                usage = {"prompt_tokens": 100, "completion_tokens": 20}
                if not body.get("stream"):
                    answer: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": text}}]}
                    if model.tells_usage:
                        answer["usage"] = usage
                    self.send(200, json.dumps(answer).encode())
                    return
                said = [{"choices": [{"delta": {"content": piece}}]} for piece in _pieces(text)]
                ends: list[dict[str, Any]] = [{"choices": [], "usage": usage}] if model.tells_usage else []
                events = [f"data: {json.dumps(each)}\n\n".encode() for each in (*said, *ends)]
                self._stream("text/event-stream", iter([*events, b"data: [DONE]\n\n"]))

            def _converse(self, body: dict[str, Any]) -> None:
                content = [{"text": model.say(*_bedrock_prompt(body))}]
                usage = {"inputTokens": 100, "outputTokens": 20, "totalTokens": 120}
                answer = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn"}
                answer |= {"usage": usage, "metrics": {"latencyMs": 5}}
                self.send(200, json.dumps(answer).encode())

            def _converse_stream(self, body: dict[str, Any]) -> None:
                text = model.say(*_bedrock_prompt(body))
                usage = {"inputTokens": 100, "outputTokens": 20, "totalTokens": 120}
                events: list[tuple[str, dict[str, Any]]] = [
                    ("messageStart", {"role": "assistant"}),
                    *(
                        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": each}})
                        for each in _pieces(text)
                    ),
                    ("messageStop", {"stopReason": "end_turn"}),
                    ("metadata", {"usage": usage, "metrics": {"latencyMs": 5}}),
                ]
                frames = [_event_frame(name, payload) for name, payload in events]
                if model.mode == "throttled midway":
                    frames[2:] = [_event_frame("throttlingException", {"message": "slower"}, kind="exception")]
                self._stream("application/vnd.amazon.eventstream", iter(frames))

        return Handler


def _bedrock_prompt(body: dict[str, Any]) -> tuple[str, str]:
    system = "".join(each.get("text", "") for each in body["system"])
    return system, body["messages"][0]["content"][0]["text"]


def _pieces(text: str) -> list[str]:
    return [text[start : start + 7] for start in range(0, len(text), 7)]


def _event_frame(name: str, payload: dict[str, Any], *, kind: str = "event") -> bytes:
    """A message of the AWS event stream encoding (Smithy, "Amazon event stream"): an event or an exception."""
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in (
            (":message-type", kind),
            (f":{kind}-type", name),
            (":content-type", "application/json"),
        )
    )
    content = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(content), len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    whole = prelude + headers + content
    return whole + struct.pack(">I", zlib.crc32(whole))


@contextmanager
def serving(say: Say) -> Iterator[LoopbackModel]:
    model = LoopbackModel(say)
    with loopback.serving(model.handler()) as model.url:
        yield model
