"""``metabone effects``: a table in, its effect sizes out."""

from __future__ import annotations

from metabone.cli import common as c
from metabone.cli.bundles import Measured, Written, bundled


@bundled
def effects(data: Measured, out: Written) -> None:
    """Compute effect sizes and their variances, with every input and conversion.

    Prints CSV, or writes it with -o; rows that give no effect are listed on stderr.
    """
    out.check(data.table)
    from metabone.files import frame_to_csv, write_whole
    from metabone.synthesis.results import SCHEMA_VERSION

    answer = data.effects()
    c.report_ledger(answer)
    if answer.synthetic:
        c.say("SYNTHETIC: rows of this table are generated, not observed")
    text = frame_to_csv(answer.to_frame())
    target = None if str(out.output) == "-" else out.output
    if target is not None:
        write_whole(target, text, force=out.force)
        c.say(f"wrote {target}")
    content = {"schema_version": SCHEMA_VERSION} | answer.to_dict()
    if not c.emit_json(content, out.json, force=out.force) and target is None:
        c.show_table(text)
