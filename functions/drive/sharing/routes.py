"""Routes of the drive: shares, public links, the files of a conversation."""

from __future__ import annotations

from typing import Any

from drive.route_schemas import FileList, Link, LinkedFile, LinkList, NewLink, NewShare, Share, SharedList, ShareList
from drive.sharing import links
from drive.sharing import service as sharing
from kernel.caller import Caller
from kernel.http import App
from kernel.incoming import Incoming
from kernel.limiter import Limit
from kernel.schema import Paging

PASSWORD_HEADER = "X-Link-Password"  # noqa: S105 - the name of a header
FOLLOW = Limit("links", requests=120, window_s=60, per="address")


def add_to(app: App) -> None:
    """Register these routes."""

    def share(caller: Caller, node_id: str, body: NewShare, *, file: bool) -> Any:
        return sharing.share(
            caller=caller,
            node_id=node_id,
            file=file,
            user_id=body.user_id,
            conversation_id=body.conversation_id,
            role=body.role,
        )

    share_errors = ["blocked", "not_ready", "too_many"]

    @app.post("/drive/files/{file_id}/shares", body=NewShare, returns=Share, status=201, errors=share_errors)
    def share_file(caller: Caller, file_id: str, body: NewShare) -> Any:
        """Share one of the caller's files with a person or a conversation, or change the role of a share."""
        return share(caller, file_id, body, file=True)

    @app.get("/drive/files/{file_id}/shares", query=Paging, returns=ShareList)
    def list_file_shares(caller: Caller, file_id: str, query: Paging) -> Any:
        """The shares of a file."""
        return sharing.list_shares(caller=caller, node_id=file_id, file=True, limit=query.limit, after=query.cursor)

    @app.delete("/drive/files/{file_id}/shares/{share_id}", status=204)
    def unshare_file(caller: Caller, file_id: str, share_id: str) -> None:
        """Revoke a share, or leave it as its grantee; effective immediately."""
        sharing.unshare(caller=caller, node_id=file_id, share_id=share_id, file=True)

    @app.post("/drive/folders/{folder_id}/shares", body=NewShare, returns=Share, status=201, errors=share_errors)
    def share_folder(caller: Caller, folder_id: str, body: NewShare) -> Any:
        """Share a folder and all its content."""
        return share(caller, folder_id, body, file=False)

    @app.get("/drive/folders/{folder_id}/shares", query=Paging, returns=ShareList)
    def list_folder_shares(caller: Caller, folder_id: str, query: Paging) -> Any:
        """The shares of a folder."""
        return sharing.list_shares(caller=caller, node_id=folder_id, file=False, limit=query.limit, after=query.cursor)

    @app.delete("/drive/folders/{folder_id}/shares/{share_id}", status=204)
    def unshare_folder(caller: Caller, folder_id: str, share_id: str) -> None:
        """Revoke a share of a folder, or leave it as its grantee."""
        sharing.unshare(caller=caller, node_id=folder_id, share_id=share_id, file=False)

    @app.get("/drive/shared-with-me", query=Paging, returns=SharedList)
    def list_shared_with_me(caller: Caller, query: Paging) -> Any:
        """Files and folders shared with the caller or with their conversations."""
        return sharing.shared_with_me(caller=caller, limit=query.limit, after=query.cursor)

    @app.get("/conversations/{conversation_id}/files", query=Paging, returns=FileList)
    def list_conversation_files(caller: Caller, conversation_id: str, query: Paging) -> Any:
        """The files of a conversation, latest first."""
        return sharing.gallery(
            caller=caller, conversation_id=conversation_id, limit=query.limit, after=query.cursor
        )  # fmt: skip

    @app.post(
        "/drive/files/{file_id}/links",
        body=NewLink,
        returns=Link,
        status=201,
        errors=["not_ready", "too_many"],
    )
    def create_link(caller: Caller, file_id: str, body: NewLink) -> Any:
        """Create a public link; only this response has its token."""
        return links.create(
            caller=caller,
            file_id=file_id,
            ends_at=body.expires_at,
            password=body.password,
            max_downloads=body.max_downloads,
        )

    @app.get("/drive/files/{file_id}/links", query=Paging, returns=LinkList)
    def list_links(caller: Caller, file_id: str, query: Paging) -> Any:
        """The public links of one of the caller's files, oldest first."""
        return links.list_links(caller=caller, file_id=file_id, limit=query.limit, after=query.cursor)

    @app.delete("/drive/files/{file_id}/links/{link_id}", status=204)
    def delete_link(caller: Caller, file_id: str, link_id: str) -> None:
        """Delete a public link."""
        links.remove(caller=caller, file_id=file_id, link_id=link_id)

    @app.get(
        "/drive/links/{token}",
        returns=LinkedFile,
        public=True,
        limits=[FOLLOW],
        errors=["password_required", "password_wrong", "not_ready"],
        headers=[PASSWORD_HEADER],
    )
    def follow_link(token: str, request: Incoming) -> Any:
        """The file behind a public link (its password in `X-Link-Password`); counts as a download."""
        password = request.headers.get(PASSWORD_HEADER.lower()) or None
        return links.follow(token=token, password=password)
