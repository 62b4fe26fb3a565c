"""The embedded Functions host: runs an unmodified function app where Core Tools can't be installed.

The worker is Microsoft's own library `azure-functions-runtime`, the one that Azure runs for Python 3.13, so what is
rejected in Azure is rejected here. What this package writes itself is the other half, the .NET host with its extension
bundle: HTTP routes and keys, the Event Grid webhook, queue and timer listeners, output bindings, the admin API.
`README.md` beside this file says call by call what is the same as in Azure and what is not.
"""
