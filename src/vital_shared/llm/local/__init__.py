"""Language models on this machine: a server of their own, as a supervised child on loopback."""
