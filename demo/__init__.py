"""`make demo`: seeds people and conversations on the running stack and plays a short live conversation."""
