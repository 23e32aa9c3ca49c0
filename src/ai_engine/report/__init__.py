"""The report that the API shows; its maker is handed in at the start."""
