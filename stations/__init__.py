"""Floor 3, charging: charge points, who may charge, sessions and their meters, commands asked of chargers."""
