"""`make demo`: creates people and conversations on the running stack and plays a short live conversation."""
