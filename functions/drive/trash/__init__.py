"""How things go: into the trash, back, and for good; and the sweep of everything that is due."""
