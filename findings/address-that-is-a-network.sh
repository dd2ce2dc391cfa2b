#!/usr/bin/env bash
# aws-lambda-powertools 3.37.0, parser: the caller's address in an API Gateway event is a network, "192.0.2.1/32".
#
# A good guess: `event.requestContext.http.sourceIp` of the parsed event is the address that stands in the event, as an
# `ip_address` perhaps, since it was validated; `str()` of it is the text that Amazon sent.
# What happens: the models of HTTP, REST and WebSocket events declare the field as IPvAnyNetwork, and pydantic makes an
# IPv4Network of 192.0.2.1. Its text, and that of the event written as JSON again, has "/32", for IPv6 "/128"; it equals
# no `ip_address`, and it is `in` no network, for a network has addresses in it: the answer is False without an error.
# Powertools' own data classes give the text as it was, so changing from one utility to the other changes what is
# compared and stored.
# For users: counts for each address begin anew on the day of the change, and lists of addresses match nobody any more.
# Take `.network_address`.
# Source: aws_lambda_powertools/utilities/parser/models/apigwv2.py, apigw.py and apigw_websocket.py (sourceIp);
# https://docs.pydantic.dev/latest/api/networks/#pydantic.networks.IPvAnyNetwork;
# https://docs.python.org/3/library/ipaddress.html (network objects).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check aws-lambda-powertools==3.37.0 pydantic==2.13.5
"$here/venv/bin/python" - <<'EOF'
import ipaddress
from importlib.metadata import version

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventV2Model


def event(address: str) -> dict[str, object]:
    """A request in payload format 2.0 of an HTTP API."""
    http = {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": address, "userAgent": "app"}
    context = {"accountId": "1", "apiId": "a", "domainName": "example.com", "domainPrefix": "example", "http": http}
    context |= {"requestId": "r", "routeKey": "$default", "stage": "$default"}
    context |= {"time": "01/Dec/2026:12:00:00 +0000", "timeEpoch": 1796126400000}
    first = {"version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "headers": {}}
    return first | {"requestContext": context, "isBase64Encoded": False}


print("powertools", version("aws-lambda-powertools"), "pydantic", version("pydantic"))
for sent, suffix in (("192.0.2.1", "/32"), ("2001:db8::1", "/128")):
    parsed = APIGatewayProxyEventV2Model.model_validate(event(sent))
    address = parsed.requestContext.http.sourceIp
    as_text = APIGatewayProxyEventV2(event(sent)).request_context.http.source_ip
    again = parsed.model_dump(mode="json")["requestContext"]["http"]["sourceIp"]
    is_in = address in ipaddress.ip_network(sent)
    print(f"sent {sent}: data class {as_text}, parser {address!r}, as JSON {again}, `in`: {is_in}")
    assert as_text == sent and str(address.network_address) == sent
    assert str(address) == again == sent + suffix, "it is an address now: this finding is out of date"
    assert address != ipaddress.ip_address(sent) and not is_in
EOF
