"""The driver of the local cloud: starts it, deploys into it, inspects it. Nothing here is deployed."""
