"""The driver of the local cloud: starts it, deploys into it, looks inside it. Nothing here is deployed."""
