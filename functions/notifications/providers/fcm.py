"""Firebase Cloud Messaging (HTTP v1) by `firebase-admin`, which only the push function carries (layers/firebase).

By default the library starts a thread for each message, tries five times and obeys `Retry-After`. Here it gets small
batches, timeouts, and adapters that try once; the queue retries.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kernel import breakers, clock, telemetry
from kernel.breakers import CircuitOpen, Limits
from kernel.cache import Memo
from kernel.config import config
from notifications.payloads import Payload
from notifications.providers.outcomes import DELIVERED, Delivery, PushOutcome, later

BATCH = 25
CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 4.0
WORST_CASE_S = 2 * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S)  # of a batch: the access token, then the messages
CREDENTIALS_MEMO_S = 300
FCM_URL = "https://fcm.googleapis.com/v1/projects/{0}/messages:send"
QUOTA_RETRY_S = "60"  # without a Retry-After header: FCM refills a project's quota every minute
SETUP_RETRY_S = "300"  # wrong credentials have to be corrected by an operator

_LIMITS = Limits(failures=3, window=3, window_s=600.0, patience_s=20.0, rest_s=30.0, rest_max_s=120.0)
breaker = breakers.named("fcm", _LIMITS)
_senders: Memo[Sender] = Memo(max_entries=2, ttl_s=CREDENTIALS_MEMO_S)
_lock = threading.Lock()


def send(deliveries: Sequence[Delivery]) -> list[PushOutcome]:
    """Send to each device, in batches, one attempt each. Missing and wrong credentials are outcomes, no exceptions."""
    if not config().fcm_secret_arn:
        return [PushOutcome("refused", "not_configured")] * len(deliveries)
    try:
        sender = _sender()
    except (TypeError, ValueError) as error:  # the secret holds no service account
        telemetry.logger().error("wrong credentials", extra={"provider": "fcm", "error": type(error).__name__})
        return [later("credentials", SETUP_RETRY_S)] * len(deliveries)
    batches = (deliveries[start : start + BATCH] for start in range(0, len(deliveries), BATCH))
    return [outcome for batch in batches for outcome in sender.send(batch)]


def _sender() -> Sender:
    with _lock:
        found = _senders.get("fcm")
        if found is None:
            found = Sender(json.loads(_credentials()))
            _senders.put("fcm", found)
        return found


def _credentials() -> str:
    from kernel import aws

    text: str = aws.client("secretsmanager").get_secret_value(SecretId=config().fcm_secret_arn)["SecretString"]
    return text


class Sender:
    """Sends to one Firebase project; `url` is a template with the project's id as `{0}`."""

    def __init__(self, service_account: Mapping[str, Any], *, url: str = FCM_URL) -> None:
        import firebase_admin
        import requests
        from firebase_admin import credentials, messaging

        app = firebase_admin.initialize_app(
            credentials.Certificate(dict(service_account)),
            {"httpTimeout": (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)},
            name=f"push-{clock.now()}-{id(self)}",
        )
        self._messaging, self._app = messaging, app
        # private attributes, because no public option replaces the library's adapters, which try five times
        service = messaging._get_messaging_service(app)
        self._session = service._client.session
        for prefix in ("https://fcm.googleapis.com", "https://", "http://"):
            adapter = requests.adapters.HTTPAdapter(pool_maxsize=BATCH, max_retries=0)
            self._session.mount(prefix, adapter)
        self._session._auth_request_session.mount("https://", requests.adapters.HTTPAdapter(max_retries=0))
        service._fcm_url = url.format(app.project_id)

    def send(self, batch: Sequence[Delivery]) -> list[PushOutcome]:
        """Send a batch of at most 25, in parallel."""
        try:
            breaker.admit()
        except CircuitOpen:
            return [later("circuit_open")] * len(batch)
        started = time.monotonic()
        try:
            outcomes = self._attempt(batch)
        except BaseException:
            breaker.abandoned()
            raise
        failed = [each for each in outcomes if each.result == "later" and each.reason != "quota"]
        if len(failed) == len(outcomes):
            breaker.failed(time.monotonic() - started)
        else:
            breaker.succeeded()
        return outcomes

    def _attempt(self, batch: Sequence[Delivery]) -> list[PushOutcome]:
        from firebase_admin.exceptions import FirebaseError
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            self._sign_in()
            messages = [self._message(each) for each in batch]
            answer = self._messaging.send_each(messages, app=self._app)
        except TransportError:
            return [later("unreachable")] * len(batch)
        except GoogleAuthError:
            return [later("credentials", SETUP_RETRY_S)] * len(batch)
        except FirebaseError as error:
            return [later(error.code)] * len(batch)
        return [DELIVERED if each.success else self._outcome(each.exception) for each in answer.responses]

    def _sign_in(self) -> None:
        """Get an access token once, before each thread requests one of its own."""
        credentials = self._session.credentials
        if not credentials.valid:
            timed = self._session._auth_request
            credentials.refresh(lambda *args, **kwargs: timed(*args, **{**kwargs, "timeout": READ_TIMEOUT_S}))

    def _message(self, delivery: Delivery) -> Any:
        kinds, payload, topic = self._messaging, delivery.payload, delivery.topic
        data = {name: str(value) for name, value in payload.fields().items()}
        voip = delivery.device.voip and payload.kind == "call"
        return kinds.Message(
            token=delivery.device.token,
            data=data,
            android=kinds.AndroidConfig(
                collapse_key=topic, priority="high" if payload.urgency == "high" else "normal", ttl=payload.ttl_s
            ),
            apns=kinds.APNSConfig(headers=_apns_headers(payload, topic, voip=voip), payload=self._aps(payload)),
            webpush=kinds.WebpushConfig(
                headers={"TTL": str(payload.ttl_s), "Urgency": payload.urgency, "Topic": topic}, data=data
            ),
        )

    def _aps(self, payload: Payload) -> Any:
        kinds = self._messaging
        if payload.silent:
            return kinds.APNSPayload(kinds.Aps(badge=payload.badge, content_available=True))
        preview = payload.preview
        alert = (
            kinds.ApsAlert(loc_key=f"push.{payload.kind}")  # a text of the app, in the person's language
            if preview is None
            else kinds.ApsAlert(title=preview.title, body=preview.body)
        )
        return kinds.APNSPayload(
            kinds.Aps(alert=alert, badge=payload.badge, sound="default", mutable_content=True, thread_id=payload.tag)
        )

    def _outcome(self, error: Any) -> PushOutcome:
        from firebase_admin import exceptions

        answer = getattr(error, "http_response", None)
        retry_after = None if answer is None else answer.headers.get("Retry-After")
        if isinstance(error, self._messaging.UnregisteredError | self._messaging.SenderIdMismatchError):
            return PushOutcome("gone", "unregistered")
        if isinstance(error, self._messaging.QuotaExceededError | exceptions.ResourceExhaustedError):
            return later("quota", retry_after or QUOTA_RETRY_S)
        if isinstance(error, exceptions.InvalidArgumentError):
            about_token = "token" in str(error).lower()
            return PushOutcome("gone", "invalid_token") if about_token else PushOutcome("refused", "invalid_argument")
        if isinstance(error, exceptions.NotFoundError):
            return PushOutcome("refused", "not_found")
        if isinstance(
            error,
            self._messaging.ThirdPartyAuthError | exceptions.UnauthenticatedError | exceptions.PermissionDeniedError,
        ):
            return later("credentials", SETUP_RETRY_S)
        return later(str(getattr(error, "code", "unknown")).lower(), retry_after)


def _apns_headers(payload: Payload, topic: str, *, voip: bool) -> dict[str, str]:
    kind = "voip" if voip else "background" if payload.silent else "alert"
    return {
        "apns-push-type": kind,
        # Apple refuses priority 10 for pushes that show nothing
        "apns-priority": "5" if payload.silent or payload.urgency == "low" else "10",
        "apns-expiration": str(clock.now_s() + payload.ttl_s),
        "apns-collapse-id": topic,
    }
