"""Google's Gemini API: its requests and answers."""
