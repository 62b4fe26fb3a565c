"""Azure Monitor: log alert rules over the workspaces, and the action group that posts alerts to the app."""
