"""Files and folders: access control, reading, renaming, moving, listing, searching."""
