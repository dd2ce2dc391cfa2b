#!/usr/bin/env bash
# MiniStack 1.5.33 with AUTH=true: a right bound to a KMS encryption context refuses every call.
#
# A good guess: with AUTH=true MiniStack judges each call by the caller's policies and their
# conditions, so `kms:EncryptionContext:<name>`, the condition key that AWS documents for Encrypt and Decrypt, is taken
# from the call as it is in AWS.
# What happens: the key is never there. A role that may encrypt without a condition is answered; the same role with the
# condition that its call fulfils gets AccessDeniedException ("no identity-based policy allows the kms:Encrypt action").
# So a stack with least privilege by encryption context works in AWS and fails on the local cloud.
# Source: AWS KMS developer guide, "Condition keys for AWS KMS" (kms:EncryptionContext:context-key);
# ministack/core/iam_actions.py, which knows contexts of S3, DynamoDB and Logs and tags only.
set -euo pipefail
here=$(mktemp -d)
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check 'ministack[full]==1.5.33' boto3==1.43.102
port=$("$here/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
AUTH=true GATEWAY_PORT=$port MINISTACK_HOST=127.0.0.1 HOME=$here "$here/venv/bin/python" -m ministack >"$here/log" 2>&1 &
cloud=$!
trap 'kill $cloud; wait $cloud 2>/dev/null || true; rm -rf "$here"' EXIT
for _ in $(seq 100); do
    curl -sf "http://127.0.0.1:$port/_ministack/health" >/dev/null && break
    sleep 0.2
done
PORT=$port "$here/venv/bin/python" - <<'EOF'
import json
import os
from importlib.metadata import version

import boto3
from botocore.exceptions import ClientError

HERE = {"region_name": "us-east-1", "endpoint_url": f"http://127.0.0.1:{os.environ['PORT']}"}
owner = {**HERE, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
key = boto3.client("kms", **owner).create_key()["KeyMetadata"]["Arn"]
iam, sts = boto3.client("iam", **owner), boto3.client("sts", **owner)


def encrypt_as_a_role_with(condition: dict[str, object]) -> str:
    """What a role gets whose one right is to encrypt under this condition."""
    name = f"role-{len(condition)}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    right = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key, **condition}
    iam.put_role_policy(RoleName=name, PolicyName="one", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [right]}))
    got = sts.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="here")["Credentials"]
    kms = boto3.client(
        "kms",
        **HERE,
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key=got["SecretAccessKey"],
        aws_session_token=got["SessionToken"],
    )
    try:
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"ring": "a"})
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "encrypted"


plain = encrypt_as_a_role_with({})
bound = encrypt_as_a_role_with({"Condition": {"StringEquals": {"kms:EncryptionContext:ring": "a"}}})
print("ministack", version("ministack"), "without condition:", plain, "with a fulfilled one:", bound)
assert (plain, bound) == ("encrypted", "AccessDeniedException")
EOF
