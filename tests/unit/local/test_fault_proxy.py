"""The fault proxy tells services apart by what their requests say."""

from __future__ import annotations

import pytest

from tests.chaos.fault_proxy import service_of


@pytest.mark.parametrize(
    ("head", "service"),
    [
        ("POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.GetItem", "dynamodb"),
        ("POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.SendMessageBatch", "sqs"),
        ("POST / HTTP/1.1\r\nX-Amz-Target: AWSStepFunctions.StartExecution", "states"),
        ("POST /_aws/execute-api/x/v1/@connections/abc HTTP/1.1\r\nHost: x", "connections"),
        ("PUT /bucket/key HTTP/1.1\r\nHost: x", "s3"),
    ],
)
def test_a_request_is_of_the_service_that_it_names(head: str, service: str) -> None:
    assert service_of(f"{head}\r\n\r\nbody".encode()) == service
