"""What goes in and what comes out: frozen, typed values."""
