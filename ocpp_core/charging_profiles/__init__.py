"""Smart charging: profiles made of what an owner wishes, what several of them come to, and those a charger holds.

`units`, `abilities`, `building` and `schedules` are pure; `kept` is what we know of the boxes; `shown` says it in plain words.
"""
