"""The app of the drive's routes (contract §8), which are registered by each of its parts."""

from __future__ import annotations

from accounts.api import authenticate
from drive.files import routes as file_routes
from drive.sharing import routes as sharing_routes
from drive.trash import routes as trash_routes
from drive.uploads import routes as upload_routes
from kernel.http import App

app = App("drive", authenticate=authenticate)
for routes in (upload_routes, file_routes, trash_routes, sharing_routes):
    routes.add_to(app)
