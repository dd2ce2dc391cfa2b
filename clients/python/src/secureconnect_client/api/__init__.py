"""The routes of the REST API, one module per noun. Each method is one request; none holds state."""
