"""The roof and the ground of the house.

The roof (settings, urls, asgi, api, demo, commands) assembles the apps and nobody imports it;
the ground (errors, bus) is imported by every floor and imports nothing of ours.
"""
