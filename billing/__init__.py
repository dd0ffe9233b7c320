"""Floor 2, money: tariffs, the ledger, top-ups, charge detail records. It knows watt-hours and crowns, no sockets."""
