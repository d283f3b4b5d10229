"""The schema, one step a file; a step that has run somewhere is never edited."""
