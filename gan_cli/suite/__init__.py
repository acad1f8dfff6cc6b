"""The suite: rows of the papers as data, the bands that they have to reach, and the tables of what came out."""
