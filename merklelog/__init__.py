"""merklelog: the audit log you can prove."""
