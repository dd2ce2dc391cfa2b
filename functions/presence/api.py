"""Presence for other domains: opened and closed sockets. Never raises."""

from __future__ import annotations

from presence.sockets import socket_closed, socket_opened
