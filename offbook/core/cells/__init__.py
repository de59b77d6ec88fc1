"""The values of cells: checked on the way in, put into shape on the way out."""
