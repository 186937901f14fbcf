"""How the server behaves: faults to switch on, and what servers do differently."""
