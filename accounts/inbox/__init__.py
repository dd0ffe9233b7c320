"""The door to what a person was told: the notification centre, and by which ways and when she is told."""
