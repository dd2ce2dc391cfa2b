"""Administration: what platform admins see and do (contract §11): people, bans, roles, reports, figures, the audit log.

It owns no data but the daily figures and never shows or changes the content of conversations. For everybody else
its routes do not exist.
"""
