#!/usr/bin/env bash
# Runs coturn with the secret with which the API signs credentials. For systemd or a container; needs the AWS CLI.
#   TURN_SECRET_ID  name of the secret ({stack}/turn)     TURN_REALM  e.g. turn.example.com
#   TURN_PUBLIC_IP  address that clients see              TURN_CERT, TURN_KEY  PEM files of that name
set -euo pipefail
umask 077

secret=$(aws secretsmanager get-secret-value --secret-id "$TURN_SECRET_ID" --query SecretString --output text |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["secret"])')
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
# in a file, because every process of the machine can read command lines
{
    cat "$(dirname "$0")/turnserver.conf"
    echo "static-auth-secret=$secret"
    echo "realm=$TURN_REALM"
    echo "external-ip=$TURN_PUBLIC_IP"
    echo "cert=$TURN_CERT"
    echo "pkey=$TURN_KEY"
} >"$settings"
turnserver -c "$settings"
