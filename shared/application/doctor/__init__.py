"""The doctor: everything that a cure needs, looked at once, each with what is wrong and the command that mends it.

`GET /api/health/deep` and `cachewarden doctor` are the same checks; they differ in who asks. A check looks and changes
nothing, has a time of its own, and fails alone. A module holds the checks of one idea; `rounds` puts them together.
"""
