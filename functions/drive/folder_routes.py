"""Routes of the drive: folders, the trash, and finding things."""

from __future__ import annotations

from typing import Any

from drive import finding, folders, trash
from drive.schemas import (
    Children,
    EntryList,
    FileList,
    Folder,
    FolderChanges,
    NewFolder,
    Removal,
    Search,
    TrashList,
    Usage,
)
from kernel.caller import Caller
from kernel.http import App
from kernel.schema import Paging


def add_to(app: App) -> None:
    """Register these routes."""

    @app.post("/drive/folders", body=NewFolder, returns=Folder, status=201, errors=["name_taken", "too_deep"])
    def create_folder(caller: Caller, body: NewFolder) -> Any:
        """A new folder in another one, or at the top."""
        return folders.create(caller=caller, name=body.name, parent_id=body.parent_id)

    @app.patch("/drive/folders/{folder_id}", body=FolderChanges, returns=Folder, errors=["name_taken", "cycle"])
    def change_folder(caller: Caller, folder_id: str, body: FolderChanges) -> Any:
        """Rename a folder or move it within its drive."""
        return folders.change(caller=caller, folder_id=folder_id, fields=body.model_dump(exclude_unset=True))

    @app.delete("/drive/folders/{folder_id}", status=204, query=Removal, errors=["conflict"])
    def delete_folder(caller: Caller, folder_id: str, query: Removal) -> None:
        """Put a folder with all in it into the trash; `permanent=true` deletes it. Large ones follow in minutes."""
        trash.remove(caller=caller, node_id=folder_id, permanent=query.permanent == "true", file=False)

    @app.post("/drive/folders/{folder_id}/restore", returns=Folder, errors=["name_taken"])
    def restore_folder(caller: Caller, folder_id: str) -> Any:
        """Take a folder with what was in it back from the trash."""
        return trash.restore(caller=caller, node_id=folder_id, file=False)

    @app.get("/drive/folders/{folder_id}/children", query=Children, returns=EntryList)
    def list_children(caller: Caller, folder_id: str, query: Children) -> Any:
        """What lies in a folder (`root`: at the top of one's own drive): folders first, in the order of `sort`."""
        return folders.children(
            caller=caller, folder_id=folder_id, sort=query.sort, limit=query.limit, after=query.cursor
        )

    @app.get("/drive/trash", query=Paging, returns=TrashList)
    def list_trash(caller: Caller, query: Paging) -> Any:
        """What the caller has put into the trash."""
        return trash.listing(caller=caller, limit=query.limit, after=query.cursor)

    @app.get("/drive/usage", returns=Usage)
    def get_usage(caller: Caller) -> Any:
        """How much of the quota is used and reserved, in bytes."""
        return finding.usage(caller=caller)

    @app.get("/drive/search", query=Search, returns=EntryList)
    def search_drive(caller: Caller, query: Search) -> Any:
        """One's own files and folders by the beginnings of words in their names, and by type."""
        return finding.search(caller=caller, q=query.q, kind=query.type, limit=query.limit, after=query.cursor)

    @app.get("/drive/recent", query=Paging, returns=FileList)
    def list_recent(caller: Caller, query: Paging) -> Any:
        """One's own files, the latest changed first."""
        return finding.recent(caller=caller, limit=query.limit, after=query.cursor)

    @app.get("/drive/favourites", query=Paging, returns=FileList)
    def list_favourites(caller: Caller, query: Paging) -> Any:
        """The files that the caller has marked."""
        return finding.favourites(caller=caller, limit=query.limit, after=query.cursor)
