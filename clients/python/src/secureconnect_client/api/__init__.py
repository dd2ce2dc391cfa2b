"""The routes of the REST API, one module per resource. Each method is one request, and none has state."""
