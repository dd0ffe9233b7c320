"""The doors of owners' money: pages, forms and API of payouts, bank accounts, statements and taxes, and the desk where staff pay out."""
