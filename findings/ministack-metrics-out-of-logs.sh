#!/usr/bin/env bash
# MiniStack 1.5.33: no log line becomes a metric, neither by its embedded format nor by a filter, and an alarm stays on.
#
# A good guess: on a local cloud that takes PutMetricFilter and answers ListMetrics, a Lambda function's metrics (which
# Powertools and the EMF libraries write as log lines) and the metric filters of its log groups feed the same alarms as
# in AWS, so an alarm can be tried out from the function to the alarm's state.
# What happens: both kinds of lines are kept as text and no metric comes of them. Metrics put by PutMetricData do set
# alarms off, yet only at the moment of a put: with a period of ten seconds and TreatMissingData=notBreaching the alarm
# is still in ALARM when no data has come for several periods, where CloudWatch turns it to OK.
# For users: alarms that are green locally were never asked, and what waits for a recovery waits for ever. Parse the
# EMF lines and put the metrics yourself, and test the alarm's arithmetic apart.
# Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html;
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html ("Configuring how CloudWatch
# alarms treat missing data"); https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check ministack==1.5.33 boto3==1.43.102
port=$("$here/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
GATEWAY_PORT=$port MINISTACK_HOST=127.0.0.1 HOME=$here "$here/venv/bin/python" -m ministack >"$here/log" 2>&1 &
cloud=$!
trap 'kill $cloud; wait $cloud 2>/dev/null || true; rm -rf "$here"' EXIT
for _ in $(seq 300); do
    curl -sf "http://127.0.0.1:$port/_ministack/health" >/dev/null && break
    sleep 0.2
done
PORT=$port "$here/venv/bin/python" - <<'EOF'
import json
import os
import time
from importlib.metadata import version

import boto3

HERE = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
HERE["endpoint_url"] = f"http://127.0.0.1:{os.environ['PORT']}"
logs, metrics = boto3.client("logs", **HERE), boto3.client("cloudwatch", **HERE)
GROUP = {"logGroupName": "/aws/lambda/send"}
PERIOD_S = 10


def names() -> list[str]:
    return sorted(each["MetricName"] for each in metrics.list_metrics(Namespace="Chat")["Metrics"])


def state() -> str:
    return str(metrics.describe_alarms(AlarmNames=["failing"])["MetricAlarms"][0]["StateValue"])


logs.create_log_group(**GROUP)
logs.create_log_stream(**GROUP, logStreamName="one")
transformation = {"metricName": "ByFilter", "metricNamespace": "Chat", "metricValue": "1"}
logs.put_metric_filter(
    **GROUP, filterName="errors", filterPattern='{ $.level = "ERROR" }', metricTransformations=[transformation]
)
now = int(time.time() * 1000)
directive = {"Namespace": "Chat", "Dimensions": [["service"]], "Metrics": [{"Name": "Embedded", "Unit": "Count"}]}
embedded = {"_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]}, "service": "send", "Embedded": 1}
lines = [{"timestamp": now, "message": json.dumps(each)} for each in (embedded, {"level": "ERROR"})]
logs.put_log_events(**GROUP, logStreamName="one", logEvents=lines)
metrics.put_metric_alarm(
    AlarmName="failing",
    Namespace="Chat",
    MetricName="Put",
    Statistic="Sum",
    Period=PERIOD_S,
    EvaluationPeriods=1,
    Threshold=1,
    ComparisonOperator="GreaterThanOrEqualToThreshold",
    TreatMissingData="notBreaching",
)
metrics.put_metric_data(Namespace="Chat", MetricData=[{"MetricName": "Put", "Value": 1}])
at_once = state()
time.sleep(3 * PERIOD_S)
kept = len(logs.get_log_events(**GROUP, logStreamName="one")["events"])
print("ministack", version("ministack"), "log lines kept:", kept, "metrics:", *names())
print("the alarm at the put:", at_once, "three periods later:", state())
assert (kept, names()) == (2, ["Put"]), "log lines become metrics now: this finding is out of date"
assert (at_once, state()) == ("ALARM", "ALARM")
EOF
