"""An operator's own questions with known answers: how well they are answered, and a tuning fitted to them."""
