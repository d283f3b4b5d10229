"""The durable books: the only package that speaks SQL."""
