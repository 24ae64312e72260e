"""How settings reach a client, stay good, and tell how they are; the same for every platform."""
