"""Second factors: codes of an app, passkeys, step-up, and who has to have one."""
