"""Floor 1, people: accounts, their cards, what we tell them, and how they leave."""
