"""Accounts for administration, privacy and operators. Apart from `api`, so that few functions load it."""

from __future__ import annotations

from accounts.bans import END_ERASED, END_SESSIONS, ban, bans, end_everything, unban
from accounts.factors.passkeys import reset as reset_passkeys
from accounts.factors.second_factors import FORGET_CONFIRMATIONS
from accounts.factors.step_up import require_password, require_recent_proof
from accounts.factors.totp import reset as reset_totp
from accounts.sessions.authentication import authenticate_by_table as authenticate
from accounts.sessions.new_devices import AFTER_SIGN_IN, END_DISOWNED
from accounts.sessions.service import CLOSE_SOCKETS, session_views
from accounts.store import delete_attempts, user_id_of
