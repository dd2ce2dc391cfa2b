"""Amazon Transcribe on the loopback: a server of its protocol (AWS JSON 1.1) that writes results to the bucket.

Jobs end after a number of polls; tests can make jobs or calls fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernel import aws
from tests.support import loopback
from tests.support.loopback import QuietHandler

SOUND = b"OggS\x00\x02" + bytes(22) + b"OpusHead" + bytes(30_000)
SPOKEN = (("0.1", "1.9", "The ferry leaves at 6:40."), ("2.4", "21.2", "More at evil.example/now, bring tea."))


class LoopbackTranscribe:
    """`jobs` has the parameters of each existing job by name, `asked` the names of all calls. `s3` is a client for the
    bucket, by default the product's own."""

    def __init__(self, s3: Any = None) -> None:
        self._s3 = s3
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.looks_until_done = 1
        self.fails = False
        self.is_down = False
        self._looks: dict[str, int] = {}
        self.url = ""  # set when it runs

    def handler(self) -> type[QuietHandler]:
        service = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                given = json.loads(self.body())
                operation = self.headers["X-Amz-Target"].removeprefix("Transcribe.")
                service.asked.append(operation)
                status, answer = service.answer(operation, given)
                self.send(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

        return Handler

    def answer(self, operation: str, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = given["TranscriptionJobName"]
        if self.is_down:
            return 500, {"__type": "InternalFailureException", "Message": "no"}
        if operation == "StartTranscriptionJob":
            if name in self.jobs:
                return 400, {"__type": "ConflictException", "Message": "there is one of this name"}
            self.jobs[name] = given
            return 200, {"TranscriptionJob": {"TranscriptionJobName": name, "TranscriptionJobStatus": "QUEUED"}}
        if name not in self.jobs:
            return 400, {"__type": "BadRequestException", "Message": "The requested job couldn't be found."}
        if operation == "DeleteTranscriptionJob":
            del self.jobs[name]
            return 200, {}
        return 200, {"TranscriptionJob": {"TranscriptionJobName": name, "TranscriptionJobStatus": self._state(name)}}

    def _state(self, name: str) -> str:
        self._looks[name] = self._looks.get(name, 0) + 1
        if self._looks[name] < self.looks_until_done:
            return "IN_PROGRESS"
        if self.fails:
            return "FAILED"
        self._write(self.jobs[name])
        return "COMPLETED"

    def _write(self, job: dict[str, Any]) -> None:
        segments = [{"start_time": start, "end_time": end, "transcript": said} for start, end, said in SPOKEN]
        results = {"transcripts": [{"transcript": " ".join(said for *_, said in SPOKEN)}], "audio_segments": segments}
        body = json.dumps({"status": "COMPLETED", "results": results})
        s3 = self._s3 or aws.client("s3")
        s3.put_object(Bucket=job["OutputBucketName"], Key=job["OutputKey"], Body=body.encode())


@contextmanager
def serving(s3: Any = None) -> Iterator[LoopbackTranscribe]:
    service = LoopbackTranscribe(s3)
    with loopback.serving(service.handler()) as service.url:
        yield service
