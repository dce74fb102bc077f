"""Files into topics: read, checked column by column, placed and written; what is wrong is told by line."""
