"""One name finds the lines of a request, of who follows the stream and of what posted to sockets."""

from __future__ import annotations

import pytest

from kernel import auth
from log.consumers import dispatch
from messages.app import app
from realtime.consumers import fanout
from tests.helpers import CONTEXT, ask
from tests.integration.following import told
from tests.integration.rooms import group, open_socket, people
from tests.tools import captured_lines, jobs, queue_event

SOCKETS = 11  # one more than a sender posts to itself

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.mark.usefixtures("management")
def test_a_message_s_name_is_in_the_lines_of_request_stream_and_socket() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for number in range(SOCKETS):
        open_socket(bob, f"socket-{number}")
    jobs()
    with captured_lines() as lines:
        answer = ask(
            app,
            "POST",
            "/conversations/{conversation_id}/messages",
            {"conversation_id": conversation_id},
            body={"client_id": "one", "text": "hello"},
            token=auth.issue(ada.user_id, ada.session_id),
        )
        assert answer.status == 201
        assert fanout.handler(queue_event(*jobs()), CONTEXT) == {"batchItemFailures": []}
        assert dispatch.handler({"Records": told()}, CONTEXT) == {"batchItemFailures": []}
    name = f"{conversation_id}/{answer.body['seq']}"
    found = {line["function"]: line for line in lines.all if name in line.get("events", ())}
    assert found.keys() == {"messages", "realtime.fanout", "log.dispatch"}
    assert found["messages"]["request_id"] == answer.headers["x-request-id"]
