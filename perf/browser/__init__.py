"""The web client and end-to-end encryption in Chromium."""
