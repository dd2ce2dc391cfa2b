"""Accounts for administration, privacy and operators. Apart from `api`, so that few functions load it."""

from __future__ import annotations

from accounts.bans import END_ERASED, END_SESSIONS, ban, bans, end_everything, unban
from accounts.new_devices import AFTER_SIGN_IN, END_DISOWNED
from accounts.passkeys import reset as reset_passkeys
from accounts.second_factors import FORGET_CONFIRMATIONS
from accounts.sessions import CLOSE_SOCKETS, session_views
from accounts.sessions import authenticate_by_table as authenticate
from accounts.step_up import require_password, require_recent_proof
from accounts.store import delete_attempts, user_id_of
from accounts.totp import reset as reset_totp
