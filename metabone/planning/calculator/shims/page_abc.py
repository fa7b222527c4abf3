"""``Mapping``, to ask whether something is one."""

Mapping = dict
