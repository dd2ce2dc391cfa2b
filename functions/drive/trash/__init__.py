"""The trash: trashing, restoring and purging nodes; and the sweep of due items."""
