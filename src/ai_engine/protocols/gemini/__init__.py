"""Google's Gemini API: its requests."""
