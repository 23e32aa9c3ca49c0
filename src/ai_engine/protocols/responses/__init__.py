"""OpenAI's Responses API without stored state: its requests, answers and errors."""
