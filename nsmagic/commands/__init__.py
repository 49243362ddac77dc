"""The command language, pure: text in, ``Command`` out; nothing here touches a kernel, a file or a clock.

``cell.py`` splits a cell into steps, ``lexer.py`` a line into words, one module per tool reads the words
(``link.py``, ``addr.py`` … ``ping.py``), ``hints.py`` knows the frequent mistakes, ``completion.py`` the next word.
"""
