"""All rows, in the order of the page, and those that run only when they are named."""

from rows import others, receiving, serving, tools, words

ALL = [*serving.ROWS, *receiving.ROWS, *words.ROWS, *tools.ROWS]
NAMED = others.NAMED
