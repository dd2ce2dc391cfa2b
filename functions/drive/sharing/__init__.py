"""Who else may use a file: shares with people and conversations, public links, files that go with messages."""
