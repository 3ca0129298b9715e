"""All rows, in the order of the page."""

from rows import receiving, serving, tools, words

ALL = [*serving.ROWS, *receiving.ROWS, *words.ROWS, *tools.ROWS]
