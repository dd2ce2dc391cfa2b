"""Routes of the drive: trashing, restoring and deleting."""

from __future__ import annotations

from typing import Any

from drive.route_schemas import Folder, Removal, TrashList
from drive.schemas import File
from drive.trash import service as trash
from kernel.caller import Caller
from kernel.http import App
from kernel.schema import Paging


def add_to(app: App) -> None:
    """Register these routes."""

    @app.delete("/drive/folders/{folder_id}", status=204, query=Removal, errors=["conflict"])
    def delete_folder(caller: Caller, folder_id: str, query: Removal) -> None:
        """Move a folder and its content to the trash; `permanent=true` deletes them. A large folder takes minutes."""
        trash.remove(caller=caller, node_id=folder_id, permanent=query.permanent == "true", file=False)

    @app.post("/drive/folders/{folder_id}/restore", returns=Folder, errors=["name_taken"])
    def restore_folder(caller: Caller, folder_id: str) -> Any:
        """Restore a folder and its content from the trash."""
        return trash.restore(caller=caller, node_id=folder_id, file=False)

    @app.get("/drive/trash", query=Paging, returns=TrashList)
    def list_trash(caller: Caller, query: Paging) -> Any:
        """The caller's trash."""
        return trash.list_trashed(caller=caller, limit=query.limit, after=query.cursor)

    @app.delete("/drive/files/{file_id}", status=204, query=Removal, errors=["conflict"])
    def delete_file(caller: Caller, file_id: str, query: Removal) -> None:
        """Move a file to the trash for 30 days; `permanent=true` deletes it and frees its quota."""
        trash.remove(caller=caller, node_id=file_id, permanent=query.permanent == "true", file=True)

    @app.post("/drive/files/{file_id}/restore", returns=File, errors=["conflict"])
    def restore_file(caller: Caller, file_id: str) -> Any:
        """Restore a file from the trash to its folder."""
        return trash.restore(caller=caller, node_id=file_id, file=True)
