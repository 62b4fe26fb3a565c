"""A first policy, proposed from what is there: registries with their rules and credential sets, and images that run.

`found` is what was found, `proposing` decides, `writing` makes the commented file. All of it is pure, and whatever was
found, the file is a valid policy that only looks (mode `observe`).
"""
