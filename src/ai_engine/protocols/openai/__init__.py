"""The engine as OpenAI's API has it, for any chat front end: a model is a mode and an agent."""
