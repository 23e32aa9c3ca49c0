"""What operators and managers look at: reports on what the engine has done."""
