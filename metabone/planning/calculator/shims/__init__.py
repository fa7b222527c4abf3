"""Small modules that stand in the page for those of the standard library and of numpy.

Two underscores in a file's name are a folder there, a last one is left out: `scipy__special.py` is
``scipy.special``, `textwrap_.py` is ``textwrap``.
"""
