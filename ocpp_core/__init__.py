"""Floor 4, the chargers' door: OCPP 1.6J over WebSocket. It translates; the rules lie below."""
