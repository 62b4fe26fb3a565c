"""`make up`: the app with the whole sandbox around it."""
