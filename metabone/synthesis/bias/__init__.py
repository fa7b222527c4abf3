"""Small-study effects: do small studies differ from large ones, and what if they did not?"""
