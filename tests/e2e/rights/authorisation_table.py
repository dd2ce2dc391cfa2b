"""The required status of every route and action for each kind of caller (R33): the authorisation matrix.

The callers, by their relation to the scene's group: its owner, an admin, a member, a former member who was removed, a
stranger, a person in a direct conversation with the owner, who has blocked them, a caller who is not signed in, and a
platform administrator, who has no special rights in other people's conversations.
"""

from __future__ import annotations

from tests.e2e.rights import drive_rights, keys_rights

ROLES = ("owner", "admin", "member", "former", "stranger", "blocked", "anonymous", "platform_admin")

# Public routes are called with an empty body: 400 means that the caller was let through.
TABLE = """
                                                                                own adm mem for str blo ano pla
GET    /health                                                                  200 200 200 200 200 200 200 200
GET    /health/ready                                                            200 200 200 200 200 200 200 200
GET    /openapi.json                                                            200 200 200 200 200 200 200 200
GET    /.well-known/jwks.json                                                   200 200 200 200 200 200 200 200
POST   /auth/register                                                           400 400 400 400 400 400 400 400
POST   /auth/login                                                              400 400 400 400 400 400 400 400
POST   /auth/refresh                                                            400 400 400 400 400 400 400 400
POST   /auth/password/forgot                                                    400 400 400 400 400 400 400 400
POST   /auth/password/reset                                                     400 400 400 400 400 400 400 400
POST   /auth/sessions/disown                                                    400 400 400 400 400 400 400 400
POST   /auth/email/verify                                                       400 400 400 400 400 400 400 400
POST   /auth/logout                                                             204 204 204 204 204 204 401 204
POST   /auth/logout-all                                                         204 204 204 204 204 204 401 204
GET    /auth/sessions                                                           200 200 200 200 200 200 401 200
DELETE /auth/sessions/{session_id}                                              204 404 404 404 404 404 401 404
POST   /auth/password/change                                                    400 400 400 400 400 400 401 400
POST   /auth/email/resend                                                       202 202 202 202 202 202 401 202
POST   /auth/totp                                                               400 400 400 400 400 400 401 400
POST   /auth/totp/confirm                                                       400 400 400 400 400 400 401 400
DELETE /auth/totp                                                               400 400 400 400 400 400 401 400
POST   /auth/passkeys/registrations                                             201 201 201 201 201 201 401 201
POST   /auth/passkeys                                                           400 400 400 400 400 400 401 400
GET    /auth/passkeys                                                           200 200 200 200 200 200 401 200
DELETE /auth/passkeys/{passkey_id}                                              404 404 404 404 404 404 401 404
POST   /auth/passkeys/challenges                                                201 201 201 201 201 201 201 201
POST   /auth/passkeys/login                                                     400 400 400 400 400 400 400 400
GET    /admin/users                                                             404 404 404 404 404 404 404 200
GET    /admin/users/{user_id}                                                   404 404 404 404 404 404 404 200
POST   /admin/users/{user_id}/ban                                               404 404 404 404 404 404 404 400
POST   /admin/users/{user_id}/unban                                             404 404 404 404 404 404 404 200
POST   /admin/users/{user_id}/sign-out                                          404 404 404 404 404 404 404 204
POST   /admin/users/{user_id}/role                                              404 404 404 404 404 404 404 400
GET    /admin/stats                                                             404 404 404 404 404 404 404 200
GET    /admin/reports                                                           404 404 404 404 404 404 404 200
GET    /admin/audit                                                             404 404 404 404 404 404 404 200
GET    /admin/audit/proof                                                       404 404 404 404 404 404 404 200
GET    /users/me                                                                200 200 200 200 200 200 401 200
PATCH  /users/me                                                                200 200 200 200 200 200 401 200
DELETE /users/me                                                                400 400 400 400 400 400 401 400
POST   /users/me/restore                                                        409 409 409 409 409 409 401 409
POST   /users/me/exports                                                        202 202 202 202 202 202 401 202
GET    /users/me/exports                                                        200 200 200 200 200 200 401 200
GET    /users/me/exports/{export_id}                                            404 404 404 404 404 404 401 404
GET    /users                                                                   200 200 200 200 200 200 401 200
GET    /users/{user_id}                                                         200 200 200 200 200 200 401 200
GET    /users/me/blocks                                                         200 200 200 200 200 200 401 200
PUT    /users/me/blocks/{user_id}                                               204 204 204 204 204 204 401 204
DELETE /users/me/blocks/{user_id}                                               204 204 204 204 204 204 401 204
GET    /contacts                                                                200 200 200 200 200 200 401 200
POST   /contacts/{user_id}                                                      400 201 201 201 201 404 401 201
POST   /contacts/{user_id}/accept                                               404 200 200 200 200 404 401 200
DELETE /contacts/{user_id}                                                      204 204 204 204 204 204 401 204
POST   /conversations                                                           201 201 201 201 201 404 401 201
GET    /conversations                                                           200 200 200 200 200 200 401 200
GET    /conversations/{conversation_id}                                         200 200 200 404 404 200 401 404
PATCH  /conversations/{conversation_id}                                         200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}                                         204 403 403 404 404 403 401 404
GET    /conversations/{conversation_id}/members                                 200 200 200 404 404 200 401 404
POST   /conversations/{conversation_id}/members                                 200 200 403 404 404 403 401 404
PATCH  /conversations/{conversation_id}/members/{user_id}                       200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}/members/{user_id}                       204 204 403 404 404 403 401 404
GET    /conversations/{conversation_id}/bans                                    200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}/bans/{user_id}                          204 204 403 404 404 403 401 404
POST   /conversations/{conversation_id}/invitations                             201 201 403 404 404 403 401 404
GET    /conversations/{conversation_id}/invitations                             200 200 200 404 404 403 401 404
DELETE /conversations/{conversation_id}/invitations/{invitation_id}             204 204 404 404 404 403 401 404
GET    /invitations/{token}                                                     200 200 200 403 200 404 401 200
POST   /invitations/{token}/accept                                              200 200 200 403 201 404 401 201
GET    /conversations/{conversation_id}/join-requests                           200 200 403 404 404 403 401 404
POST   /conversations/{conversation_id}/join-requests/{user_id}/approve         200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}/join-requests/{user_id}                 204 204 403 404 404 403 401 404
POST   /conversations/{conversation_id}/messages/{message_id}/reports           403 201 201 404 404 403 401 404
GET    /conversations/{conversation_id}/reports                                 200 200 403 404 404 403 401 404
PATCH  /conversations/{conversation_id}/reports/{report_id}                     200 200 403 404 404 403 401 404
PUT    /conversations/{conversation_id}/me                                      200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/events                                  200 200 200 404 404 200 401 404
POST   /sync                                                                    200 200 200 200 200 200 401 200
POST   /conversations/{conversation_id}/messages                                201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/messages                                200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/messages/{message_id}                   200 200 200 404 404 200 401 404
PATCH  /conversations/{conversation_id}/messages/{message_id}                   200 403 403 404 404 404 401 404
DELETE /conversations/{conversation_id}/messages/{message_id}                   204 204 403 404 404 403 401 404
PUT    /conversations/{conversation_id}/messages/{message_id}/reactions/{emoji} 204 204 204 404 404 404 401 404
DELETE /conversations/{conversation_id}/messages/{message_id}/reactions/{emoji} 204 204 204 404 404 404 401 404
GET    /conversations/{conversation_id}/messages/{message_id}/thread            200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/messages/{message_id}/edits             200 200 403 404 404 403 401 404
GET    /conversations/{conversation_id}/pins                                    200 200 200 404 404 200 401 404
PUT    /conversations/{conversation_id}/pins/{message_id}                       204 204 204 404 404 404 401 404
DELETE /conversations/{conversation_id}/pins/{message_id}                       204 204 204 404 404 404 401 404
GET    /drafts                                                                  200 200 200 200 200 200 401 200
PUT    /conversations/{conversation_id}/draft                                   200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/draft                                   200 200 200 404 404 200 401 404
DELETE /conversations/{conversation_id}/draft                                   204 204 204 404 404 204 401 404
POST   /conversations/{conversation_id}/read                                    200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/receipts                                200 200 200 404 404 200 401 404
POST   /conversations/{conversation_id}/typing                                  204 204 204 404 404 404 401 404
POST   /conversations/{conversation_id}/polls                                   201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/polls                                   200 200 200 404 404 200 401 404
GET    /polls/{poll_id}                                                         200 200 200 404 404 200 401 404
PUT    /polls/{poll_id}/vote                                                    200 200 200 404 404 404 401 404
DELETE /polls/{poll_id}/vote                                                    204 204 204 404 404 404 401 404
POST   /polls/{poll_id}/options                                                 201 201 201 404 404 404 401 404
POST   /polls/{poll_id}/close                                                   200 200 403 404 404 404 401 404
GET    /polls/{poll_id}/voters                                                  200 200 200 404 404 200 401 404
POST   /conversations/{conversation_id}/scheduled                               201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/scheduled                               200 200 200 404 404 200 401 404
DELETE /conversations/{conversation_id}/scheduled/{scheduled_id}                204 404 404 404 404 404 401 404
GET    /search                                                                  200 200 200 200 200 200 401 200
GET    /ai/settings                                                             200 200 200 200 200 200 401 200
PUT    /ai/settings                                                             200 200 200 200 200 200 401 200
POST   /ai/summaries                                                            200 200 200 404 404 403 401 404
POST   /ai/replies                                                              200 200 200 404 404 403 401 404
POST   /ai/answers                                                              200 200 200 404 404 403 401 404
POST   /ai/search                                                               200 200 200 404 404 403 401 404
POST   /ai/translations                                                         501 501 501 404 404 403 401 404
POST   /ai/rewrites                                                             501 501 501 501 501 501 401 501
POST   /ai/moderations                                                          200 200 200 200 200 200 401 200
POST   /ai/transcriptions                                                       404 404 404 404 404 404 401 404
GET    /ai/jobs/{job_id}                                                        404 404 404 404 404 404 401 404
DELETE /ai/requests/{request_id}                                                404 404 404 404 404 404 401 404
POST   /ai/digests                                                              200 200 200 200 200 200 401 200
PUT    /presence                                                                200 200 200 200 200 200 401 200
GET    /presence                                                                200 200 200 200 200 200 401 200
GET    /devices/webpush-key                                                     200 200 200 200 200 200 200 200
GET    /devices                                                                 200 200 200 200 200 200 401 200
PUT    /devices/{device_id}                                                     200 200 200 200 200 200 401 200
DELETE /devices/{device_id}                                                     204 204 204 204 204 204 401 204
GET    /notifications/preferences                                               200 200 200 200 200 200 401 200
PUT    /notifications/preferences                                               200 200 200 200 200 200 401 200
GET    /notifications                                                           200 200 200 200 200 200 401 200
POST   /notifications/read                                                      200 200 200 200 200 200 401 200
POST   /conversations/{conversation_id}/calls                                   201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/calls                                   200 200 200 404 404 200 401 404
GET    /calls                                                                   200 200 200 200 200 200 401 200
GET    /calls/ice-servers                                                       200 200 200 200 200 200 401 200
GET    /calls/{call_id}                                                         200 200 200 404 404 200 401 404
POST   /calls/{call_id}/join                                                    200 200 200 404 404 404 401 404
POST   /calls/{call_id}/decline                                                 409 409 200 404 404 410 401 404
POST   /calls/{call_id}/leave                                                   200 200 403 404 404 200 401 404
POST   /calls/{call_id}/end                                                     200 200 403 404 404 200 401 404
POST   /calls/{call_id}/heartbeat                                               200 200 403 404 404 404 401 404
PUT    /calls/{call_id}/media-state                                             200 200 403 404 404 404 401 404
POST   /calls/{call_id}/signals                                                 202 202 403 404 404 404 401 404
GET    /calls/{call_id}/signals                                                 200 200 403 404 404 404 401 404
POST   /calls/{call_id}/quality                                                 202 202 403 404 404 202 401 404
POST   /realtime/tickets                                                        201 201 201 201 201 201 401 201
SOCKET sendMessage                                                              200 200 200 404 404 404 401 404
SOCKET editMessage                                                              200 403 403 404 404 404 401 404
SOCKET deleteMessage                                                            200 200 403 404 404 403 401 404
SOCKET react                                                                    200 200 200 404 404 404 401 404
SOCKET markRead                                                                 200 200 200 404 404 200 401 404
SOCKET typing                                                                   200 200 200 404 404 404 401 404
SOCKET vote                                                                     200 200 200 404 404 404 401 404
SOCKET sync                                                                     200 200 200 200 200 200 401 200
SOCKET signal                                                                   200 200 403 404 404 404 401 404
SOCKET callHeartbeat                                                            200 200 403 404 404 404 401 404
SOCKET ping                                                                     200 200 200 200 200 200 401 200
SOCKET setPresence                                                              200 200 200 200 200 200 401 200
SOCKET watchPresence                                                            200 200 200 404 404 200 401 404
SOCKET aiCancel                                                                 404 404 404 404 404 404 401 404
"""


def _parsed(table: str) -> dict[str, dict[str, int]]:
    found = {}
    for line in table.strip().splitlines()[1:]:
        method, place, *statuses = line.split()
        assert len(statuses) == len(ROLES), line
        found[f"{method} {place}"] = dict(zip(ROLES, map(int, statuses), strict=True))
    return found


EXPECTED = _parsed(TABLE.rstrip() + drive_rights.TABLE.rstrip() + keys_rights.TABLE)
