"""What a session may call that has to enrol a second factor: these routes and no others, in every domain."""

from __future__ import annotations

from infra import documents

OPEN = {
    "POST /auth/totp",
    "POST /auth/totp/confirm",
    "POST /auth/passkeys/registrations",
    "POST /auth/passkeys",
    "GET /auth/passkeys",
    "GET /users/me",
    "POST /auth/logout",
    "POST /auth/logout-all",
}


def test_enrolling_signing_out_and_reading_ones_account_are_open_and_nothing_else() -> None:
    routes = [route for app in documents.apps() for route in app.routes if not route.public]

    assert len(routes) > 150
    assert {f"{route.method} {route.path}" for route in routes if route.while_enrolling} == OPEN
