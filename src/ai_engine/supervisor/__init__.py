"""Several workers behind one address: a supervisor keeps them running and adds up what they count."""
