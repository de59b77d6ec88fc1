"""The pages for people: forms and views in HTML."""
