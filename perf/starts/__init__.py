"""Cold starts of functions, their imports, and the share of a core that Lambda gives them."""
