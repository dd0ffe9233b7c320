"""What only the chargers' door knows, over HTTP.

All of it is for the owner of the charge point and for staff; to everybody else it does not exist.
"""
