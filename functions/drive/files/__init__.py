"""Files and folders: who may use them, how they are read, renamed, moved, listed and found."""
