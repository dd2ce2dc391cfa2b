"""The running local cloud under load: its addresses, people, load generators and figures."""
