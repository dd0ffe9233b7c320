"""One module for each OCPP profile; a handler is a view for chargers: it translates, calls one room, translates back."""
