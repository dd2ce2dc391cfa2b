"""Routes of the drive: files and their versions, folders, and lists over the caller's drive."""

from __future__ import annotations

from typing import Any

from drive.files import folders, listings
from drive.files import service as files
from drive.route_schemas import (
    ActivityList,
    Children,
    Download,
    EntryList,
    FileChanges,
    FileList,
    FileSearch,
    FileVersionList,
    Folder,
    FolderChanges,
    NewFolder,
    Usage,
)
from drive.schemas import File
from kernel.caller import Caller
from kernel.errors import NotFound
from kernel.http import App
from kernel.schema import Paging


def add_to(app: App) -> None:
    """Register these routes."""

    @app.post("/drive/folders", body=NewFolder, returns=Folder, status=201, errors=["name_taken", "too_deep"])
    def create_folder(caller: Caller, body: NewFolder) -> Any:
        """Create a folder in another one, or in the root of the caller's drive."""
        return folders.create(caller=caller, name=body.name, parent_id=body.parent_id)

    @app.patch("/drive/folders/{folder_id}", body=FolderChanges, returns=Folder, errors=["name_taken", "cycle"])
    def change_folder(caller: Caller, folder_id: str, body: FolderChanges) -> Any:
        """Rename a folder or move it within its drive."""
        return folders.change(caller=caller, folder_id=folder_id, fields=body.model_dump(exclude_unset=True))

    @app.get("/drive/folders/{folder_id}/children", query=Children, returns=EntryList)
    def list_children(caller: Caller, folder_id: str, query: Children) -> Any:
        """The children of a folder (`root`: of the caller's drive): folders first, in the order of `sort`."""
        return folders.children(
            caller=caller, folder_id=folder_id, sort=query.sort, limit=query.limit, after=query.cursor
        )

    @app.get("/drive/usage", returns=Usage)
    def get_usage(caller: Caller) -> Any:
        """The used and reserved bytes of the caller's quota."""
        return listings.usage(caller=caller)

    @app.get("/drive/search", query=FileSearch, returns=EntryList)
    def search_drive(caller: Caller, query: FileSearch) -> Any:
        """The caller's files and folders by prefixes of words in their names, and by type."""
        return listings.search(caller=caller, q=query.q, kind=query.type, limit=query.limit, after=query.cursor)

    @app.get("/drive/recent", query=Paging, returns=FileList)
    def list_recent(caller: Caller, query: Paging) -> Any:
        """The caller's files, the last changed first."""
        return listings.recent(caller=caller, limit=query.limit, after=query.cursor)

    @app.get("/drive/favourites", query=Paging, returns=FileList)
    def list_favourites(caller: Caller, query: Paging) -> Any:
        """The caller's favourites."""
        return listings.favourites(caller=caller, limit=query.limit, after=query.cursor)

    @app.get("/drive/files/{file_id}", returns=File)
    def get_file(caller: Caller, file_id: str) -> Any:
        """A file that the caller owns or that is shared with them."""
        return files.get(caller=caller, file_id=file_id)

    @app.patch("/drive/files/{file_id}", body=FileChanges, returns=File, errors=["not_ready", "conflict"])
    def change_file(caller: Caller, file_id: str, body: FileChanges) -> Any:
        """Rename a file or move it to another folder of the same drive."""
        return files.change(caller=caller, file_id=file_id, fields=body.model_dump(exclude_unset=True))

    @app.get("/drive/files/{file_id}/download", returns=Download, errors=["not_ready"])
    def download_file(caller: Caller, file_id: str) -> Any:
        """A download URL for 5 minutes, as an attachment; for ready files only."""
        return files.download(caller=caller, file_id=file_id)

    @app.get("/drive/files/{file_id}/versions", query=Paging, returns=FileVersionList)
    def list_versions(caller: Caller, file_id: str, query: Paging) -> Any:
        """The kept versions of a file (20 by default), newest first."""
        return files.versions(caller=caller, file_id=file_id, limit=query.limit, after=query.cursor)

    @app.post("/drive/files/{file_id}/versions/{version}/restore", returns=File, errors=["not_ready", "conflict"])
    def restore_version(caller: Caller, file_id: str, version: str) -> Any:
        """Make an earlier version the current one."""
        if not version.isascii() or not version.isdigit() or len(version) > 8:
            raise NotFound
        return files.restore_version(caller=caller, file_id=file_id, number=int(version))

    @app.get("/drive/files/{file_id}/activity", query=Paging, returns=ActivityList)
    def list_activity(caller: Caller, file_id: str, query: Paging) -> Any:
        """The activity on a file, latest first."""
        return files.activity(caller=caller, file_id=file_id, limit=query.limit, after=query.cursor)

    @app.put("/drive/files/{file_id}/favourite", status=204)
    def mark_favourite(caller: Caller, file_id: str) -> None:
        """Mark a file as one of the caller's favourites."""
        files.set_favourite(caller=caller, file_id=file_id, on=True)

    @app.delete("/drive/files/{file_id}/favourite", status=204)
    def unmark_favourite(caller: Caller, file_id: str) -> None:
        """Remove a file from the caller's favourites."""
        files.set_favourite(caller=caller, file_id=file_id, on=False)
